"""The measures broken down by category, by site and by who holds the finding."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet, Value

from findings.measures.promises import MEASURES, Clocks, Measure
from findings.measures.telling import first_told
from findings.models import Clock

# What a breakdown groups by: its name, the parameter in the address, the field and the label.
BY = {
    "category": ("By category", "finding__category_id", "finding__category__name"),
    "site": ("By site", "finding__site_id", "finding__site__name"),
    "team": ("By team that holds it", "finding__team_id", "finding__team__name"),
}


@dataclass(frozen=True)
class Cell:
    """One number; with `total`, a share of it."""

    measure: Measure
    count: int
    total: int | None = None

    @property
    def percent(self) -> int | None:
        """Rounded down, so that 100 is shown only where nothing was missed."""
        return self.count * 100 // self.total if self.total else None


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
    """All tables, from one query."""
    counted: dict[str, list[dict]] = {code: [] for code in MEASURES}
    first, *others = (_groups(measure, clocks, now) for measure in MEASURES.values())
    for group in first.union(*others, all=True):
        counted[group["code"]].append(group)
    return [_breakdown(by, counted) for by in BY]


def _groups(measure: Measure, clocks: Clocks, now: datetime) -> QuerySet[Clock, dict]:
    """How many promises there are for each combination of category, site and team."""
    fields = [field for _, key, label in BY.values() for field in (key, label)]
    named = measure.select(clocks, now).annotate(code=Value(measure.code))
    return named.values("code", *fields).annotate(n=Count("pk")).order_by()


def _breakdown(by: str, counted: Mapping[str, list[dict]]) -> Breakdown:
    title, key, label = BY[by]
    labels: dict[str, str] = {}
    counts: dict[str, Counter[str]] = {code: Counter() for code in counted}
    for code, groups in counted.items():
        for group in groups:
            labels[str(group[key])] = group[label]
            counts[code][str(group[key])] += group["n"]
    rows = [
        Row(group, labels[group], list(_cells({code: counts[code][group] for code in counts})))
        for group in sorted(labels, key=labels.__getitem__)
    ]
    total = Row("", "All", list(_cells({code: counts[code].total() for code in counts})))
    return Breakdown(by, title, [*rows, total])


def shown() -> list[Measure]:
    """The measures that have a column; the others are what a share is of."""
    denominators = {measure.of for measure in MEASURES.values()}
    return [measure for code, measure in MEASURES.items() if code not in denominators]


def _cells(counts: Mapping[str, int]) -> Iterator[Cell]:
    for measure in shown():
        yield Cell(measure, counts[measure.code], counts[measure.of] if measure.of else None)


def late_now(clocks: Clocks, now: datetime) -> Clocks:
    """Running promises past their limit, the most severe and then the latest first."""
    return (
        clocks.owed_by_holder()
        .filter(due_at__lte=now)
        .select_related(
            "finding__category", "finding__site", "finding__owner_person", "finding__owner_team"
        )
        .order_by("finding__category__priority", "due_at", "pk")
    )


def label_of(by: str, key: str, clocks: Clocks) -> str:
    """The category, site or team that a key names, among these promises; empty for all of them."""
    if not by or not key:
        return ""
    return clocks.filter(**{BY[by][1]: key}).values_list(BY[by][2], flat=True).first() or ""


def rows_of(measure: Measure, clocks: Clocks, now: datetime, by: str, key: str) -> Clocks:
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
