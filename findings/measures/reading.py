"""Reading measures: one number, the months, the parts, and the rows behind each.

`narrow` is by dimension, with keys as an address has them: read(…, category="3", site="1"). Raises
ValueError for a key that cannot be one, KeyError for a dimension that the measure does not have.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import BooleanField, Case, Count, Min, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, TruncDate
from django.utils import timezone

from findings.measures.definitions import MEASURES
from findings.measures.dimensions import DIMENSIONS, NOT_KNOWN, NOT_KNOWN_WORDS, as_address
from findings.measures.measure import Measure, Reading
from findings.measures.period import Period
from findings.measures.survival import Curve, curve
from findings.models import Organisation

Narrow = Mapping[str, str]


@dataclass(frozen=True)
class Part:
    """One line of a breakdown: a category, a site, an hour."""

    key: str
    label: str
    reading: Reading


def read(
    code: str, trust: Organisation, period: Period, now: datetime | None = None, **narrow: str
) -> Reading:
    """What the measure says of this trust in this period."""
    measure, now = MEASURES[code], now or timezone.now()
    found = _selected(measure, trust, period, now, narrow).aggregate(**_counts(measure, now))
    return _reading(measure, period, found, now)


def series(
    code: str,
    trust: Organisation,
    period: Period,
    step: str = "month",
    now: datetime | None = None,
    **narrow: str,
) -> list[Reading]:
    """The same by the months or weeks of a period, the earliest first, none left out."""
    measure, now = MEASURES[code], now or timezone.now()
    parts = list(period.weeks() if step == "week" else period.months())
    by_day = (
        _selected(measure, trust, period, now, narrow)
        .values(counted_on=TruncDate(measure.moment))
        .annotate(**_counts(measure, now))
    )
    days: dict[date, Mapping[str, Any]] = {row["counted_on"]: row for row in by_day}
    return [
        _added(
            measure, part, (row for on, row in days.items() if part.first <= on <= part.last), now
        )
        for part in parts
    ]


def by(
    code: str,
    trust: Organisation,
    period: Period,
    dimension: str,
    now: datetime | None = None,
    **narrow: str,
) -> list[Part]:
    """The same by category, by site, …: the parts that have cases, in the dimension's order."""
    measure, now = MEASURES[code], now or timezone.now()
    rows = _selected(measure, trust, period, now, narrow)
    grouped = list(rows.values(key=_key(measure, dimension)).annotate(**_counts(measure, now)))
    known = {row["key"]: row for row in grouped if row["key"] not in (None, "")}
    unknown = [row for row in grouped if row["key"] in (None, "")]
    labels = DIMENSIONS[dimension].labels(known)
    parts = [
        Part(as_address(key), words, _reading(measure, period, known.pop(key), now))
        for key, words in labels.items()
        if key in known
    ]
    rest = [*unknown, *known.values()]
    if rest:
        parts.append(Part(NOT_KNOWN, NOT_KNOWN_WORDS, _added(measure, period, rest, now)))
    return parts


def rows(
    code: str,
    trust: Organisation,
    period: Period,
    met: bool | None = None,
    now: datetime | None = None,
    **narrow: str,
) -> "QuerySet[Any]":
    """The cases behind a number, each with `is_met` and `counts_at`; `met` asks for the numerator,
    or for what is missing to the denominator."""
    measure, now = MEASURES[code], now or timezone.now()
    is_met = Case(
        When(measure.met(now), then=Value(True)), default=Value(False), output_field=BooleanField()
    )
    found = _selected(measure, trust, period, now, narrow)
    found = found.annotate(is_met=is_met, counts_at=measure.moment)
    return found if met is None else found.filter(is_met=met)


def took(
    code: str, trust: Organisation, period: Period, now: datetime | None = None, **narrow: str
) -> Curve | None:
    """How long cases took, with what is open as "at least so long"; None where that is not asked.

    A case that ended without what was promised (withdrawn, handed over) took at least until then.
    """
    measure, now = MEASURES[code], now or timezone.now()
    if measure.took is None:
        return None
    since, until, done = measure.took
    found = _selected(measure, trust, period, now, narrow)
    found = found.annotate(is_done=Case(When(done, then=Value(True)), default=Value(False)))
    lengths: dict[bool, list[timedelta]] = {True: [], False: []}
    for began, ended, is_done in found.values_list(since, until, "is_done"):
        lengths[is_done].append(max((ended or now) - began, timedelta(0)))
    return curve(lengths[True], lengths[False])


def _selected(
    measure: Measure, trust: Organisation, period: Period, now: datetime, narrow: Narrow
) -> "QuerySet[Any]":
    found = measure.select(trust, period, now)
    for dimension, key in narrow.items():
        expression = _key(measure, dimension)
        if key == NOT_KNOWN:
            # Senders leave out what they do not know, or send it empty.
            text = TextField()
            expression = Coalesce(Cast(expression, text), Value(""), output_field=text)
            key = ""
        found = found.alias(**{f"by_{dimension}": expression}).filter(**{f"by_{dimension}": key})
    return found


def _key(measure: Measure, dimension: str) -> Any:
    of = DIMENSIONS[dimension]
    if not of.is_of(measure):
        raise KeyError(dimension)
    return of.key(measure)


def _counts(measure: Measure, now: datetime) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "due": Count("pk"),
        "met": Count("pk", filter=measure.met(now)),
    }
    if measure.is_open is not None:
        counts["open"] = Count("pk", filter=measure.is_open)
        counts["oldest"] = Min(measure.since, filter=measure.is_open)
    return counts


def _reading(measure: Measure, period: Period, found: Mapping[str, Any], now: datetime) -> Reading:
    oldest = found.get("oldest")
    return Reading(
        measure,
        period,
        found["met"],
        found["due"],
        found.get("open", 0),
        now - oldest if oldest else None,
    )


def _added(
    measure: Measure, period: Period, found: Iterable[Mapping[str, Any]], now: datetime
) -> Reading:
    every = list(found)
    total: dict[str, Any] = {
        name: sum(row.get(name) or 0 for row in every) for name in ("met", "due", "open")
    }
    began = [row["oldest"] for row in every if row.get("oldest")]
    return _reading(measure, period, total | {"oldest": min(began, default=None)}, now)
