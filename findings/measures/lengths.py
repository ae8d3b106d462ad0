"""How long cases took, with those that are not at their end counted as "at least so long"."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Case, Value, When
from django.utils import timezone

from findings.measures.counting import selected
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
    has_limit = measure.at == "due_at" and measure.cases.finding is not None
    of_limit = (f"{measure.cases.finding}category_id", "due_at") if has_limit else ()
    found = selected(measure, trust, [period], now, narrow)
    found = found.annotate(is_done=Case(When(done, then=Value(True)), default=Value(False)))
    lengths, shares = _Lengths(), defaultdict[str, _Lengths](_Lengths)
    for began, ended, is_done, *limit in found.values_list(since, until, "is_done", *of_limit):
        took = (ended or now) - began
        lengths.add(took.total_seconds(), is_done)
        if limit:
            category, due = limit
            shares[str(category)].add(took / (due - began), is_done)
    labels = DIMENSIONS["category"].labels(shares)
    return HowLong(lengths.curve, {words: shares[key].curve for key, words in labels.items()})


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

    def add(self, length: float, is_done: bool) -> None:
        (self.ended if is_done else self.at_least).append(max(length, 0))

    @property
    def curve(self) -> Curve:
        return curve(self.ended, self.at_least)
