"""Reading measures: one number, many at once, the months, the parts, and the rows behind each.

`narrow` is by dimension, with keys as an address has them: read(…, category="3", site="1"). Raises
ValueError for a key that cannot be one, KeyError for a dimension that the measure does not have.
`changes` is for whoever reads several numbers at the same moment: what was written since days were
kept is then asked once.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import chain
from typing import Any, NamedTuple

from django.db.models import (
    CharField,
    Count,
    DateTimeField,
    IntegerField,
    Min,
    QuerySet,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, TruncDate
from django.utils import timezone

from findings.measures.counting import (
    HOURS_OF_WEEK,
    PAIR,
    WHOLE,
    Narrow,
    Numbers,
    address_key_of,
    count,
    kept_by,
    moment_of,
    selected,
    whether,
)
from findings.measures.definitions import MEASURES
from findings.measures.dimensions import DIMENSIONS, NOT_KNOWN, NOT_KNOWN_WORDS
from findings.measures.kept import Changes, Kept, kept
from findings.measures.measure import Measure, Reading
from findings.measures.outside import too_few
from findings.measures.period import Period, joined
from findings.models import Event, Organisation

# More cases than there can be.
MOST = 2**62


@dataclass(frozen=True)
class Part:
    """One line of a breakdown: a category, a site, an hour."""

    key: str
    label: str
    reading: Reading
    # Not to be shown: it has so few cases, of something that is said of groups alone.
    is_hidden: bool = False


class Sum(NamedTuple):
    """What the database has counted of some cases of one measure, under a name and a key."""

    name: str
    key: Any
    due: int
    met: int
    open: int
    oldest: datetime | None


def read(
    code: str,
    trust: Organisation,
    period: Period,
    now: datetime | None = None,
    changes: Changes | None = None,
    **narrow: str,
) -> Reading:
    """What the measure says of this trust in this period."""
    return read_many([code], trust, [period], now, changes, **narrow)[code][0]


def read_many(
    codes: Iterable[str],
    trust: Organisation,
    periods: Sequence[Period],
    now: datetime | None = None,
    changes: Changes | None = None,
    **narrow: str,
) -> dict[str, list[Reading]]:
    """By measure: what it says of each of these periods. One question, however many these are."""
    now, wanted = now or timezone.now(), list(codes)
    of_days = _by_day(wanted, trust, periods, now, changes, narrow)
    return {
        code: [_reading(MEASURES[code], one, _within(one, of_days[code]), now) for one in periods]
        for code in wanted
    }


def series(
    code: str,
    trust: Organisation,
    period: Period,
    step: str = "month",
    now: datetime | None = None,
    changes: Changes | None = None,
    **narrow: str,
) -> list[Reading]:
    """The same by the months or weeks of a period, the earliest first, none left out."""
    return series_many([code], trust, period, step, now, changes, **narrow)[code]


def series_many(
    codes: Iterable[str],
    trust: Organisation,
    period: Period,
    step: str = "month",
    now: datetime | None = None,
    changes: Changes | None = None,
    **narrow: str,
) -> dict[str, list[Reading]]:
    """The same of several measures, in one question."""
    now, wanted = now or timezone.now(), list(codes)
    parts = list(period.weeks() if step == "week" else period.months())
    of_days = _by_day(wanted, trust, [period], now, changes, narrow)
    return {
        code: [_reading(MEASURES[code], part, _within(part, of_days[code]), now) for part in parts]
        for code in wanted
    }


def _within(period: Period, of_days: Iterable[tuple[date, Sum]]) -> list[Sum]:
    return [one for day, one in of_days if period.first <= day <= period.last]


def _by_day(
    codes: Sequence[str],
    trust: Organisation,
    periods: Sequence[Period],
    now: datetime,
    changes: Changes | None,
    narrow: Narrow,
) -> dict[str, list[tuple[date, Sum]]]:
    """By measure the days of these periods that have cases: those that are kept, and the others
    counted from their rows in one question."""
    known = _kept(codes, trust, periods, now, narrow, changes)
    found: dict[str, list[tuple[date, Sum]]] = {code: [] for code in codes}
    questions = []
    for code in codes:
        split = [known.split(code, period) for period in joined(periods)]
        for day, numbers in chain.from_iterable(days for days, _ in split):
            found[code].append((day, _sum(code, day, numbers)))
        if gaps := [gap for _, of_one in split for gap in of_one]:
            rows = selected(MEASURES[code], trust, gaps, now, narrow)
            day_of = TruncDate(MEASURES[code].moment)
            questions.append(_summed(MEASURES[code], code, rows, day_of, now))
    for one in _all(questions):
        found[one.name].append((one.key, one))
    return found


def by(
    code: str,
    trust: Organisation,
    period: Period,
    dimension: str,
    now: datetime | None = None,
    changes: Changes | None = None,
    **narrow: str,
) -> list[Part]:
    """The same by category, by site, …: the parts that have cases, in the dimension's order."""
    measure, now = MEASURES[code], now or timezone.now()
    keys = {dimension: address_key_of(measure, dimension)}
    sums = _sums_by(measure, keys, trust, period, now, narrow, changes)
    return _parts(dimension, measure, period, sums[dimension], now)


