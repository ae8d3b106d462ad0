"""Who changed what, from what to what: one line for every thing that is kept here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from findings.models import (
    BankHolidayChange,
    DirectoryChange,
    RotaChange,
    RoutingChange,
    SenderChange,
)
from findings.presenters.senders import changes_of
from findings.words import day

NOBODY = "The system"


@dataclass(frozen=True)
class TrailLine:
    """One change. What was not there before, or is not there any more, is empty."""

    what: str
    before: str
    after: str
    by: str
    at: datetime
    # Why, or where it was done.
    more: str = ""


def of_rota(changes: Iterable[RotaChange]) -> list[TrailLine]:
    return [
        TrailLine(one.get_what_display(), one.before, one.after, _by(one.by), one.at, one.source)
        for one in changes
    ]


def of_routing(changes: Iterable[RoutingChange]) -> list[TrailLine]:
    return [
        TrailLine("Routing rule", one.before, one.after, _by(one.by), one.at) for one in changes
    ]


def of_sender(changes: Iterable[SenderChange]) -> list[TrailLine]:
    """Its settings, and the keys of its links."""
    return [
        TrailLine(name, before, after, str(one.by or "At the command line"), one.at)
        for one in changes
        for name, before, after in changes_of(one)
    ]


def of_holidays(changes: Iterable[BankHolidayChange]) -> list[TrailLine]:
    return [_holiday(one) for one in changes]


def _holiday(change: BankHolidayChange) -> TrailLine:
    named = f"{change.holiday.name}, {day(change.holiday.on)}"
    is_gone = change.what == BankHolidayChange.What.REMOVED
    return TrailLine(
        change.get_what_display(),
        named if is_gone else "",
        "" if is_gone else named,
        _by(change.by),
        change.at,
        f"{change.because} Source: {change.source}",
    )


def of_directory(changes: Iterable[DirectoryChange], *, named: bool = False) -> list[TrailLine]:
    """`named`: of everybody, so that each line says of whom."""
    return [
        TrailLine(
            f"{one.person or one.team}: {one.what}" if named else one.what,
            one.before,
            one.after,
            _by(one.by),
            one.at,
            one.source,
        )
        for one in changes
    ]


def _by(person: object) -> str:
    return str(person or NOBODY)
