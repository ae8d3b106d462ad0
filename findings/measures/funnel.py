"""Whether a team differs from all of them by more than chance: the limits of a funnel plot.

Exact binomial limits about the share of all teams together, between whole numbers as D. J.
Spiegelhalter gives them (Statistics in Medicine 2005; 24: 1185-1202). A team outside is a question
to ask, no verdict: its patients may differ.
"""

from collections.abc import Iterable, Sequence
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

    def place(self, met: int, size: int) -> Place:
        """Where a team with `met` of `size` lies."""
        own = met / size
        if own < self.low:
            return Place.BELOW
        if own > self.high:
            return Place.ABOVE
        if own < self.lower:
            return Place.LOW
        return Place.HIGH if own > self.upper else Place.INSIDE


def limits(sizes: Sequence[int], share: float) -> list[Limits]:
    """Between which numbers chance alone would leave a team of each of these sizes: 95 % and
    99.8 %. `share`: of all teams, from 0 to 1."""
    if share in (0, 1):
        return [Limits(share, share, share, share) for _ in sizes]
    # Takes half a second and 70 MB: only a process that draws a funnel pays for it.
    import numpy
    from scipy.stats import binom

    # All at once: one by one is forty times the work.
    chance = numpy.array([[ALARM / 2], [WARNING / 2], [1 - WARNING / 2], [1 - ALARM / 2]])
    whole = binom.ppf(chance, sizes, share)
    over = binom.cdf(whole, sizes, share)
    under = binom.cdf(whole - 1, sizes, share)
    between = (over - chance) / (over - under)
    shares = numpy.clip((whole - between) / numpy.array(sizes), 0, 1)
    return [Limits(*of_one) for of_one in shares.T.tolist()]


def share_of_all(teams: Iterable[tuple[int, int]]) -> float | None:
    """The share of all (met, size) together; None where nothing was due."""
    pairs = list(teams)
    every = sum(size for _, size in pairs)
    return sum(met for met, _ in pairs) / every if every else None
