"""How long a feed may be silent before somebody has to look, from its own history. Pure.

A feed is held against the same hours of the same kind of day in the weeks before its silence began:
nights and weekends are compared with nights and weekends, a bank holiday with Sundays, and the
working day after one with Mondays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

AROUND = timedelta(hours=1)  # before and after the same time of day
DAYS = 4  # of the same kind are looked at
WEEKS = 8  # back, at most, to find them
FEWEST = 2  # such days have to be known: a new feed has no usual
FACTOR = 2
NEVER_UNDER = timedelta(hours=1)
# A feed of fewer messages than this in SPARSE_WITHIN has no hours of its own.
SPARSE = 100
SPARSE_WITHIN = timedelta(days=28)

_MONDAY, _SUNDAY = 0, 6


@dataclass(frozen=True)
class Window:
    """A stretch of time in which a feed was, or was not, as silent as it is now."""

    start: datetime
    end: datetime


def windows(
    now: datetime, last: datetime, zone: ZoneInfo, is_holiday: Callable[[date], bool]
) -> list[Window]:
    """Where to look for what is usual at `now`: around the same wall time of the last days of its
    kind that were over when the silence began, the latest first."""
    here = now.astimezone(zone)
    kind = _kind(here.date(), is_holiday)
    day = last.astimezone(zone).date() - timedelta(days=1)
    day -= timedelta(days=(day.weekday() - kind) % 7)
    every = (day - timedelta(weeks=week) for week in range(WEEKS))
    plain = [day for day in every if _is_plain(day, is_holiday)][:DAYS]
    times = (datetime.combine(day, here.time(), zone) for day in plain)
    return [Window(at - AROUND, at + AROUND) for at in times]


def _kind(day: date, is_holiday: Callable[[date], bool]) -> int:
    if is_holiday(day):
        return _SUNDAY
    return day.weekday() if _is_plain(day, is_holiday) else _MONDAY


def _is_plain(day: date, is_holiday: Callable[[date], bool]) -> bool:
    """Neither a bank holiday nor the working day after one. A weekend is plain after one, too."""
    if is_holiday(day):
        return False
    return day.weekday() > 4 or not is_holiday(day - timedelta(days=1))


def longest_silence(
    before: datetime | None, arrivals: Sequence[datetime], window: Window
) -> timedelta | None:
    """For how long at most nothing had come, at any moment of the window. `before` is the last
    arrival before it, `arrivals` those in it, in order. None where the feed was not there yet."""
    if before is None:
        return None
    moments = [before, *arrivals, window.end]
    return max(later - earlier for earlier, later in pairwise(moments))


def usual(silences: Sequence[timedelta | None], recent: Sequence[datetime]) -> timedelta | None:
    """How silent the feed usually is. `silences`: the longest of each window; `recent`: the last
    arrivals within SPARSE_WITHIN, the latest first, SPARSE of them at most.

    None: too little is known. The very longest of three or more does not count: that one may have
    been the last time when the feed was broken.
    """
    known = sorted(one for one in silences if one is not None)
    if len(known) < FEWEST:
        return None
    found = known[-2] if len(known) > FEWEST else known[-1]
    if len(recent) < SPARSE:
        gaps = (later - earlier for later, earlier in pairwise(recent))
        found = max([found, *gaps])
    return found


def allowed(usual: timedelta) -> timedelta:
    """Silent for longer than this, somebody has to look."""
    return max(NEVER_UNDER, FACTOR * usual)
