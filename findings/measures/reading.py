"""Reading measures: one number, many at once, the months, the parts, and the rows behind each.

`narrow` is by dimension, with keys as an address has them: read(…, category="3", site="1"). Raises
ValueError for a key that cannot be one, KeyError for a dimension that the measure does not have.
`changes` is for whoever reads several numbers at the same moment: what was written since days were
kept is then asked once.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import (
    CharField,
    Count,
    DateTimeField,
    IntegerField,
    Min,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, TruncMonth, TruncWeek
from django.utils import timezone

from findings.measures.counting import (
    HOURS_OF_WEEK,
    PAIR,
    WHOLE,
    Narrow,
    Numbers,
    address_key_of,
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
from findings.measures.period import Period
from findings.models import Organisation

TRUNCATED = {"week": TruncWeek, "month": TruncMonth}


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
    now = now or timezone.now()
    wanted = list(codes)
    known = _kept(wanted, trust, periods, now, narrow, changes)
    sums: dict[tuple[str, int], list[Sum]] = defaultdict(list)
    questions = []
    for code in wanted:
        for number, period in enumerate(periods):
            days, gaps = known.split(code, period)
            sums[code, number] += (_sum(code, number, one) for _, one in days)
            rows = selected(MEASURES[code], trust, gaps, now, narrow)
            if gaps:
                questions.append(_summed(MEASURES[code], code, rows, Value(number), now))
    for one in _all(questions):
        sums[one.name, one.key].append(one)
    return {
        code: [
            _reading(MEASURES[code], period, sums[code, number], now)
            for number, period in enumerate(periods)
        ]
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
    known = _kept(wanted, trust, [period], now, narrow, changes)
    parts = list(period.weeks() if step == "week" else period.months())
    sums: dict[tuple[str, date], list[Sum]] = defaultdict(list)
    questions = []
    for code in wanted:
        days, gaps = known.split(code, period)
        for day, numbers in days:
            sums[code, _part_of(day, parts)].append(_sum(code, day, numbers))
        if gaps:
            rows = selected(MEASURES[code], trust, gaps, now, narrow)
            on = TRUNCATED[step](MEASURES[code].moment)
            questions.append(_summed(MEASURES[code], code, rows, on, now))
    for one in _all(questions):
        # A month and a week are given by the moment at which they begin.
        began = timezone.localtime(one.key).date() if isinstance(one.key, datetime) else one.key
        sums[one.name, max(began, period.first)].append(one)
    return {
        code: [_reading(MEASURES[code], part, sums[code, part.first], now) for part in parts]
        for code in wanted
    }


def _part_of(day: date, parts: Sequence[Period]) -> date:
    """The first day of the month or week in which it lies."""
    return parts[bisect_right([part.first for part in parts], day) - 1].first


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
    keys = {WHOLE: Value(WHOLE, output_field=TextField()), **kept_by(measure)}
    keys = {name: key for name, key in keys.items() if name not in narrow}
    sums = _sums_by(measure, keys, trust, period, now, narrow, changes)
    hours, whole = sums.pop(HOURS_OF_WEEK), sums.pop(WHOLE)
    return Look(
        _reading(measure, period, whole[WHOLE], now),
        {name: _parts(name, measure, period, sums[name], now) for name in sums},
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
    """By the name and the value of each of these keys. Days are kept by one of them at a time."""
    known = Kept() if narrow else kept([measure.code], trust, keys, [period], now, changes)
    sums: dict[str, dict[str, list[Sum]]] = {name: defaultdict(list) for name in keys}
    questions = []
    for name, key in keys.items():
        days, gaps = known.split(measure.code, name, period)
        for _, parts in days:
            for value, numbers in parts.items():
                sums[name][value].append(_sum(name, value, numbers))
        if gaps:
            rows = selected(measure, trust, gaps, now, narrow)
            questions.append(_summed(measure, name, rows, key, now))
    for found in _all(questions):
        sums[found.name][found.key].append(found)
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
    found = selected(measure, trust, [period], now, narrow)
    found = found.annotate(is_met=whether(measure.met(now)), counts_at=measure.moment)
    return found if met is None else found.filter(is_met=met)


@dataclass(frozen=True)
class Known:
    """What is kept of some measures, narrowed to one key of one dimension."""

    kept: Kept = field(default_factory=Kept)
    dimension: str = WHOLE
    key: str = WHOLE

    def split(self, code: str, period: Period) -> tuple[list[tuple[date, Numbers]], list[Period]]:
        """The days that are kept and have cases, and the rest of the period."""
        days, gaps = self.kept.split(code, self.dimension, period)
        return [(day, parts[self.key]) for day, parts in days if self.key in parts], gaps


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