@dataclass(frozen=True)
class Look:
    """A measure in one period from every side."""

    whole: Reading
    # By dimension.
    parts: Mapping[str, Sequence[Part]]
    # By hour and day of the week at once, with keys as an address has them; only what has cases.
    hours: Mapping[tuple[str, str], Reading]


def look(
    code: str,
    trust: Organisation,
    period: Period,
    now: datetime | None = None,
    changes: Changes | None = None,
    **narrow: str,
) -> Look:
    """What it says, by all that it is broken down by and not narrowed to already, in one
    question."""
    measure, now = MEASURES[code], now or timezone.now()
    keys = {name: key for name, key in kept_by(measure).items() if name not in narrow}
    sums = _sums_by(measure, keys, trust, period, now, narrow, changes)
    hours, whole = sums[HOURS_OF_WEEK], sums[WHOLE]
    return Look(
        _reading(measure, period, whole[WHOLE], now),
        {
            name: _parts(name, measure, period, sums[name], now)
            for name in keys
            if name != HOURS_OF_WEEK
        },
        {_pair(key): _reading(measure, period, of, now) for key, of in hours.items()},
    )


def _pair(key: str) -> tuple[str, str]:
    first, _, second = key.partition(PAIR)
    return first, second


def _sums_by(
    measure: Measure,
    keys: Mapping[str, Combinable],
    trust: Organisation,
    period: Period,
    now: datetime,
    narrow: Narrow,
    changes: Changes | None,
) -> dict[str, dict[str, list[Sum]]]:
    """By the name and the value of each of these keys, and of the whole. Days are kept by one of
    them at a time."""
    known = Kept() if narrow else kept([measure.code], trust, keys, [period], now, changes)
    sums: dict[str, dict[str, list[Sum]]] = defaultdict(lambda: defaultdict(list))
    days, gaps = known.split(measure.code, period)
    found = [(name, known.on(day, measure.code, name)) for name in (WHOLE, *keys) for day in days]
    counted = count(measure, trust, gaps, now, keys, narrow)
    found += [(one.dimension, json.loads(one.parts)) for one in counted]
    for name, parts in found:
        for value, numbers in parts.items():
            sums[name][value].append(_sum(name, value, numbers))
    return sums


def _parts(
    dimension: str,
    measure: Measure,
    period: Period,
    sums: Mapping[str, Sequence[Sum]],
    now: datetime,
) -> list[Part]:
    of = DIMENSIONS[dimension]
    labels = of.labels(sums.keys() - {NOT_KNOWN})
    if NOT_KNOWN in sums:
        labels = {**labels, NOT_KNOWN: NOT_KNOWN_WORDS}
    parts = [
        Part(key, words, _reading(measure, period, sums[key], now)) for key, words in labels.items()
    ]
    return _with_few_hidden(parts) if of.is_of_groups else parts


