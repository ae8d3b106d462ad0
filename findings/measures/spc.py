"""Whether a number has changed or only varies: XmR charts as NHS England's Making Data Count draws
them. Pure; a measure's months go in, limits and signals come out.

The rules and constants are those that the NHS-R community's NHSRplotthedots documents for that
programme: limits at 2.66 average moving ranges from the mean, a moving range above 3.267 times
their average left out of it, and four signals (`Signal`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import fmean

LIMIT = 2.66
NEAR_LIMIT = 2 * LIMIT / 3
# A moving range that is itself out of control would widen the limits until they hide it.
SCREEN = 3.267
RUN = 7
# With fewer points limits are on trial: each new point moves them.
ENOUGH = 12
# With fewer there is nothing to draw limits from.
LEAST = 5


class Signal(StrEnum):
    """Why a point is more than chance."""

    OUTSIDE = "outside", "outside the process limits"
    SHIFT = "shift", "one of seven or more in a row on the same side of the mean"
    TREND = "trend", "one of seven or more in a row that rise, or fall"
    NEAR = "near", "one of two out of three that are near the same limit"

    words: str

    def __new__(cls, value: str, words: str) -> "Signal":
        made = str.__new__(cls, value)
        made._value_ = value
        made.words = words
        return made


class Variation(StrEnum):
    """What the latest point says of the process."""

    COMMON = "common cause"
    BETTER = "special cause: improvement"
    WORSE = "special cause: concern"
    # Where nobody says which way is better.
    HIGHER = "special cause: higher"
    LOWER = "special cause: lower"
    UNKNOWN = "too few points to tell"


class Assurance(StrEnum):
    """Whether the process, as it runs now, meets its target."""

    PASSES = "consistently meets the target"
    FAILS = "consistently misses the target"
    HIT_AND_MISS = "meets or misses the target by chance"
    NO_TARGET = "no target"


@dataclass(frozen=True)
class Point:
    """One month: its value (None: nothing was due, which is no zero) and what it signals."""

    value: float | None
    signals: tuple[Signal, ...] = ()
    is_high: bool = False


@dataclass(frozen=True)
class Chart:
    """Points with their mean and process limits; without these where there are too few."""

    points: list[Point]
    mean: float | None = None
    lower: float | None = None
    upper: float | None = None
    is_trial: bool = True

    def variation(self, good: str | None) -> Variation:
        """What the latest point with a value signals; `good` is "up", "down" or None."""
        if self.mean is None:
            return Variation.UNKNOWN
        latest = [point for point in self.points if point.value is not None][-1]
        if not latest.signals:
            return Variation.COMMON
        if good is None:
            return Variation.HIGHER if latest.is_high else Variation.LOWER
        return Variation.BETTER if latest.is_high == (good == "up") else Variation.WORSE

    def assurance(self, target: float | None, good: str | None) -> Assurance:
        """Whether the limits lie beyond the target, on its good or its bad side."""
        if target is None or good is None or self.lower is None or self.upper is None:
            return Assurance.NO_TARGET
        if self.lower <= target <= self.upper:
            return Assurance.HIT_AND_MISS
        return Assurance.PASSES if (self.lower > target) == (good == "up") else Assurance.FAILS


def xmr(values: Sequence[float | None], baseline: int | None = None) -> Chart:
    """The chart of these values, oldest first. Limits come from the first `baseline` values where
    it is given: what came after is then judged by what was before."""
    known = [value for value in values if value is not None]
    base = known[:baseline]
    if len(base) < LEAST:
        return Chart([Point(value) for value in values])
    mean, width = fmean(base), _moving_range(base)
    signals = iter(_signals(known, mean, width))
    points = [
        Point(None) if value is None else Point(value, next(signals), value > mean)
        for value in values
    ]
    lower, upper = mean - LIMIT * width, mean + LIMIT * width
    return Chart(points, mean, lower, upper, is_trial=len(base) < ENOUGH)


def _moving_range(values: Sequence[float]) -> float:
    ranges = [abs(later - earlier) for earlier, later in pairwise(values)]
    average = fmean(ranges)
    kept = [one for one in ranges if one < SCREEN * average]
    return fmean(kept) if kept else average


def _signals(values: Sequence[float], mean: float, width: float) -> list[tuple[Signal, ...]]:
    sides = [_sign(value - mean) for value in values]
    outside = {at for at, value in enumerate(values) if abs(value - mean) > LIMIT * width}
    near = {
        at
        for at, value in enumerate(values)
        if at not in outside and abs(value - mean) > NEAR_LIMIT * width
    }
    found = {
        Signal.OUTSIDE: outside,
        Signal.SHIFT: _in_a_row(sides),
        Signal.TREND: _in_trend(values),
        Signal.NEAR: _two_in_three(sides, near),
    }
    return [
        tuple(signal for signal, points in found.items() if at in points)
        for at in range(len(values))
    ]


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def _in_a_row(sides: Sequence[int]) -> set[int]:
    """Every point of every run of seven on one side; a point on the mean itself breaks a run."""
    found: set[int] = set()
    for start in range(len(sides) - RUN + 1):
        if abs(sum(sides[start : start + RUN])) == RUN:
            found.update(range(start, start + RUN))
    return found


def _in_trend(values: Sequence[float]) -> set[int]:
    steps = [_sign(later - earlier) for earlier, later in pairwise(values)]
    found: set[int] = set()
    for start in range(len(values) - RUN + 1):
        if abs(sum(steps[start : start + RUN - 1])) == RUN - 1:
            found.update(range(start, start + RUN))
    return found


def _two_in_three(sides: Sequence[int], near: set[int]) -> set[int]:
    """Those near a limit in each three points on one side of which two are."""
    found: set[int] = set()
    for start in range(len(sides) - 2):
        three = range(start, start + 3)
        if abs(sum(sides[at] for at in three)) == 3 and len(near.intersection(three)) >= 2:
            found.update(near.intersection(three))
    return found
