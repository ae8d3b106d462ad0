"""What is open and late now, broken down by category, by site and by who holds the finding."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Model

from findings.measures.now import COUNTS, Clocks
from findings.measures.now import Count as Counted
from findings.measures.telling import first_told
from findings.models import Category, Clock, Site, Team

# What a breakdown groups by: its name, the parameter in the address, the field and the label.
BY = {
    "category": ("By category", "finding__category_id", "finding__category__name"),
    "site": ("By site", "finding__site_id", "finding__site__name"),
    "team": ("By team that holds it", "finding__team_id", "finding__team__name"),
}
# Whose names are read afterwards: brought along, they would be sorted with each promise.
NAMED: dict[str, type[Model]] = {"category": Category, "site": Site, "team": Team}


@dataclass(frozen=True)
class Cell:
    """One number."""

    measure: Counted
    count: int


@dataclass(frozen=True)
class Row:
    """One line of a breakdown: a category, a site or a team, with its numbers."""

    key: str
    label: str
    cells: list[Cell]


@dataclass(frozen=True)
class Breakdown:
    """One table, its last row the total."""

    by: str
    title: str
    rows: list[Row]


def breakdowns(clocks: Clocks, now: datetime) -> list[Breakdown]:
    """All tables, from one pass: how many promises of each measure there are for each combination
    of category, site and team."""
    keys = [key for _, key, _ in BY.values()]
    counts = {code: Count("pk", filter=measure.which(now)) for code, measure in COUNTS.items()}
    groups = list(clocks.order_by().values(*keys).annotate(**counts))
    return [_breakdown(by, groups) for by in BY]


def _breakdown(by: str, groups: Iterable[Mapping[str, Any]]) -> Breakdown:
    title, key, _ = BY[by]
    named = NAMED[by]._default_manager.filter(pk__in={group[key] for group in groups})
    names = dict(named.values_list("pk", "name"))
    labels: dict[str, str] = {}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for group in groups:
        numbers = {code: group[code] for code in COUNTS if group[code]}
        if numbers:
            labels[str(group[key])] = names[group[key]]
            counts[str(group[key])].update(numbers)
    rows = [
        Row(group, labels[group], list(_cells(counts[group])))
        for group in sorted(labels, key=labels.__getitem__)
    ]
    total = Row("", "All", list(_cells(sum(counts.values(), Counter()))))
    return Breakdown(by, title, [*rows, total])


def _cells(counts: Mapping[str, int]) -> Iterator[Cell]:
    for code, measure in COUNTS.items():
        yield Cell(measure, counts[code])


def late_now(clocks: Clocks, now: datetime, most: int) -> tuple[list[Clock], int]:
    """Running promises past their limit, the most severe and then the latest first: so many of
    them, with what a row shows read of these alone; and how many there are."""
    late = clocks.owed_by_holder().filter(due_at__lte=now)
    order = ("finding__category__priority", "due_at", "pk")
    first = list(late.order_by(*order).values_list("pk", flat=True)[:most])
    rows = Clock.objects.filter(pk__in=first).select_related(
        "finding__category", "finding__site", "finding__owner_person", "finding__owner_team"
    )
    return list(rows.order_by(*order)), late.count()


def label_of(by: str, key: str, clocks: Clocks) -> str:
    """The category, site or team that a key names, among these promises; empty for all of them."""
    if not by or not key:
        return ""
    return clocks.filter(**{BY[by][1]: key}).values_list(BY[by][2], flat=True).first() or ""


def rows_of(measure: Counted, clocks: Clocks, now: datetime, by: str, key: str) -> Clocks:
    """The promises behind one number of one breakdown; every one where `key` is empty.

    Raises ValueError for a key that cannot be one.
    """
    selected = measure.select(clocks, now)
    if by and key:
        selected = selected.filter(**{BY[by][1]: key})
    if measure.is_of_telling:
        selected = selected.annotate(first_told_at=first_told())
    return selected.select_related(
        "finding__category",
        "finding__site",
        "finding__owner_person",
        "finding__owner_team",
        "finding__examination__patient",
    ).order_by("due_at", "pk")
