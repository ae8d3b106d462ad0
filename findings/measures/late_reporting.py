"""Examinations without a report: how many, how old, which are late, and which will be this week.

One pass groups what waits by class, kind of imaging, site, age and limit; every number of the page
is a sum of these groups, and leads to the list of the same examinations (forms/waiting.py).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import (
    Case,
    Count,
    DateTimeField,
    F,
    Func,
    IntegerField,
    Min,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, TruncDate

from findings.measures.forecast import Ended, Expected, LifeTable, Wait, expected, life_table
from findings.models import Clock, Examination, Site
from findings.models.examination import MODALITIES
from findings.words import local


class Band(NamedTuple):
    """Ages in whole days, from the first up to the second; None: without an end."""

    least: int
    end: int | None

    def __contains__(self, days: object) -> bool:
        return isinstance(days, int) and self.least <= days and (not self.end or days < self.end)

    @property
    def key(self) -> str:
        """As it stands in an address: 7-14, 28-."""
        return f"{self.least}-{self.end or ''}"

    @property
    def words(self) -> str:
        """7 to 13 days."""
        if self.end is None:
            return f"{self.least} days and over"
        return f"{self.least} to {self.end - 1} days" if self.least else f"Under {self.end} days"


# The national limit is one of the bounds.
BANDS = (Band(0, 7), Band(7, 14), Band(14, 21), Band(21, 28), Band(28, None))
# From which examinations the forecast is made, in days up to now.
LEARNS_FROM = 90
DAYS_AHEAD = 7
# Of what has no class, or no kind of imaging: as a key in an address.
NOT_KNOWN = "none"


class Group(NamedTuple):
    """Examinations that wait alike."""

    setting: str
    modality: str
    site: int
    # Whole days since the images were made, and from then to the limit.
    days: int
    limit_days: int
    due_on: date
    is_late: bool
    number: int
    oldest: datetime

    @property
    def wait(self) -> Wait:
        return Wait(self.days, max(self.limit_days - self.days, 0), self.number)


@dataclass(frozen=True)
class Row:
    """What waits of one class, kind or site; or of all."""

    key: str
    label: str
    waiting: int
    # How many of each of BANDS.
    by_age: tuple[int, ...]
    late: int
    oldest: datetime | None
    # Of those whose limit falls this week; `late` of it is None where too little is known.
    due: int
    expected: Expected | None


@dataclass(frozen=True)
class Day:
    """One of the coming days."""

    on: date
    due: int
    expected: Expected | None


@dataclass(frozen=True)
class LateReporting:
    """Everything that the page shows. `learnt` is how many reports the forecast rests on."""

    total: Row
    by_setting: list[Row]
    by_modality: list[Row]
    by_site: list[Row]
    days: list[Day]
    learnt: int


def _moment(at: datetime) -> Value:
    return Value(at, output_field=DateTimeField())


def _whole_days(until: Combinable, since: Combinable) -> Func:
    return Func(
        until,
        since,
        template="FLOOR(EXTRACT(EPOCH FROM (%(expressions)s)) / 86400)::int",
        arg_joiner=" - ",
        output_field=IntegerField(),
    )


def late_reporting(waits: QuerySet[Clock], seen: QuerySet[Clock], now: datetime) -> LateReporting:
    """Of the running clocks `waits`; the forecast learns from all of `seen`, ended or not."""
    groups = list(_groups(waits, now))
    tables = _tables(seen, now)
    week = days_ahead(now)
    sites = dict(Site.objects.filter(pk__in={one.site for one in groups}).values_list("pk", "name"))
    settings = dict(Examination.Setting.choices)

    def rows(labels: Mapping[Any, str], key: Callable[[Group], Any]) -> list[Row]:
        by_key = defaultdict(list)
        for group in groups:
            by_key[key(group)].append(group)
        found = [
            _row(str(one or NOT_KNOWN), labels.get(one, one) or "Not known", same, tables, week)
            for one, same in by_key.items()
        ]
        return sorted(found, key=lambda row: (row.key == NOT_KNOWN, row.label))

    return LateReporting(
        total=_row("", "All", groups, tables, week),
        by_setting=rows(settings, lambda group: group.setting),
        by_modality=rows(MODALITIES, lambda group: group.modality),
        by_site=rows(sites, lambda group: group.site),
        days=[Day(on, *_ahead(groups, tables, [on])) for on in week],
        learnt=tables[""].reported,
    )


def _groups(waits: QuerySet[Clock], now: datetime) -> Iterable[Group]:
    grouped = (
        waits.order_by()
        .annotate(
            days=_whole_days(_moment(now), F("started_at")),
            limit_days=_whole_days(F("due_at"), F("started_at")),
            due_on=TruncDate("due_at"),
            is_late=Case(When(due_at__lte=now, then=Value(True)), default=Value(False)),
        )
        .values_list(
            *("examination__setting", "examination__modality", "examination__site_id"),
            *("days", "limit_days", "due_on", "is_late"),
        )
        .annotate(every=Count("pk"), oldest=Min("started_at"))
    )
    return (Group(*row) for row in grouped)


def _tables(seen: QuerySet[Clock], now: datetime) -> dict[str, LifeTable]:
    """By class, and under "" of all. A class of which too little is known goes by all of them."""
    lately = seen.filter(started_at__gt=now - timedelta(days=LEARNS_FROM), started_at__lte=now)
    reported = Case(
        When(stopped_because=Clock.StoppedBecause.REPORTED, then=Value(True)), default=Value(False)
    )
    rows = (
        lately.order_by()
        # Another clock of the same examination took its place.
        .exclude(stopped_because=Clock.StoppedBecause.NEARER)
        .annotate(
            days=_whole_days(Coalesce("stopped_at", _moment(now)), F("started_at")),
            reported=reported,
        )
        .values_list("examination__setting", "days", "reported")
        .annotate(every=Count("pk"))
    )
    ended: dict[str, list[Ended]] = defaultdict(list)
    for setting, *row in rows:
        ended[setting].append(Ended(*row))
    every = life_table(row for of_one in ended.values() for row in of_one)
    own = {setting: life_table(of_one) for setting, of_one in ended.items()}
    return {**{setting: one for setting, one in own.items() if one.says_enough}, "": every}


def aged(waits: QuerySet[Clock], band: Band, now: datetime) -> QuerySet[Clock]:
    """Those of an age in this band, as the page counts them."""
    found = waits.filter(started_at__lte=now - timedelta(days=band.least))
    if band.end is None:
        return found
    return found.filter(started_at__gt=now - timedelta(days=band.end))


def due_this_week(waits: QuerySet[Clock], now: datetime) -> QuerySet[Clock]:
    """Those not late yet whose limit falls on one of the days that the page looks ahead."""
    midnight = local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    last = local(midnight + timedelta(days=DAYS_AHEAD, hours=12)).replace(hour=0)
    return waits.filter(due_at__gt=now, due_at__lt=last)


def due_on(waits: QuerySet[Clock], day: date, now: datetime) -> QuerySet[Clock]:
    """Those not late yet whose limit falls on this day, as the page counts them."""
    return waits.filter(due_at__gt=now, due_at__date=day)


def days_ahead(now: datetime) -> list[date]:
    """Those that the page looks ahead, today first."""
    return [local(now).date() + timedelta(days=ahead) for ahead in range(DAYS_AHEAD)]


def _row(
    key: str,
    label: str,
    groups: Sequence[Group],
    tables: Mapping[str, LifeTable],
    week: Sequence[date],
) -> Row:
    def count(chosen: Iterable[Group]) -> int:
        return sum(group.number for group in chosen)

    return Row(
        key,
        label,
        count(groups),
        tuple(count(group for group in groups if group.days in band) for band in BANDS),
        count(group for group in groups if group.is_late),
        min((group.oldest for group in groups), default=None),
        *_ahead(groups, tables, week),
    )


def _ahead(
    groups: Iterable[Group], tables: Mapping[str, LifeTable], days: Sequence[date]
) -> tuple[int, Expected | None]:
    """How many limits fall on these days, and how many of them will be missed."""
    due = [group for group in groups if not group.is_late and group.due_on in days]
    if not tables[""].says_enough:
        return sum(group.number for group in due), None
    found = expected((tables.get(one.setting, tables[""]), one.wait) for one in due)
    return found.due, found
