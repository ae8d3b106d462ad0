"""How long cases took, with those that are not at their end counted as "at least so long"."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import (
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    TextField,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Greatest
from django.utils import timezone

from findings.measures.counting import selected, whether
from findings.measures.definitions import MEASURES
from findings.measures.dimensions import DIMENSIONS
from findings.measures.period import Period
from findings.measures.survival import Curve, curve
from findings.models import Organisation


@dataclass(frozen=True)
class HowLong:
    """How many seconds cases took; and by category, where each has a limit, how many still waited
    after which share of it (1: the limit), so that an hour and five days stand in one picture."""

    took: Curve
    of_limit: Mapping[str, Curve]


def how_long(
    code: str, trust: Organisation, period: Period, now: datetime | None = None, **narrow: str
) -> HowLong | None:
    """None where that is not asked of the measure. What is open counts as "at least so long".

    A case that ended without what was promised (withdrawn, handed over) took at least until then.
    """
    measure, now = MEASURES[code], now or timezone.now()
    if measure.took is None:
        return None
    since, until, done = measure.took
    until_now = Coalesce(F(until), Value(now, output_field=DateTimeField()))
    took, category = _seconds(since, until_now), Value("", output_field=TextField())
    groups: dict[str, Any] = {"of_category": category, "is_done": whether(done)}
    lists: dict[str, Any] = {"took": ArrayAgg(took)}
    if measure.at == "due_at" and measure.cases.finding is not None:
        groups["of_category"] = Cast(f"{measure.cases.finding}category_id", TextField())
        lists["shares"] = ArrayAgg(took / _seconds(since, F("due_at")))
    # As few long lists: a row for each of forty thousand cases takes twice as long.
    found = selected(measure, trust, [period], now, narrow).values(**groups).annotate(**lists)
    lengths, of_limit = _Lengths(), defaultdict[str, _Lengths](_Lengths)
    for row in found:
        lengths.of(row["is_done"]).extend(row["took"])
        if "shares" in row:
            of_limit[row["of_category"]].of(row["is_done"]).extend(row["shares"])
    labels = DIMENSIONS["category"].labels(of_limit)
    return HowLong(lengths.curve, {words: of_limit[key].curve for key, words in labels.items()})


def _seconds(since: Combinable, until: Combinable) -> Combinable:
    """From one moment to another; none before it."""
    length = ExpressionWrapper(until - since, output_field=DurationField())
    seconds = Func(length, template="EXTRACT(EPOCH FROM %(expressions)s)::float8")
    return Greatest(seconds, Value(0.0), output_field=FloatField())


def took(
    code: str, trust: Organisation, period: Period, now: datetime | None = None, **narrow: str
) -> Curve | None:
    """How many seconds cases took; None where that is not asked."""
    found = how_long(code, trust, period, now, **narrow)
    return found.took if found else None


@dataclass
class _Lengths:
    ended: list[float] = field(default_factory=list)
    at_least: list[float] = field(default_factory=list)

    def of(self, is_done: bool) -> list[float]:
        return self.ended if is_done else self.at_least

    @property
    def curve(self) -> Curve:
        return curve(self.ended, self.at_least)
