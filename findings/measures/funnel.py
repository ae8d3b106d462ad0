"""Whether a team differs from all of them by more than chance: the limits of a funnel plot.

Exact binomial limits about the share of all teams together, between whole numbers as D. J.
Spiegelhalter gives them (Statistics in Medicine 2005; 24: 1185-1202). A team outside is a question
to ask, no verdict: its patients may differ.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

# The share of chance that lies outside both limits together.
WARNING, ALARM = 0.05, 0.002


class Place(StrEnum):
    """Where a team lies."""

    INSIDE = "within chance"
    BELOW = "lower than chance explains"
    ABOVE = "higher than chance explains"
    # Between the two limits: one team in twenty lies there by chance alone.
    LOW = "low: look again next quarter"
    HIGH = "high: look again next quarter"


@dataclass(frozen=True)
class Limits:
    """Of a team of one size, as shares from 0 to 1."""

    low: float
    lower: float
    upper: float
    high: float


def limits(size: int, share: float) -> Limits:
    """Between which numbers chance alone would leave a team of `size` cases: 95 % and 99.8 %."""
    low, lower, upper, high = (
        _limit(size, share, p) for p in (ALARM / 2, WARNING / 2, 1 - WARNING / 2, 1 - ALARM / 2)
    )
    return Limits(low, lower, upper, high)


def _limit(size: int, share: float, p: float) -> float:
    # Takes half a second and 70 MB: only a process that draws a funnel pays for it.
    from scipy.stats import binom

    if share in (0, 1):
        return share
    whole = binom.ppf(p, size, share)
    over = binom.cdf(whole, size, share)
    under = binom.cdf(whole - 1, size, share)
    between = (over - p) / (over - under)
    return float(min(max((whole - between) / size, 0), 1))


def place(met: int, size: int, share: float) -> Place:
    """Where a team with `met` of `size` lies about the share of all."""
    bounds, own = limits(size, share), met / size
    if own < bounds.low:
        return Place.BELOW
    if own > bounds.high:
        return Place.ABOVE
    if own < bounds.lower:
        return Place.LOW
    return Place.HIGH if own > bounds.upper else Place.INSIDE


def share_of_all(teams: Iterable[tuple[int, int]]) -> float | None:
    """The share of all (met, size) together; None where nothing was due."""
    pairs = list(teams)
    every = sum(size for _, size in pairs)
    return sum(met for met, _ in pairs) / every if every else None
