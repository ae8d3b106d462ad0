"""What one person has promised, day by day: what is late first, then the coming week.

All of it is put in order and counted; what the page shows is read in full.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings

from findings import words
from findings.models import Clock, Finding, Pause
from findings.states import ClockKind
from findings.timetable import end_of_day

DAYS = 7
# Nobody reads more at once. How much more there is is said, and where it stands.
MOST = 60
# What is asked of whoever holds it, by the clock that asks.
_ASKED = {
    ClockKind.ACKNOWLEDGE: "Say whether it is yours",
    ClockKind.ACT: "Do what was planned",
    ClockKind.FOLLOW_UP: "Record the result",
    ClockKind.TELL_PATIENT: "Tell the patient",
}
_OF_THE_DEAD = "Record who was told instead of the patient, who has died"


class Promise(NamedTuple):
    """One running clock, as it is put in order."""

    clock: int
    kind: str
    due_at: datetime
    finding: int
    plan_by: date | None

    @property
    def at(self) -> datetime:
        """The end of the day that was promised; a limit that has passed is late whatever was."""
        if self.kind != ClockKind.ACT or self.plan_by is None:
            return self.due_at
        return min(self.due_at, end_of_day(self.plan_by, ZoneInfo(settings.TIME_ZONE)))


# What is read of a clock for it.
OF_A_CLOCK = ("pk", "kind", "due_at", "finding", "finding__plan_by")


@dataclass(frozen=True)
class Due:
    """One thing that falls due: what, of which finding, when, and in words what was said of it."""

    finding: Finding
    what: str
    at: datetime
    said: str = ""


@dataclass(frozen=True)
class Day:
    """What falls due on one day; what is late stands together under a title of its own."""

    title: str
    due: list[Due]


@dataclass(frozen=True)
class Week:
    """What is late and what falls due within a week, by day: the first of it; of how much more of
    that the page says nothing else, and how much comes after."""

    days: Sequence[tuple[str, Sequence[Promise]]]
    more: int
    later: int

    @property
    def clocks(self) -> list[int]:
        """The ones that are shown."""
        return [one.clock for _, of_day in self.days for one in of_day]

    def filled(self, clocks: Mapping[int, Clock]) -> list[Day]:
        """Of what has ended since it was counted nothing."""
        days = (
            Day(title, [_due(clocks[one.clock], one.at) for one in of_day if one.clock in clocks])
            for title, of_day in self.days
        )
        return [day for day in days if day.due]


def week(promises: Iterable[Promise], now: datetime) -> Week:
    every = sorted(promises, key=lambda one: (one.at, one.finding, one.kind))
    last = words.local(now).date() + timedelta(days=DAYS - 1)
    soon = [one for one in every if one.at <= now or words.last_day(one.at) <= last]
    days = groupby(soon[:MOST], lambda one: _title(one.at, now))
    return Week(
        [(title, list(of_day)) for title, of_day in days],
        len(soon[MOST:]),
        len(every) - len(soon),
    )


def _title(at: datetime, now: datetime) -> str:
    """Today, Thursday 26 November 2026."""
    if at <= now:
        return "Late"
    on = words.last_day(at)
    apart = (on - words.local(now).date()).days
    named = f"{on:%A} {words.day(on)}"
    return {0: f"Today, {named}", 1: f"Tomorrow, {named}"}.get(apart, named)


def _due(clock: Clock, at: datetime) -> Due:
    """Of a clock whose finding has its recommendations and pauses read."""
    finding, kind = clock.its_finding, ClockKind(clock.kind)
    if kind == ClockKind.ACT:
        return Due(finding, _ASKED[kind], at, finding.plan)
    if kind == ClockKind.FOLLOW_UP:
        return _awaited(finding, at)
    of_the_dead = any(
        one.clock_id == clock.pk for one in finding.pauses.all() if one.kind == Pause.Kind.DEATH
    )
    return Due(finding, _OF_THE_DEAD if of_the_dead else _ASKED[kind], at)


def _awaited(finding: Finding, at: datetime) -> Due:
    """The recommended examination where one is awaited, else the result of what was done."""
    open_one = next((one for one in finding.recommendations.all() if one.is_open), None)
    if open_one is None:
        return Due(finding, _ASKED[ClockKind.FOLLOW_UP], at)
    return Due(finding, "Say what became of the examination", at, open_one.title)
