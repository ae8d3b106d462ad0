"""Reading measures: one number, many at once, the months, the parts, and the rows behind each.

`narrow` is by dimension, with keys as an address has them: read(…, category="3", site="1"). Raises
ValueError for a key that cannot be one, KeyError for a dimension that the measure does not have.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    DateTimeField,
    IntegerField,
    Min,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, TruncDate, TruncMonth, TruncWeek
from django.utils import timezone

from findings.measures.counting import (
    HOURS_OF_WEEK,
    WHOLE,
    Numbers,
    address_key_of,
    key_of,
    moment_of,
    pair_key_of,
)
from findings.measures.definitions import MEASURES
from findings.measures.dimensions import DIMENSIONS, NOT_KNOWN, NOT_KNOWN_WORDS
from findings.measures.kept import Kept, kept
from findings.measures.measure import Measure, Reading
from findings.measures.outside import too_few
from findings.measures.period import Period
from findings.measures.survival import Curve, curve
from findings.models import Organisation

Narrow = Mapping[str, str]
TRUNCATED = {"day": TruncDate, "week": TruncWeek, "month": TruncMonth}


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
    code: str, trust: Organisation, period: Period, now: datetime | None = None, **narrow: str
) -> Reading:
    """What the measure says of this trust in this period."""
    return read_many([code], trust, [period], now, **narrow)[code][0]


def read_many(
    codes: Iterable[str],
    trust: Organisation,
    periods: Sequence[Period],
    now: datetime | None = None,
    **narrow: str,
) -> dict[str, list[Reading]]:
    """By measure: what it says of each of these periods. One question, however many these are."""
    now = now or timezone.now()
    wanted = list(codes)
    known = _kept(wanted, trust, periods, now, narrow)
    sums: dict[tuple[str, int], list[Sum]] = defaultdict(list)
    questions = []
    for code in wanted:
        for number, period in enumerate(periods):
            days, gaps = known.split(code, period)
            sums[code, number] += (_sum(code, number, one) for _, one in days)
            rows = _selected(MEASURES[code], trust, gaps, now, narrow)
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
    **narrow: str,
) -> list[Reading]:
    """The same by the months or weeks of a period, the earliest first, none left out."""
    return series_many([code], trust, period, step, now, **narrow)[code]


def series_many(
    codes: Iterable[str],
    trust: Organisation,
    period: Period,
    step: str = "month",
    now: datetime | None = None,
    **narrow: str,
) -> dict[str, list[Reading]]:
    """The same of several measures, in one question."""
    now, wanted = now or timezone.now(), list(codes)
    known = _kept(wanted, trust, [period], now, narrow)
    parts = list(period.weeks() if step == "week" else period.months())
    sums: dict[tuple[str, date], list[Sum]] = defaultdict(list)
    questions = []
    for code in wanted:
        days, gaps = known.split(code, period)
        for day, numbers in days:
            sums[code, _part_of(day, parts)].append(_sum(code, day, numbers))
        if gaps:
            rows = _selected(MEASURES[code], trust, gaps, now, narrow)
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
    **narrow: str,
) -> list[Part]:
    """The same by category, by site, …: the parts that have cases, in the dimension's order."""
    return by_each(code, trust, period, [dimension], now, **narrow)[dimension]


def by_each(
    code: str,
    trust: Organisation,
    period: Period,
    dimensions: Iterable[str],
    now: datetime | None = None,
    **narrow: str,
) -> dict[str, list[Part]]:
    """As `by`, for several dimensions in one question."""
    measure, now, wanted = MEASURES[code], now or timezone.now(), list(dimensions)
    known = Known() if narrow else Known(kept([code], trust, wanted, [period], now))
    sums: dict[str, dict[str, list[Sum]]] = {one: defaultdict(list) for one in wanted}
    questions = []
    for one in wanted:
        days, gaps = known.kept.split(code, one, period)
        for _, parts in days:
            for key, numbers in parts.items():
                sums[one][key].append(_sum(one, key, numbers))
        rows = _selected(measure, trust, gaps, now, narrow)
        if gaps:
            questions.append(_summed(measure, one, rows, address_key_of(measure, one), now))
    for found in _all(questions):
        sums[found.name][found.key].append(found)
    return {one: _parts(one, measure, period, sums[one], now) for one in wanted}


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
    is_met = Case(
        When(measure.met(now), then=Value(True)), default=Value(False), output_field=BooleanField()
    )
    found = _selected(measure, trust, [period], now, narrow)
    found = found.annotate(is_met=is_met, counts_at=measure.moment)
    return found if met is None else found.filter(is_met=met)


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
    found = _selected(measure, trust, [period], now, narrow)
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


def _selected(
    measure: Measure,
    trust: Organisation,
    periods: Sequence[Period],
    now: datetime,
    narrow: Narrow,
) -> "QuerySet[Any]":
    found = measure.select(trust, periods, now)
    for dimension, key in narrow.items():
        name = f"by_{dimension}"
        of = address_key_of if key == NOT_KNOWN else key_of
        found = found.alias(**{name: of(measure, dimension)}).filter(**{name: key})
    return found


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
) -> Known:
    """Days are kept by one dimension at a time."""
    if len(narrow) > 1:
        return Known()
    dimension, key = next(iter(narrow.items()), (WHOLE, WHOLE))
    if key.isdigit() and key != str(int(key)):
        return Known()  # "03" is 3 to the database
    return Known(kept(codes, trust, [dimension], periods, now), dimension, key)


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


def across(
    code: str,
    trust: Organisation,
    period: Period,
    one: str,
    other: str,
    now: datetime | None = None,
    **narrow: str,
) -> dict[tuple[str, str], Reading]:
    """By two dimensions at once, with keys as an address has them; only what has cases."""
    measure, now, both = MEASURES[code], now or timezone.now(), f"{one}|{other}"
    keeps = not narrow and (one, other) == HOURS_OF_WEEK
    known = kept([code], trust, [both], [period], now) if keeps else Kept()
    days, gaps = known.split(code, both, period)
    sums: dict[str, list[Sum]] = defaultdict(list)
    for _, parts in days:
        for key, numbers in parts.items():
            sums[key].append(_sum(code, key, numbers))
    rows = _selected(measure, trust, gaps, now, narrow)
    question = _summed(measure, code, rows, pair_key_of(measure, one, other), now)
    for found in _all([question] if gaps else []):
        sums[found.key].append(found)
    return {_pair(key): _reading(measure, period, of, now) for key, of in sums.items()}


def _pair(key: str) -> tuple[str, str]:
    first, _, second = key.partition("|")
    return first, second
