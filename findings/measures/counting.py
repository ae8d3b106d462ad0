"""Counting days of a measure by every dimension at once, in the database.

Each case is looked at once, however many dimensions there are, and a day comes back as what
`MeasuredDay` keeps of it: by dimension, by key, how many there were.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple
from zlib import crc32

from django.db import connection
from django.db.models import (
    BooleanField,
    Case,
    DateTimeField,
    F,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Concat, NullIf, TruncDate

from findings.measures.dimensions import DIMENSIONS, NOT_KNOWN, dimensions_of
from findings.measures.measure import Measure
from findings.measures.period import Period
from findings.models import Organisation

# The measure itself, by no dimension, and its one key.
WHOLE = ""
# By these two at once, too: a page draws them.
PAIR = "|"
HOURS_OF_WEEK = f"hour{PAIR}weekday"

# Dimensions, with keys as an address has them.
Narrow = Mapping[str, str]

# What a key has: how many cases, met, open; the oldest open one in microseconds since 1970.
Numbers = list[Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

STATEMENT = """
    WITH cases AS MATERIALIZED ({cases}),
    counted AS (
        SELECT of_day, dimension, key, count(*) AS due, count(*) FILTER (WHERE is_met) AS met,
            count(*) FILTER (WHERE still_open) AS open,
            min(open_since) FILTER (WHERE still_open) AS oldest
        FROM cases CROSS JOIN LATERAL (VALUES {keys}) AS by (dimension, key)
        GROUP BY of_day, dimension, key
    )
    SELECT of_day, dimension, jsonb_object_agg(
        key, jsonb_build_array(due, met, open, (extract(epoch FROM oldest) * 1000000)::bigint)
    )::text
    FROM counted GROUP BY of_day, dimension
"""


def moment_of(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


class Counted(NamedTuple):
    """One day of a measure by one dimension."""

    day: date
    dimension: str
    # JSON.
    parts: str


def key_of(measure: Measure, dimension: str) -> Combinable:
    """Raises KeyError where the measure is not broken down by this."""
    known = DIMENSIONS[dimension].is_of(measure)
    key = DIMENSIONS[dimension].key(measure) if known else None
    if key is None:
        raise KeyError(dimension)
    return key


def address_key_of(measure: Measure, dimension: str) -> Combinable:
    """The key as text. What is not known has no value, or an empty one: senders do both."""
    text = TextField()
    known = NullIf(Cast(key_of(measure, dimension), text), Value("", output_field=text))
    return Coalesce(known, Value(NOT_KNOWN), output_field=text)


def _hours_of_week(measure: Measure) -> Combinable:
    """Both keys with a line between them."""
    text = TextField()
    hour, weekday = (address_key_of(measure, one) for one in HOURS_OF_WEEK.split(PAIR))
    return Concat(hour, Value(PAIR, output_field=text), weekday, output_field=text)


def selected(
    measure: Measure,
    trust: Organisation,
    periods: Sequence[Period],
    now: datetime,
    narrow: Narrow,
) -> "QuerySet[Any]":
    """The cases of a measure in these periods, of these keys alone."""
    found = measure.select(trust, periods, now)
    for dimension, key in narrow.items():
        name = f"by_{dimension}"
        of = address_key_of if key == NOT_KNOWN else key_of
        found = found.alias(**{name: of(measure, dimension)}).filter(**{name: key})
    return found


def whether(condition: Q) -> Combinable:
    """Yes or no, for each case."""
    return Case(When(condition, then=True), default=False, output_field=BooleanField())


@cache
def kept_by(measure: Measure) -> Mapping[str, Combinable]:
    """What the days of a measure are kept by, beside the whole, each with the key of a case."""
    return {
        **{one.code: address_key_of(measure, one.code) for one in dimensions_of(measure)},
        HOURS_OF_WEEK: _hours_of_week(measure),
    }


def count(
    measure: Measure,
    trust: Organisation,
    periods: Sequence[Period],
    now: datetime,
    keys: Mapping[str, Combinable],
    narrow: Narrow = MappingProxyType({}),
) -> Iterable[Counted]:
    """Each day of these periods that has cases: the whole, and by each of these keys."""
    if not periods:
        return []
    cases = _cases(measure, trust, periods, now, keys, narrow)
    sql, parameters = cases.query.sql_with_params()
    pairs = ["('', '')", *(f"('{name}', {column})" for name, column in _columns(keys).items())]
    with connection.cursor() as cursor:
        # Names of our own and the statement of Django: nothing that somebody gave.
        cursor.execute(STATEMENT.format(cases=sql, keys=", ".join(pairs)), parameters)
        return [Counted(*row) for row in cursor.fetchall()]


def _columns(keys: Iterable[str]) -> dict[str, str]:
    return {name: f"key_{number}" for number, name in enumerate(keys)}


def _cases(
    measure: Measure,
    trust: Organisation,
    periods: Sequence[Period],
    now: datetime,
    keys: Mapping[str, Combinable],
    narrow: Narrow,
) -> "QuerySet[Any]":
    is_open = measure.is_open
    columns = {column: keys[name] for name, column in _columns(keys).items()}
    since = F(measure.since) if is_open else Cast(Value(None), DateTimeField())
    found = selected(measure, trust, periods, now, narrow).annotate(
        of_day=TruncDate(measure.moment),
        is_met=whether(measure.met(now)),
        still_open=whether(is_open) if is_open else Value(False, output_field=BooleanField()),
        open_since=since,
        **columns,
    )
    return found.values("of_day", "is_met", "still_open", "open_since", *columns)


@cache
def form(measure: Measure) -> int:
    """Of the definition as it is asked of the database: another one has another form, so that days
    of an old definition are not taken for days of this one."""
    day = Period(date(2020, 1, 1), date(2020, 1, 1))
    at = datetime(2021, 1, 1, tzinfo=UTC)
    asked = _cases(measure, Organisation(pk=0), [day], at, kept_by(measure), {})
    sql, parameters = asked.query.sql_with_params()
    # Sets have no order of their own.
    return crc32(repr((sql, sorted(map(_said, parameters)), sorted(kept_by(measure)))).encode())


def _said(parameter: object) -> str:
    """The same in every process: what is wrapped for the database has an address in its words."""
    return repr(getattr(parameter, "adapted", parameter))
