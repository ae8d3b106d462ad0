"""What a measure is, and what is read of one.

A measure names cases, says when each counts, and which of them are met. Every number of it, the
shares, the breakdowns, the months and the rows, is the same selection, so they cannot disagree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.expressions import Combinable

from findings.measures.period import Period
from findings.models import Organisation

# Fewer cases than this say little: one more or less would change the share by ten points or more.
SMALL = 10


@dataclass(frozen=True)
class Cases:
    """Rows of one kind, and how to get from one to what it is broken down by."""

    # All of a trust.
    of: Callable[[Organisation], "QuerySet[Any]"]
    # The way to the finding ("finding__"; "" for itself; None: it has none) and the examination.
    finding: str | None
    examination: str
    # Who reported, or flagged.
    radiologist: str
    # When a case began: by this it is sorted into hours and days of the week.
    begun: str
    # What a row is called.
    noun: str
    # As `of`, with those that no longer count; None: `of` itself. Of these days may change.
    every: "Callable[[Organisation], QuerySet[Any]] | None" = None
    # Whether what makes a row count never changes.
    is_append_only: bool = False

    @property
    def shown(self) -> list[str]:
        """What a list of rows reads beside them."""
        if self.finding is None:
            return [self.examination + name for name in ("patient", "site", "current_report")]
        of_finding = ("category", "site", "owner_person", "owner_team", "examination__patient")
        return [self.finding + name for name in of_finding]


@dataclass(frozen=True)
class Measure:
    """One number: how it is called, what it asks, and how it counts.

    `numerator`, `denominator` and `exclusions` are for people; `counted`, `at` and `met` say the
    same to the database. `clock` is from when to when, in words; `source` who asks for it.
    """

    code: str
    name: str
    question: str
    numerator: str
    denominator: str
    exclusions: str
    clock: str
    source: str
    cases: Cases
    # The field by which a case belongs to a period.
    at: str
    # Which rows are cases at all, and which of these are met; at this moment.
    counted: Callable[[datetime], Q]
    met: Callable[[datetime], Q]
    # Which cases are not at their end, and since when (a field).
    is_open: Q | None = None
    since: str = ""
    # Whether a higher share is better. None: neither is.
    good: Literal["up", "down"] | None = "up"
    # A share from 0 to 100 with who says so; only where a source that was read has one.
    target: int | None = None
    target_source: str = ""
    # How long a case takes, where that is asked: from and to when, and where it is done.
    took: tuple[Combinable, str, Q] | None = None
    # A case counts so long after the moment in `at`: a limit that is kept in no row.
    after: timedelta = timedelta(0)
    # What it is broken down by beside what every measure is (dimensions.py).
    also_by: tuple[str, ...] = ()
    # What to say where there is none.
    if_none: str = "None in this time."

    def __str__(self) -> str:
        return self.name

    @property
    def moment(self) -> Combinable:
        """When a case counts."""
        if not self.after:
            return F(self.at)
        return ExpressionWrapper(F(self.at) + self.after, output_field=DateTimeField())

    def select(
        self, organisation: Organisation, periods: Sequence[Period], now: datetime
    ) -> "QuerySet[Any]":
        """Its cases in any of these periods. None counts before its moment has come."""
        within = Q(pk__in=())
        for period in periods:
            within |= Q(
                **{
                    f"{self.at}__gte": period.start - self.after,
                    f"{self.at}__lt": min(period.end, now) - self.after,
                }
            )
        return self.cases.of(organisation).filter(within, self.counted(now)).order_by()


@dataclass(frozen=True)
class Reading:
    """What a measure says of one period, or of a part of its cases."""

    measure: Measure
    period: Period
    numerator: int
    denominator: int
    # Of these cases those that are not at their end, and how long the oldest has been open.
    open: int = 0
    oldest: timedelta | None = None

    @property
    def percent(self) -> int | None:
        """Rounded down, so that 100 is shown only where nothing was missed."""
        return self.numerator * 100 // self.denominator if self.denominator else None

    @property
    def share(self) -> float | None:
        """From 0 to 100, as it is."""
        return self.numerator * 100 / self.denominator if self.denominator else None

    @property
    def is_small(self) -> bool:
        return 0 < self.denominator < SMALL

    @property
    def missed(self) -> int:
        return self.denominator - self.numerator


def from_the_first(readings: Sequence[Reading]) -> list[Reading]:
    """Without the months before anything was recorded: they say nothing."""
    known = [number for number, one in enumerate(readings) if one.denominator]
    return list(readings[known[0] :]) if known else []
