"""The board paper: a page of numbers, a page of charts, a page of learning. It may leave the
organisation, so small numbers are hidden in it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from findings import measures, words
from findings.measures import Measure, Reading
from findings.measures.outside import TOO_FEW, Outside, for_outside, parts_for_outside
from findings.measures.period import Period, last_months
from findings.measures.spc import Chart, Point, xmr
from findings.models import (
    Improvement,
    LearningPoint,
    Meeting,
    Organisation,
    Person,
    Review,
)
from findings.presenters.measures import Table, limits_cells, limits_head, outside, period_words
from findings.presenters.papers import OUTSIDE, Paper, Section, table

# Those of which the page of charts shows the months.
DRAWN = ("told", "acknowledged", "acted", "patient_told", "reported")
MONTHS = 18


def board_paper(by: Person, period: Period, now: datetime) -> Paper:
    """Of the trust of whoever asks."""
    trust = by.organisation
    changes = measures.Changes(measures.MEASURES, trust, now)
    return Paper(
        "Board paper: unexpected findings on imaging",
        trust.name,
        period_words(period),
        now,
        by.full_name,
        OUTSIDE,
        [_numbers(period, changes), _charts(changes), _learning(trust, period)],
    )


def _numbers(period: Period, changes: measures.Changes) -> Section:
    trust, now = changes.trust, changes.now
    readings = measures.read_many(measures.MEASURES, trust, [period, period.before], now, changes)
    rows = []
    for this, before in readings.values():
        shown, shown_before = for_outside([this, before])
        rows.append(
            [this.measure.name, outside(shown), outside(shown_before), _target(this.measure)]
        )
    head = ["Measure", period_words(period), period_words(period.before), "Target"]
    by_site = measures.by("acknowledged", trust, period, "site", now, changes)
    sites = parts_for_outside([part.reading for part in by_site])
    site_rows = [[part.label, outside(one)] for part, one in zip(by_site, sites, strict=True)]
    late = sum(
        for_late[0].open for code, for_late in readings.items() if code in ("acknowledged", "acted")
    )
    return Section(
        "The numbers",
        [
            f"{_about(late)} promises to acknowledge or to act whose limit fell in this time are"
            " still open past it.",
            "A share is of all that fell due, kept or not: what is still open counts as not kept.",
        ],
        [
            table("numbers", "Measures", head, rows),
            table("sites", "Acknowledged in time, by site", ["Site", "Acknowledged"], site_rows),
        ],
    )


def _about(count: int) -> str:
    return "A few" if 0 < count < measures.SMALL else f"About {5 * round(count / 5)}"


def _target(measure: Measure) -> str:
    return "" if measure.target is None else f"{measure.target} % ({measure.target_source})"


def _charts(changes: measures.Changes) -> Section:
    period = last_months(MONTHS, timezone.localdate(changes.now))
    readings = measures.series_many(DRAWN, changes.trust, period, now=changes.now, changes=changes)
    tables = [_months(measures.MEASURES[code], readings[code]) for code in DRAWN]
    return Section(
        "The charts",
        [
            "Dashed lines are process limits: between them a month differs from another by chance"
            " alone. A month with fewer than ten cases is left out."
        ],
        [one for one in tables if one.rows],
    )


def _months(measure: Measure, readings: Sequence[Reading]) -> Table:
    shown = for_outside(readings)
    values = [
        reading.share if not one.is_hidden else None
        for reading, one in zip(readings, shown, strict=True)
    ]
    chart = xmr(values)
    head = ["Month", {"text": measure.name, "series": "value"}, *limits_head(chart)]
    rows = [
        _month(reading, one, chart, point)
        for reading, one, point in zip(readings, shown, chart.points, strict=True)
        if reading.denominator
    ]
    said = f"{measure.name}: {chart.variation(measure.good)}."
    return table(f"months-{measure.code}", measure.name, head, rows, said, "months")


def _month(reading: Reading, shown: Outside, chart: Chart, point: Point) -> list[object]:
    cells: list[object] = [f"{reading.period.first:%B %Y}"]
    if point.value is None:
        cells.append({"text": TOO_FEW})
    else:
        cells.append(outside(shown) | {"value": round(point.value, 1), "mark": "inside"})
    return cells + limits_cells(chart)


def _learning(trust: Organisation, period: Period) -> Section:
    reviews = Review.objects.filter(
        organisation=trust, opened_at__gte=period.start, opened_at__lt=period.end
    )
    themes: dict[str, int] = {}
    causes: dict[str, int] = {}
    for review in reviews.select_related("theme").prefetch_related("found_causes__cause"):
        theme = review.theme.words if review.theme else "No theme yet"
        themes[theme] = themes.get(theme, 0) + 1
        for found in review.found_causes.all():
            if found.was_one and found.undone_at is None:
                causes[found.cause.words] = causes.get(found.cause.words, 0) + 1
    concluded = sum(1 for review in reviews if review.concluded_at)
    return Section(
        "The learning",
        [
            f"{words.plural(len(reviews), 'review')} of what happened opened in this time, of which"
            f" {concluded} are concluded.",
            _improvements(trust, period),
            _meetings(trust, period),
        ],
        [
            table(name, caption, [head, "Reviews"], _most_first(counts))
            for name, caption, head, counts in (
                ("themes", "What kind of failure", "Theme", themes),
                ("causes", "What contributed", "Cause", causes),
            )
            if counts
        ],
    )


def _improvements(trust: Organisation, period: Period) -> str:
    """In numbers alone: what somebody wrote may name a patient."""
    every = Improvement.objects.filter(organisation=trust, asked_at__lt=period.end)
    checked = every.filter(checked_at__gte=period.start, checked_at__lt=period.end)
    worked = checked.filter(worked=Improvement.Worked.YES).count()
    late = every.open().filter(due_on__lte=period.last).count()
    return (
        f"Improvements: {every.open().count()} under way, {late} of them past their day."
        f" {checked.count()} were looked at again in this time, and {worked} of these had worked."
    )


def _meetings(trust: Organisation, period: Period) -> str:
    held = Meeting.objects.held().filter(
        organisation=trust, held_at__gte=period.start, held_at__lt=period.end
    )
    counts = Counter(held.values_list("kind", flat=True))
    shared = LearningPoint.objects.filter(
        organisation=trust,
        shared_at__gte=period.start,
        shared_at__lt=period.end,
        undone_at__isnull=True,
    )
    return (
        f"Learning meetings: {counts[Meeting.Kind.REALM]} of radiologists and"
        f" {counts[Meeting.Kind.TRIANGULATION]} across departments."
        f" {words.plural(shared.count(), 'learning point')} shared."
    )


def _most_first(counts: dict[str, int]) -> list[list[object]]:
    return [[said, count] for said, count in sorted(counts.items(), key=lambda one: -one[1])]
