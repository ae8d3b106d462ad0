"""The pictures of a measure, as the tables that they are drawn from: months with process limits,
parts, teams between the limits of chance, hours and days, and how long things waited."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from findings import words
from findings.measures import Measure, Part, Reading, from_the_first
from findings.measures.dimensions import DIMENSIONS, HOURS, WEEKDAYS
from findings.measures.funnel import Place, limits, share_of_all
from findings.measures.outside import TOO_FEW
from findings.measures.spc import ENOUGH, Assurance, Chart, Point, xmr
from findings.measures.survival import Curve
from findings.presenters.measures import (
    Addresses,
    Cell,
    Table,
    length,
    limit_line,
    limits_cells,
    limits_head,
    number,
    share,
)

# Of the limit, in percent: where a curve is read for its table.
SHARES_OF_LIMIT = (0, 25, 50, 75, 100, 150, 200, 300, 500)
HALF = 50
# The darkest cell of a heat map holds the most.
SHADES = 4


@dataclass(frozen=True)
class Months:
    """The months of a measure, and what they say of it."""

    table: Table
    variation: str
    assurance: str
    # Whether the last point lies above the mean.
    is_high: bool
    # Where the picture ends: a share of a few per cent would lie flat below 100.
    most: int | None


def months_of(
    readings: Sequence[Reading], measure: Measure, addresses: Addresses, step: str = "month"
) -> Months:
    """Months, or weeks, with process limits where there are enough of them."""
    shown = from_the_first(readings)
    chart = xmr([reading.share for reading in shown])
    variation = chart.variation(measure.good)
    assurance = chart.assurance(measure.target, measure.good)
    head: list[str | Cell] = [step.capitalize(), {"text": measure.name, "series": "value"}]
    head += limits_head(chart)
    if measure.target is not None:
        head.append({"text": "Target", "series": "target"})
    head.append("More than chance?")
    rows = [
        _month(reading, point, chart, measure, addresses, step)
        for reading, point in zip(shown, chart.points, strict=True)
    ]
    said = f"{measure.name} by {step}: {variation}."
    if chart.mean is not None and chart.is_trial:
        said += f" The limits are on trial: there are fewer than {ENOUGH} {step}s."
    return Months(
        Table("months", f"By {step}", head, rows, said),
        variation,
        "" if assurance == Assurance.NO_TARGET else assurance,
        _ends_high(chart),
        100 if max((one.share or 0 for one in shown), default=0) > HALF else None,
    )


def _ends_high(chart: Chart) -> bool:
    known = [point for point in chart.points if point.value is not None]
    return bool(known) and known[-1].is_high


def _month(
    reading: Reading, point: Point, chart: Chart, measure: Measure, addresses: Addresses, step: str
) -> list[Any]:
    first, last = reading.period.first, reading.period.last
    time = urlencode({"period": "own", "first": first, "last": last})
    own = Addresses(time, addresses.narrow)
    cells: list[Any] = [f"{first:%B %Y}" if step == "month" else f"{first:%d %b %Y}"]
    cells.append(share(reading, own.rows(measure.code), mark_of(point, measure)))
    cells += limits_cells(chart)
    if measure.target is not None:
        cells.append(limit_line(measure.target))
    cells.append(words.capital("; ".join(signal.words for signal in point.signals)))
    return cells


def mark_of(point: Point, measure: Measure) -> str:
    """How a point is drawn: better or worse where a measure says which is which."""
    if not point.signals:
        return "inside"
    if measure.good is None:
        return "neither"
    return "better" if point.is_high == (measure.good == "up") else "worse"


def parts_of(
    name: str, dimension: str, parts: Sequence[Part], measure: Measure, addresses: Addresses
) -> Table:
    """One breakdown: each line leads to the measure of that part, each number to its rows."""
    head: list[str | Cell] = [
        DIMENSIONS[dimension].name.removeprefix("By ").capitalize(),
        {"text": measure.name, "series": "value"},
    ]
    opens = measure.is_open is not None
    head += ["Open", "Oldest"] if opens else []
    rows = []
    for part in parts:
        key = {dimension: part.key}
        row: list[Any] = [
            {"text": part.label, "href": addresses.measure(measure.code, **key)},
            share(part.reading, addresses.rows(measure.code, **key)),
        ]
        if DIMENSIONS[dimension].is_of_groups:
            row = [part.label, {"text": TOO_FEW} if part.is_hidden else share(part.reading)]
        if opens:
            row += ["", ""] if part.is_hidden else _open(part.reading)
        rows.append(row)
    return Table(f"by-{dimension}", name, head, rows)


def _open(reading: Reading) -> list[Any]:
    return [reading.open or "0", length(reading.oldest)]


def funnel_of(parts: Iterable[Part], measure: Measure, addresses: Addresses) -> Table | None:
    """Teams between the limits of chance, the smallest first; None where all are alike, or one."""
    due = sorted((part for part in parts if part.reading.denominator), key=_size)
    everyone = share_of_all((part.reading.numerator, part.reading.denominator) for part in due)
    if everyone is None or len(due) < 2 or everyone in (0, 1):
        return None
    head: list[str | Cell] = [
        "Team",
        {"text": measure.name, "series": "value"},
        {"text": "99.8 % lie above", "series": "low"},
        {"text": "95 % lie above", "series": "lower"},
        {"text": "95 % lie below", "series": "upper"},
        {"text": "99.8 % lie below", "series": "high"},
        "More than chance?",
    ]
    rows, outside = [], []
    sizes = [part.reading.denominator for part in due]
    for part, bounds in zip(due, limits(sizes, everyone), strict=True):
        where = bounds.place(part.reading.numerator, part.reading.denominator)
        if where in (Place.BELOW, Place.ABOVE):
            outside.append(part.label)
        rows.append(
            [
                {"text": part.label, "value": part.reading.denominator},
                share(
                    part.reading,
                    addresses.rows(measure.code, team=part.key),
                    _funnel_mark(where, measure),
                ),
                *(
                    limit_line(100 * one)
                    for one in (bounds.low, bounds.lower, bounds.upper, bounds.high)
                ),
                "" if where == Place.INSIDE else str(where),
            ]
        )
    said = (
        f"Outside of what chance explains: {', '.join(outside)}."
        if outside
        else "No team lies outside of what chance explains."
    )
    return Table("funnel", "Teams, and what chance explains", head, rows, said)


def _size(part: Part) -> int:
    return part.reading.denominator


def _funnel_mark(where: Place, measure: Measure) -> str:
    if where in (Place.INSIDE, Place.LOW, Place.HIGH):
        return "inside"
    if measure.good is None:
        return "neither"
    return "better" if (where == Place.ABOVE) == (measure.good == "up") else "worse"


def heat_of(
    cells: Mapping[tuple[str, str], Reading], measure: Measure, addresses: Addresses
) -> Mapping[str, Any]:
    """By day of the week and hour: how many were missed (or, where fewer is better, met)."""
    is_missed = measure.good == "up"
    counts = {
        key: reading.missed if is_missed else reading.numerator for key, reading in cells.items()
    }
    most = max(counts.values(), default=0)
    rows = [
        {
            "name": day,
            "cells": [
                _heat(
                    counts.get((str(hour), str(number)), 0),
                    most,
                    measure,
                    addresses,
                    {
                        "hour": str(hour),
                        "weekday": str(number),
                        "met": "no" if is_missed else "yes",
                    },
                )
                for hour in HOURS
            ],
        }
        for number, day in WEEKDAYS.items()
    ]
    return {
        "head": ["Day", *(f"{hour:02}" for hour in HOURS)],
        "rows": rows,
        "is_missed": is_missed,
        "most": most,
    }


def _heat(
    count: int, most: int, measure: Measure, addresses: Addresses, key: Mapping[str, str]
) -> Cell:
    if not count:
        return {"text": "", "shade": 0}
    shade = 1 + (SHADES - 1) * (count - 1) // max(most - 1, 1)
    return {"text": count, "shade": shade, "href": addresses.rows(measure.code, **key)}


def curves_of(curves: Mapping[str, Curve]) -> Table | None:
    """How many still waited after which share of their limit, one line a category."""
    if not curves:
        return None
    head: list[str | Cell] = ["Of the limit"]
    head += [
        {"text": f"{name} ({one.count})", "series": f"c{at}"}
        for at, (name, one) in enumerate(curves.items())
    ]
    rows = [
        [
            {"text": f"{percent} %", "value": percent},
            *(limit_line(100 * one.waiting_at(percent / 100)) for one in curves.values()),
        ]
        for percent in SHARES_OF_LIMIT
    ]
    said = "; ".join(
        f"{name}: {round(100 * one.waiting_at(1))} % still waited at the limit"
        for name, one in curves.items()
    )
    return Table("curves", "How many still waited", head, rows, f"{said}.")


def took_words(curve: Curve | None) -> str:
    """Half took 4 hours or less, nine in ten 2 days or less."""
    if curve is None or not curve.count:
        return ""
    half, nine = (_length_of(curve.percentile(share)) for share in (0.5, 0.9))
    if half is None:
        return (
            f"Fewer than half are done: {curve.open} of {curve.count} are open or ended otherwise."
        )
    said = f"Half took {half} or less"
    return (
        f"{said}, nine in ten {nine} or less." if nine else f"{said}; nine in ten are not done yet."
    )


def _length_of(seconds: float | None) -> str | None:
    return None if seconds is None else words.length(timedelta(seconds=seconds))


def flow_of(parts: Sequence[Part], addresses: Addresses) -> Table:
    """From flagged to outcome: how many went on from each state, and how many stand there."""
    count = {part.key: part.reading.denominator for part in parts}
    stages = (("awaiting", "Flagged"), ("acknowledged", "Acknowledged"), ("acted_on", "Acted on"))
    reached = sum(count.values())
    rows: list[list[Cell]] = []
    for state, label in stages:
        here = count.get(state, 0)
        rows.append(
            [
                {"text": label},
                {"text": reached, "value": ""},
                {"text": reached - here, "value": reached - here},
                number(here, addresses.rows("closed", state=state)),
            ]
        )
        reached -= here
    rows.append(
        [
            {"text": "Closed with an outcome"},
            {"text": reached, "value": ""},
            number(reached, addresses.rows("closed", state="closed")),
            {"text": "", "value": ""},
        ]
    )
    head: list[str | Cell] = [
        "Stage",
        "Came so far",
        {"text": "Went on", "series": "on"},
        {"text": "Stands here", "series": "here"},
    ]
    said = "; ".join(f"{row[0]['text']} {row[1]['text']}".lower() for row in rows)
    return Table("flow", "From flagged to outcome", head, rows, f"{words.capital(said)}.")
