"""Whether a measure changed on a day: its months before and after, or its weeks where there are too
few months, judged by the limits that the time before draws."""

from dataclasses import dataclass
from datetime import date, timedelta

from findings.measures.measure import Measure, Reading, from_the_first
from findings.measures.period import Period
from findings.measures.reading import series
from findings.measures.spc import Chart, Point, xmr
from findings.models import Organisation

# What was longer ago or comes later says more of other things.
BEFORE, AFTER = timedelta(days=365), timedelta(days=365)


@dataclass(frozen=True)
class Line:
    """One month or week of the measure, on its side of the day."""

    reading: Reading
    point: Point
    is_after: bool


@dataclass(frozen=True)
class Compared:
    """Both sides, and what the limits of the time before say of the time after."""

    measure: Measure
    step: str
    lines: list[Line]
    chart: Chart

    def side(self, *, after: bool) -> tuple[int, int]:
        """Met and due of one side together."""
        readings = [line.reading for line in self.lines if line.is_after == after]
        met = sum(reading.numerator for reading in readings)
        return met, sum(reading.denominator for reading in readings)

    @property
    def signals(self) -> list[Line]:
        """Of the time after: what is more than chance."""
        return [line for line in self.lines if line.is_after and line.point.signals]

    @property
    def can_be_judged(self) -> bool:
        """Enough before to draw limits, and something after to hold against them."""
        after = [line for line in self.lines if line.is_after and line.point.value is not None]
        return self.chart.mean is not None and bool(after)

    @property
    def never_varied(self) -> bool:
        """Before it: then the limits have no width, and whatever differs lies beyond them."""
        return self.chart.lower is not None and self.chart.lower == self.chart.upper

    @property
    def has_rows(self) -> bool:
        return any(line.reading.denominator for line in self.lines)


def compare(measure: Measure, organisation: Organisation, on: date, today: date) -> Compared:
    """`on` is the first day after. A month or week that holds both sides is left out, and one that
    is not over counts with what it has."""
    period = Period(on - BEFORE, max(on, min(today, on + AFTER)))
    found = _compare(measure, organisation, on, period, "month")
    if found.can_be_judged or not found.has_rows:
        return found
    by_week = _compare(measure, organisation, on, period, "week")
    return by_week if by_week.can_be_judged else found


def _compare(
    measure: Measure, organisation: Organisation, on: date, period: Period, step: str
) -> Compared:
    readings = series(measure.code, organisation, period, step)
    before = from_the_first([one for one in readings if one.period.last < on])
    after = [one for one in readings if one.period.first >= on]
    known = sum(one.share is not None for one in before)
    chart = xmr([one.share for one in (*before, *after)], baseline=known)
    lines = [
        Line(reading, point, number >= len(before))
        for number, (reading, point) in enumerate(zip((*before, *after), chart.points, strict=True))
    ]
    return Compared(measure, step, lines, chart)
