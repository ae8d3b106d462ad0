"""Which days of a measure are kept, so that only the others are counted from their rows.

A day is kept if it is over, was counted by the measure's present definition, and nothing was
written since to a finding or an examination that it counts. So a number is of this moment, whoever
keeps the days up, and if nobody does it is slower and no less right (docs/adr/0051).
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import CharField, Q, QuerySet, TextField, Value
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

    def split(
        self, code: str, dimension: str, period: Period
    ) -> tuple[list[tuple[date, Parts]], list[Period]]:
        """The days of a period that are kept, and the rest of it, which is to be counted."""
        whole = self.parts[code, WHOLE]
        within = sorted(day for day in whole if period.first <= day <= period.last)
        gaps = list(_between(period, within))
        if len(gaps) > MANY_GAPS:
            return [], [period]
        here = self.parts[code, dimension]
        return [(day, here.get(day, {})) for day in within], gaps


def _between(period: Period, days: Sequence[date]) -> Iterator[Period]:
    """What is left of a period without these days, which are in order."""
    first = period.first
    for day in days:
        if first < day:
            yield Period(first, day - ONE_DAY)
        first = day + ONE_DAY
    if first <= period.last:
        yield Period(first, period.last)


def kept(
    codes: Collection[str],
    trust: Organisation,
    dimensions: Iterable[str],
    periods: Iterable[Period],
    now: datetime,
) -> Kept:
    """What can be said of these measures in these periods without a look at their rows."""
    found = Kept()
    up_to = MeasuredUpTo.objects.first()
    if up_to is None:
        return found
    changed = changed_days(codes, trust, up_to, now)
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
    events = Event.objects.filter(pk__gt=up_to.event, finding__organisation=trust)
    findings = set(events.values_list("finding", flat=True))
    examinations = _changed_examinations(trust, up_to)
    if patients := _changed_patients(up_to):
        of_them = {"examination__patient__in": patients, "organisation": trust}
        findings |= set(Finding.objects.filter(**of_them).values_list("pk", flat=True))
        theirs = Examination.objects.filter(patient__in=patients, site__organisation=trust)
        examinations |= set(theirs.values_list("pk", flat=True))
    if not findings and not examinations:
        return found
    examinations |= set(
        Examination.objects.filter(findings__in=findings).values_list("pk", flat=True)
    )
    asked = [_days_of(MEASURES[code], code, trust, findings, examinations, now) for code in codes]
    for code, day in asked[0].union(*asked[1:]):
        if day:
            found[code].add(day)
    return found


def _changed_examinations(trust: Organisation, up_to: MeasuredUpTo) -> set[int]:
    """That arrived, were reported, began to wait, of which it was said that no report comes, or of
    which an order spoke."""
    of_trust = {"examination__site__organisation": trust}
    said = Q(pk__gt=up_to.no_report) | Q(undone_at__gte=up_to.at)
    new = Examination.objects.filter(pk__gt=up_to.examination, site__organisation=trust)
    asked = [
        rows.order_by().values_list("examination", flat=True)
        for rows in (
            Report.objects.filter(pk__gt=up_to.report, **of_trust),
            NoReport.objects.filter(said, **of_trust),
            Clock.objects.filter(pk__gt=up_to.clock, **of_trust),
            Receipt.objects.filter(pk__gt=up_to.receipt, **of_trust),
        )
    ]
    return set(new.order_by().values_list("pk", flat=True).union(*asked))


def _changed_patients(up_to: MeasuredUpTo) -> set[int]:
    """Who were born on another day, live elsewhere, or whose records were merged or taken apart."""
    merges = PatientMerge.objects.filter(Q(pk__gt=up_to.merge) | Q(undone_at__gte=up_to.at))
    asked = [
        PatientUpdate.objects.filter(pk__gt=up_to.patient_update).values_list("patient"),
        Circumstances.objects.filter(pk__gt=up_to.circumstances).values_list("patient"),
        merges.values_list("kept"),
        merges.values_list("merged"),
    ]
    return {key for (key,) in asked[0].order_by().union(*(one.order_by() for one in asked[1:]))}


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
