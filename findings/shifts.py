"""A shift on a rota in local wall time, the moments that it means, and the gaps between shifts.

Pure. A night shift from 21:00 to 10:00 stays that on the wall, and so lasts an hour longer when
the clocks go back. A wall time that does not exist that night, or happens twice, is read as winter
time: the same for the end of one shift and the start of the next, so neither a gap nor an overlap
comes of it. The database computes the moments of a saved entry by the same rule.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from findings import words

ZONE = "Europe/London"


def moment(on: date, at: time, zone: str = ZONE) -> datetime:
    """The instant (UTC) at which a clock on the wall shows this."""
    here = datetime.combine(on, at, ZoneInfo(zone))
    # The two readings differ only where the wall time is none or two: the smaller is winter's.
    readings = (here.replace(fold=0), here.replace(fold=1))
    return min(readings, key=lambda reading: reading.utcoffset() or timedelta()).astimezone(UTC)


def is_odd(on: date, at: time, zone: str = ZONE) -> str:
    """Why this wall time is not one moment, in a sentence; empty where it is."""
    here = datetime.combine(on, at, ZoneInfo(zone))
    if not words.is_real(here):
        return (
            f"There is no {at:%H:%M} on {words.day(on)}, because the clocks go forward:"
            " it is read as winter time, an hour later on the wall."
        )
    if words.happens_twice(here):
        return (
            f"{at:%H:%M} happens twice on {words.day(on)}, because the clocks go back:"
            " it is read as winter time, the second of the two."
        )
    return ""


@dataclass(frozen=True)
class Shift:
    """From one wall time to another."""

    starts_on: date
    starts_time: time
    ends_on: date
    ends_time: time
    zone: str = ZONE

    @classmethod
    def between(cls, starts: datetime, ends: datetime, zone: str = ZONE) -> "Shift":
        """Of two wall times without a zone, as a form gives them."""
        return cls(starts.date(), starts.time(), ends.date(), ends.time(), zone)

    @property
    def starts_at(self) -> datetime:
        return moment(self.starts_on, self.starts_time, self.zone)

    @property
    def ends_at(self) -> datetime:
        return moment(self.ends_on, self.ends_time, self.zone)

    @property
    def lasts(self) -> timedelta:
        return self.ends_at - self.starts_at

    @property
    def notes(self) -> list[str]:
        """What has to be said about its wall times, in sentences."""
        ends = ((self.starts_on, self.starts_time), (self.ends_on, self.ends_time))
        return [note for on, at in ends if (note := is_odd(on, at, self.zone))]

    def moved(self, days: int) -> "Shift":
        """The same on the wall, some days later."""
        later = timedelta(days=days)
        return Shift(
            self.starts_on + later,
            self.starts_time,
            self.ends_on + later,
            self.ends_time,
            self.zone,
        )

    def __str__(self) -> str:
        until = f"{self.ends_time:%H:%M}"
        if self.ends_on != self.starts_on:
            until = f"{words.day(self.ends_on)} at {until}"
        return f"{words.day(self.starts_on)} at {self.starts_time:%H:%M} to {until}"


class Repeat:
    """How often a shift comes again: the days after the first, until a last day."""

    DAILY, WEEKDAYS, WEEKLY = "daily", "weekdays", "weekly"
    WORDS = (
        (DAILY, "Every day"),
        (WEEKDAYS, "Every day from Monday to Friday"),
        (WEEKLY, "Every week"),
    )


def repeated(shift: Shift, how: str, last_on: date) -> list[Shift]:
    """The shift and its repetitions that start not after `last_on`."""
    step = 7 if how == Repeat.WEEKLY else 1
    days = range(0, (last_on - shift.starts_on).days + 1, step)
    every = [shift.moved(number) for number in days] or [shift]
    if how == Repeat.WEEKDAYS:
        return [one for one in every if one.starts_on.weekday() < 5]
    return every


@dataclass(frozen=True)
class Gap:
    """From when until when nobody is on."""

    starts_at: datetime
    ends_at: datetime

    @property
    def lasts(self) -> timedelta:
        return self.ends_at - self.starts_at

    def __str__(self) -> str:
        return (
            (
                f"{words.when(self.starts_at)} to {words.near(self.ends_at, self.starts_at)}"
                f" ({words.length(self.lasts)})"
            )
            .replace("today at ", "")
            .replace("tomorrow at", "the next day at")
        )


def gaps(
    covered: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime
) -> Iterator[Gap]:
    """The parts of start to end that no span covers. The spans may come in any order."""
    free_from = start
    for begins, ends in sorted(covered):
        if begins >= end:
            break
        if begins > free_from:
            yield Gap(free_from, begins)
        free_from = max(free_from, ends)
    if free_from < end:
        yield Gap(free_from, end)
