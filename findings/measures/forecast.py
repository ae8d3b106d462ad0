"""Which waits will pass their limit if reports come as they came lately. Pure.

A life table by whole days of age says which share of examinations still had no report at each age;
one that has waited eleven days is judged by those that waited eleven days too. No promise: it says
what happens if nobody does anything else than before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from math import ceil, floor, sqrt
from typing import NamedTuple

# With fewer examinations that got a report, nothing is foretold.
LEAST_REPORTED = 20
# Eight times in ten the number lies within so many standard deviations, where chance alone rules.
EIGHT_IN_TEN = 1.2816


class Ended(NamedTuple):
    """How many examinations were last seen at an age of so many whole days, and whether with their
    report: without it they wait still, or no report is to be expected."""

    days: int
    reported: bool
    number: int


class Wait(NamedTuple):
    """How many wait, of an age of so many whole days, whose limit falls in so many days."""

    days: int
    due_in: int
    number: int


@dataclass(frozen=True)
class LifeTable:
    """The share that had no report yet at the age of 0, 1, 2, … whole days."""

    waiting: list[float]
    reported: int

    @property
    def says_enough(self) -> bool:
        return self.reported >= LEAST_REPORTED

    def share_at(self, days: int) -> float:
        return self.waiting[min(days, len(self.waiting) - 1)]

    def is_late(self, days: int, due_in: int) -> float:
        """How likely a wait of this age passes a limit in so many days. Of what waits longer than
        anything that was reported nobody knows better: it is taken as late."""
        now = self.share_at(days)
        return self.share_at(days + due_in) / now if now > 0 else 1.0


@dataclass(frozen=True)
class Expected:
    """How many of those that fall due will be late; eight times in ten from `least` to `most`."""

    due: int
    late: float
    least: int
    most: int


def life_table(ended: Iterable[Ended]) -> LifeTable:
    """From all that were looked at, whatever became of them."""
    reported: dict[int, int] = {}
    unreported: dict[int, int] = {}
    for one in ended:
        days = reported if one.reported else unreported
        days[one.days] = days.get(one.days, 0) + one.number
    at_risk = sum(reported.values()) + sum(unreported.values())
    waiting = [1.0]
    for day in count():
        if at_risk <= 0:
            break
        waiting.append(waiting[-1] * (1 - reported.get(day, 0) / at_risk))
        at_risk -= reported.get(day, 0) + unreported.get(day, 0)
    return LifeTable(waiting, sum(reported.values()))


def expected(waits: Iterable[tuple[LifeTable, Wait]]) -> Expected:
    """Of these waits, each with the table that it goes by."""
    due, late, spread = 0, 0.0, 0.0
    for table, wait in waits:
        chance = table.is_late(wait.days, wait.due_in)
        due += wait.number
        late += wait.number * chance
        spread += wait.number * chance * (1 - chance)
    width = EIGHT_IN_TEN * sqrt(spread)
    return Expected(due, late, max(0, floor(late - width)), min(due, ceil(late + width)))
