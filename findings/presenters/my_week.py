"""What one person has promised, day by day: what is late first, then the coming week."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from django.conf import settings

from findings import words
from findings.models import Clock, Finding, Pause
from findings.states import ClockKind
from findings.timetable import end_of_day

DAYS = 7
# What is asked of whoever holds it, by the clock that asks.
_ASKED = {
    ClockKind.ACKNOWLEDGE: "Say whether it is yours",
    ClockKind.ACT: "Do what was planned",
    ClockKind.FOLLOW_UP: "Record the result",
    ClockKind.TELL_PATIENT: "Tell the patient",
}
_OF_THE_DEAD = "Record who was told instead of the patient, who has died"


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


def everything_due(findings: Iterable[Finding]) -> list[Due]:
    """Of findings with their clocks, recommendations and pauses read; the earliest first."""
    due = (one for finding in findings for one in _due_of(finding))
    return sorted(due, key=lambda one: (one.at, one.finding.pk, one.what))


def _due_of(finding: Finding) -> Iterator[Due]:
    dead = {one.clock_id for one in finding.pauses.all() if one.kind == Pause.Kind.DEATH}
    for clock in finding.clocks.all():
        kind = ClockKind(clock.kind)
        if kind == ClockKind.ACT:
            yield Due(finding, _ASKED[kind], _planned_for(finding, clock), finding.plan)
        elif kind == ClockKind.FOLLOW_UP:
            yield _awaited(finding, clock)
        else:
            what = _OF_THE_DEAD if clock.pk in dead else _ASKED[kind]
            yield Due(finding, what, clock.due_at)


def _planned_for(finding: Finding, clock: Clock) -> datetime:
    """The end of the day that was promised; a limit that has passed is late whatever was."""
    if finding.plan_by is None:
        return clock.due_at
    return min(clock.due_at, end_of_day(finding.plan_by, ZoneInfo(settings.TIME_ZONE)))


def _awaited(finding: Finding, clock: Clock) -> Due:
    """The recommended examination where one is awaited, else the result of what was done."""
    open_one = next((one for one in finding.recommendations.all() if one.is_open), None)
    if open_one is None:
        return Due(finding, _ASKED[ClockKind.FOLLOW_UP], clock.due_at)
    return Due(finding, "Say what became of the examination", clock.due_at, open_one.title)


def by_day(due: Iterable[Due], now: datetime) -> tuple[list[Day], int]:
    """What is late and what falls due within a week; and how much comes after that."""
    every = list(due)
    late = [one for one in every if one.at <= now]
    last = words.local(now).date() + timedelta(days=DAYS - 1)
    coming = [one for one in every if one.at > now]
    in_week = [one for one in coming if words.last_day(one.at) <= last]
    days = [Day("Late", late)] if late else []
    days += [
        Day(_title(on, now), list(of_day)) for on, of_day in groupby(in_week, key=_last_day_of)
    ]
    return days, len(coming) - len(in_week)


def _last_day_of(one: Due) -> date:
    return words.last_day(one.at)


def _title(on: date, now: datetime) -> str:
    """Today, Thursday 26 November 2026."""
    apart = (on - words.local(now).date()).days
    named = f"{on:%A} {words.day(on)}"
    return {0: f"Today, {named}", 1: f"Tomorrow, {named}"}.get(apart, named)