def _with_few_hidden(parts: Sequence[Part]) -> list[Part]:
    """How many are not known says nothing of anybody, and is always shown."""
    known = [part for part in parts if part.key != NOT_KNOWN]
    hidden = too_few([part.reading for part in known])
    keys = {known[n].key for n in hidden}
    return [replace(part, is_hidden=part.key in keys) for part in parts]


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
    found, is_met = selected(measure, trust, [period], now, narrow), measure.met(now)
    if met is not None:
        if found.model is Event:
            # First those of the period, as a list that has an end: else PostgreSQL thinks that it
            # would ask of each line of its ranges whether it is met, and rather goes through every
            # finding.
            found = Event.objects.filter(pk__in=found.values("pk")[:MOST])
        found = found.filter(is_met if met else ~is_met)
    return found.annotate(is_met=whether(is_met), counts_at=measure.moment)


@dataclass(frozen=True)
class Known:
    """What is kept of some measures, narrowed to one key of one dimension."""

    kept: Kept = field(default_factory=Kept)
    dimension: str = WHOLE
    key: str = WHOLE

    def split(self, code: str, period: Period) -> tuple[list[tuple[date, Numbers]], list[Period]]:
        """The days that are kept and have cases, and the rest of the period."""
        days, gaps = self.kept.split(code, period)
        parts = ((day, self.kept.on(day, code, self.dimension)) for day in days)
        return [(day, of_day[self.key]) for day, of_day in parts if self.key in of_day], gaps


def _kept(
    codes: Sequence[str],
    trust: Organisation,
    periods: Sequence[Period],
    now: datetime,
    narrow: Narrow,
    changes: Changes | None,
) -> Known:
    """Days are kept by one dimension at a time."""
    if len(narrow) > 1:
        return Known()
    dimension, key = next(iter(narrow.items()), (WHOLE, WHOLE))
    if key.isdigit() and key != str(int(key)):
        return Known()  # "03" is 3 to the database
    return Known(kept(codes, trust, [dimension], periods, now, changes), dimension, key)


def _sum(name: str, key: Any, numbers: Numbers) -> Sum:
    due, met, still_open, oldest = numbers
    return Sum(name, key, due, met, still_open, None if oldest is None else moment_of(oldest))


def _summed(
    measure: Measure, name: str, rows: "QuerySet[Any]", key: Combinable, now: datetime
) -> "QuerySet[Any]":
    """Cases grouped by a key and counted, under a name, so that several can be asked together."""
    counts: dict[str, Any] = {
        "due": Count("pk"),
        "met": Count("pk", filter=measure.met(now)),
        "still_open": Value(0, output_field=IntegerField()),
        "oldest": Cast(Value(None), DateTimeField()),
    }
    if measure.is_open is not None:
        counts["still_open"] = Count("pk", filter=measure.is_open)
        counts["oldest"] = Min(measure.since, filter=measure.is_open)
    named = rows.values(name=Value(name, output_field=CharField()), key=key)
    return named.annotate(**counts).values_list(*("name", "key"), *counts)


def _all(questions: Sequence["QuerySet[Any]"]) -> list[Sum]:
    """In one statement."""
    if not questions:
        return []
    return [Sum(*row) for row in questions[0].union(*questions[1:], all=True)]


def _reading(measure: Measure, period: Period, sums: Sequence[Sum], now: datetime) -> Reading:
    began = [one.oldest for one in sums if one.oldest]
    return Reading(
        measure,
        period,
        numerator=sum(one.met for one in sums),
        denominator=sum(one.due for one in sums),
        open=sum(one.open for one in sums),
        oldest=now - min(began) if began else None,
    )
