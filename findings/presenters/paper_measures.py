"""The page of measures as a workbook: every number of it, and what each counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from findings.measures import Reading
from findings.models import Person
from findings.presenters.measures import length, period_words
from findings.presenters.papers import INSIDE, Paper, Section, table

HEAD = (
    *("Measure", "Met", "Of", "Share (%)", "Share in the time before (%)", "Still open"),
    *("Oldest", "Target (%)"),
)
DEFINED = ("Measure", "Asks", "Met", "Of", "Left out", "Clock", "Source")


def measures_paper(
    by: Person, readings: Mapping[str, Sequence[Reading]], narrowed: str, now: datetime
) -> Paper:
    """Of each measure this time and the time before."""
    pairs = list(readings.values())
    numbers = [_numbers(this, before) for this, before in pairs]
    defined = [
        [
            one.measure.name,
            one.measure.question,
            one.measure.numerator,
            one.measure.denominator,
            one.measure.exclusions,
            one.measure.clock,
            one.measure.source,
        ]
        for one, _ in pairs
    ]
    about = period_words(pairs[0][0].period)
    return Paper(
        "Measures",
        by.organisation.name,
        f"{about}, {narrowed}" if narrowed else about,
        now,
        by.full_name,
        INSIDE,
        [
            Section("The numbers", (), [table("numbers", "Numbers", HEAD, numbers)]),
            Section("What each counts", (), [table("defined", "Definitions", DEFINED, defined)]),
        ],
    )


def _numbers(this: Reading, before: Reading) -> list[object]:
    return [
        this.measure.name,
        this.numerator,
        this.denominator,
        _percent(this),
        _percent(before),
        this.open if this.measure.is_open is not None else "",
        length(this.oldest),
        "" if this.measure.target is None else this.measure.target,
    ]


def _percent(reading: Reading) -> object:
    return "" if reading.percent is None else reading.percent
