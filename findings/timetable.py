"""When a promise is due, and when each rung of its ladder falls. Pure: facts in, moments out.

Elapsed time is counted in UTC, so four hours are four hours when the clocks change. Working days
are counted on the local calendar and end at the same local time of day.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?)?"
)


@dataclass(frozen=True)
class Duration:
    """Days, and hours with minutes, kept apart: a working day is not twenty-four hours."""

    days: int
    time: timedelta

    @property
    def is_zero(self) -> bool:
        return not self.days and not self.time

    @property
    def backwards(self) -> "Duration":
        return Duration(-self.days, -self.time)

    @property
    def elapsed(self) -> timedelta:
        return timedelta(days=self.days) + self.time


@cache
def parse_duration(text: str) -> Duration:
    """An ISO 8601 duration of days, hours and minutes; "-P28D" is 28 days before.

    Raises ValueError for anything else: a policy row that cannot be read must not be loaded.
    """
    match = _DURATION.fullmatch(text)
    if match is None or text.lstrip("-") in ("P", "PT", "") or text.endswith("T"):
        raise ValueError(f"'{text}' is not a duration of days, hours and minutes such as P1DT12H.")
    sign = -1 if match["sign"] else 1
    time = timedelta(hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0))
    return Duration(sign * int(match["days"] or 0), sign * time)


@dataclass(frozen=True)
class Calendar:
    """How days are counted. An elapsed calendar needs no holidays."""

    working: bool
    zone: ZoneInfo
    holidays: frozenset[date] = frozenset()

    def is_working_day(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.holidays

    def add(self, start: datetime, duration: Duration) -> datetime:
        """The moment (UTC) that lies `duration` after `start`, in whatever zone that is given."""
        start = start.astimezone(UTC)  # adding to a local time would count its wall clock
        if not self.working:
            return start + duration.elapsed
        return self._add_working_days(start, duration.days) + duration.time

    def _add_working_days(self, start: datetime, days: int) -> datetime:
        if days == 0:
            return start
        local = start.astimezone(self.zone)
        day = _working_days_on(self, local.date(), days)
        return datetime.combine(day, local.timetz()).astimezone(UTC)


@lru_cache(maxsize=20_000)
def _working_days_on(calendar: Calendar, day: date, days: int) -> date:
    """So many working days after this day, or before it. A replay asks the same ten thousand
    times."""
    step = timedelta(days=1 if days > 0 else -1)
    for _ in range(abs(days)):
        day += step
        while not calendar.is_working_day(day):
            day += step
    return day


class RungLike(Protocol):
    """What a rung of a ladder has to say; the model's row does, and so does a test's."""

    @property
    def level(self) -> int: ...
    @property
    def offset(self) -> str: ...
    @property
    def anchor(self) -> str: ...
    @property
    def audience(self) -> str: ...
    @property
    def words(self) -> str: ...


@dataclass(frozen=True)
class PlannedStep:
    """One rung with its moment (UTC), before or after it became a row."""

    level: int
    due_at: datetime
    audience: str
    words: str


def steps(
    rungs: Iterable[RungLike],
    *,
    started_at: datetime,
    due_at: datetime,
    calendar: Calendar,
    from_at: datetime,
) -> Sequence[PlannedStep]:
    """The rungs with their moments, earliest first.

    Rungs tied to the limit count from the limit, or from `from_at` where the limit had passed
    before the ladder was set up (somebody acknowledged late): they then get the same distance
    from that moment. A reminder whose moment had passed by then is left out.
    """
    anchors = {"start": started_at, "due": max(due_at, from_at)}
    planned = [
        PlannedStep(rung.level, moment, rung.audience, rung.words)
        for rung in rungs
        for moment in [calendar.add(anchors[rung.anchor], parse_duration(rung.offset))]
        if not (rung.offset.startswith("-") and moment < from_at)
    ]
    return sorted(planned, key=lambda step: (step.due_at, step.level))


def still_to_tell(
    ladder: Iterable[PlannedStep], told: Mapping[str, int], at: datetime
) -> Sequence[PlannedStep]:
    """What is left of a ladder where another one was climbed before: without as many past steps of
    each audience as it has been told of (`told`). What would have fallen by `at` and was not told
    stays, and so falls at once."""
    left = dict(told)
    kept = []
    for step in ladder:
        if step.due_at <= at and left.get(step.audience, 0) > 0:
            left[step.audience] -= 1
        else:
            kept.append(step)
    return kept


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The last moment (UTC) of a local day, as the first of the next: a limit given as a date."""
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
    return midnight.astimezone(UTC)


def in_words(text: str) -> str:
    """ "PT12H" as "12 hours"; "P5D" as "5 days". Whether working days, the caller says."""
    duration = parse_duration(text)
    minutes = int(abs(duration.time).total_seconds() // 60)
    parts = [
        f"{count} {unit}{'' if count == 1 else 's'}"
        for count, unit in (
            (abs(duration.days), "day"),
            (minutes // 60, "hour"),
            (minutes % 60, "minute"),
        )
        if count
    ]
    return " ".join(parts) or "at once"
