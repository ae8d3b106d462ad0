"""Measures in words and cells: each number leads to its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from findings import words
from findings.measures import Measure, Reading
from findings.measures.outside import Outside
from findings.measures.period import Period
from findings.measures.spc import Chart

Cell = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """One table as templates/components/charts.jinja draws it, with what its picture shows."""

    id: str
    caption: str
    head: Sequence[str | Cell]
    rows: Sequence[Sequence[Any]]
    # What is to be seen, in words, and how it is drawn: "months", "bars", "curve", "sizes", "".
    says: str = ""
    draw: str = ""


@dataclass(frozen=True)
class Addresses:
    """Where the numbers of a page lead: the same time, the same narrowing."""

    time: str
    narrow: Mapping[str, str]

    def query(self, **more: str) -> str:
        said = urlencode({**self.narrow, **more})
        return "&".join(one for one in (self.time, said) if one)

    def _of(self, name: str, code: str, **more: str) -> str:
        query = self.query(**more)
        return reverse(name, args=[code]) + (f"?{query}" if query else "")

    def measure(self, code: str, **more: str) -> str:
        return self._of("measure", code, **more)

    def rows(self, code: str, **more: str) -> str:
        return self._of("measure-rows", code, **more)


def period_words(period: Period) -> str:
    """1 to 30 June 2026; a whole month by its name."""
    if period.is_whole_months and period.first.replace(day=1) == period.last.replace(day=1):
        return f"{period.first:%B %Y}"
    return f"{words.day(period.first)} to {words.day(period.last)}"


def share(reading: Reading, href: str = "", mark: str = "") -> Cell:
    """76 % (155 of 203); in a workbook three numbers: `percent` and `counts`."""
    if reading.percent is None:
        return {"text": "none"}
    counts = reading.numerator, reading.denominator
    said = words.share(*counts)
    if reading.is_small:
        said += ", small number"
    value = round(reading.share or 0, 1)
    cell = {"text": said, "value": value, "href": href, "mark": mark}
    return cell | {"percent": reading.percent, "counts": counts}


def outside(one: Outside) -> Cell:
    """75 % of about 190, for whoever is outside; hidden, its words alone."""
    counts = None if one.is_hidden or not one.denominator else (one.numerator, one.denominator)
    return {"text": str(one), "percent": one.percent, "counts": counts}


def number(count: int, href: str) -> Cell:
    return {"text": count, "value": count, "href": href} if count else {"text": 0, "value": 0}


def limit_line(value: float | None) -> Cell:
    """Of a share, which lies between 0 and 100 whatever the limits would be."""
    if value is None:
        return {"text": ""}
    shown = min(max(value, 0), 100)
    return {"text": f"{round(shown)} %", "value": round(shown, 1), "percent": round(shown)}


def limits_head(chart: Chart, mean: str = "Mean") -> list[Cell]:
    """The columns of the process limits; none where there is too little to draw them."""
    if chart.mean is None:
        return []
    return [
        {"text": mean, "series": "mean"},
        {"text": "Lower limit", "series": "lower"},
        {"text": "Upper limit", "series": "upper"},
    ]


def limits_cells(chart: Chart) -> list[Cell]:
    """What stands in these columns: the same in each row."""
    if chart.mean is None:
        return []
    return [limit_line(one) for one in (chart.mean, chart.lower, chart.upper)]


def length(span: timedelta | None) -> str:
    return "" if span is None else words.length(span)


@dataclass(frozen=True)
class MeasureLine:
    """One measure in the list of them."""

    measure: Measure
    share: Cell
    before: str
    change: str
    open: str
    target: str
    href: str


def measure_lines(
    readings: Mapping[str, Sequence[Reading]], addresses: Addresses
) -> list[MeasureLine]:
    """Of each measure this time and the time before."""
    return [_measure_line(now, before, addresses) for now, before in readings.values()]


def _measure_line(now: Reading, before: Reading, addresses: Addresses) -> MeasureLine:
    measure = now.measure
    return MeasureLine(
        measure,
        share(now, addresses.rows(measure.code)),
        "none" if before.percent is None else f"{before.percent} %",
        _change(now, before),
        f"{now.open}, the oldest for {length(now.oldest)}" if now.oldest else "",
        f"{measure.target} %" if measure.target is not None else "",
        addresses.measure(measure.code),
    )


def _change(now: Reading, before: Reading) -> str:
    """Not "better": whether it is more than chance, the months of the measure say."""
    if now.share is None or before.share is None:
        return ""
    points = round(now.share - before.share)
    if not points:
        return "the same"
    return f"{words.plural(abs(points), 'point')} {'up' if points > 0 else 'down'}"
