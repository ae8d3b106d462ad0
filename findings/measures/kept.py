"""Which days of a measure are kept, so that only the others are counted from their rows.

A day is kept if it is over, was counted by the measure's present definition, and nothing was
written since to a finding or an examination that it counts. So a number is of this moment, whoever
keeps the days up, and if nobody does it is slower and no less right (docs/adr/0051).
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.db.models import CharField, F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, TruncDate
from django.utils import timezone

from findings.measures.counting import WHOLE, Numbers, form
from findings.measures.definitions import MEASURES
from findings.measures.measure import Measure
from findings.measures.period import ONE_DAY, Period
from findings.models import (
    Circumstances,
    Clock,
    Event,
    Examination,
    Finding,
    MeasuredDay,
    MeasuredUpTo,
    NoReport,
    Organisation,
    PatientMerge,
    PatientUpdate,
    Receipt,
    Report,
)

Parts = dict[str, Numbers]
# With more gaps than this, one look at everything is cheaper.
MANY_GAPS = 60


@dataclass
class Kept:
    """Days of some measures, by measure and dimension."""

    parts: dict[tuple[str, str], dict[date, Parts]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def split(self, code: str, period: Period) -> tuple[list[date], list[Period]]:
        """The days of a period that are kept, and the rest of it, which is to be counted."""
        within = sorted(
            day for day in self.parts[code, WHOLE] if period.first <= day <= period.last
        )
        gaps = list(_between(period, within))
        return (within, gaps) if len(gaps) <= MANY_GAPS else ([], [period])

    def on(self, day: date, code: str, dimension: str) -> Parts:
        """What is kept of one of these days."""
        return self.parts[code, dimension].get(day, {})


def _between(period: Period, days: Sequence[date]) -> Iterator[Period]:
    """What is left of a period without these days, which are in order."""
    first = period.first
    for day in days:
        if first < day:
            yield Period(first, day - ONE_DAY)
        first = day + ONE_DAY
    if first <= period.last:
        yield Period(first, period.last)


@dataclass(frozen=True)
class Changes:
    """What was written to since days were kept. A page that reads several numbers asks it once and
    hands it to each reading."""

    codes: Collection[str]
    trust: Organisation
    now: datetime

    @cached_property
    def days(self) -> dict[str, set[date]] | None:
        """By measure; None: no days are kept at all."""
        up_to = MeasuredUpTo.objects.first()
        if up_to is None:
            return None
        return changed_days(self.codes, self.trust, up_to, self.now)


def kept(
    codes: Collection[str],
    trust: Organisation,
    dimensions: Iterable[str],
    periods: Iterable[Period],
    now: datetime,
    changes: Changes | None = None,
) -> Kept:
    """What can be said of these measures in these periods without a look at their rows."""
    found = Kept()
    changed = (changes or Changes(codes, trust, now)).days
    if changed is None:
        return found
    forms = {code: form(MEASURES[code]) for code in codes}
    for code, dimension, day, of_form, parts in _rows(codes, trust, dimensions, periods, now):
        if of_form == forms[code] and day not in changed[code]:
            found.parts[code, dimension][day] = json.loads(parts)
    return found


def _rows(
    codes: Iterable[str],
    trust: Organisation,
    dimensions: Iterable[str],
    periods: Iterable[Period],
    now: datetime,
) -> "QuerySet[Any, Any]":
    within = Q(pk__in=())
    for period in periods:
        within |= Q(day__gte=period.first, day__lte=period.last)
    return (
        MeasuredDay.objects.filter(
            within,
            organisation=trust,
            measure__in=list(codes),
            dimension__in={WHOLE, *dimensions},
            day__lt=timezone.localdate(now),
        )
        .order_by()
        .values_list("measure", "dimension", "day", "form", Cast("parts", TextField()))
    )


def changed_days(
    codes: Collection[str], trust: Organisation, up_to: MeasuredUpTo, now: datetime
) -> dict[str, set[date]]:
    """By measure the days of what was written to since: they are not what was kept of them."""
    found: dict[str, set[date]] = {code: set() for code in codes}
    written = _written_to(trust, up_to)
    if not any(written.values()):
        return found
    reached = _reached(trust, written)
    findings = written[FINDING] | reached[FINDING]
    examinations = written[EXAMINATION] | reached[EXAMINATION]
    asked = [_days_of(MEASURES[code], code, trust, findings, examinations, now) for code in codes]
    for code, day in asked[0].union(*asked[1:]):
        if day:
            found[code].add(day)
    return found


FINDING, EXAMINATION, PATIENT = "finding", "examination", "patient"


def _written_to(trust: Organisation, up_to: MeasuredUpTo) -> dict[str, set[int]]:
    """The findings with something new in their timelines; the examinations that arrived, were
    reported, began to wait, of which it was said that no report comes, or of which an order spoke;
    the patients who were born on another day, live elsewhere, or whose records were merged or
    taken apart."""
    of_trust = {"examination__site__organisation": trust}
    said = Q(pk__gt=up_to.no_report) | Q(undone_at__gte=up_to.at)
    merges = PatientMerge.objects.filter(Q(pk__gt=up_to.merge) | Q(undone_at__gte=up_to.at))
    return _by_kind(
        (FINDING, Event.objects.filter(pk__gt=up_to.event, finding__organisation=trust), "finding"),
        (
            EXAMINATION,
            Examination.objects.filter(pk__gt=up_to.examination, site__organisation=trust),
            "pk",
        ),
        *(
            (EXAMINATION, rows, "examination")
            for rows in (
                Report.objects.filter(pk__gt=up_to.report, **of_trust),
                NoReport.objects.filter(said, **of_trust),
                Clock.objects.filter(pk__gt=up_to.clock, **of_trust),
                Receipt.objects.filter(pk__gt=up_to.receipt, **of_trust),
            )
        ),
        (PATIENT, PatientUpdate.objects.filter(pk__gt=up_to.patient_update), "patient"),
        (PATIENT, Circumstances.objects.filter(pk__gt=up_to.circumstances), "patient"),
        (PATIENT, merges, "kept"),
        (PATIENT, merges, "merged"),
    )


def _reached(trust: Organisation, written: Mapping[str, Collection[int]]) -> dict[str, set[int]]:
    """The findings and examinations of these patients, and the examinations of these findings."""
    patients, findings = list(written[PATIENT]), list(written[FINDING])
    examinations = Examination.objects.filter(site__organisation=trust)
    return _by_kind(
        (
            FINDING,
            Finding.objects.filter(examination__patient__in=patients, organisation=trust),
            "pk",
        ),
        (EXAMINATION, examinations.filter(patient__in=patients), "pk"),
        (EXAMINATION, Finding.objects.filter(pk__in=findings), "examination"),
    )


def _by_kind(*asked: tuple[str, "QuerySet[Any]", str]) -> dict[str, set[int]]:
    """By kind the values of a field of these rows; all kinds in one statement."""
    found: dict[str, set[int]] = {FINDING: set(), EXAMINATION: set(), PATIENT: set()}
    questions = [
        rows.order_by().values_list(Value(kind, output_field=CharField()), F(field))
        for kind, rows, field in asked
    ]
    for kind, key in questions[0].union(*questions[1:]):
        found[kind].add(key)
    return found


def _days_of(
    measure: Measure,
    code: str,
    trust: Organisation,
    findings: Collection[int],
    examinations: Collection[int],
    now: datetime,
) -> "QuerySet[Any, Any]":
    cases = measure.cases
    if cases.finding is not None:
        which = {f"{cases.finding}pk__in": list(findings)}
    else:
        which = {f"{cases.examination}pk__in": list(examinations)}
    rows = (cases.every or cases.of)(trust).filter(**which)
    if cases.is_append_only:
        rows = rows.filter(measure.counted(now))
    return (
        rows.order_by()
        .annotate(of_measure=Value(code, output_field=CharField()), day=TruncDate(measure.moment))
        .values_list("of_measure", "day")
    )
