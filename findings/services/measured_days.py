"""Keeping what measures said of days that are over, and holding it against the rows.

Whoever writes days holds the one row of `MeasuredUpTo`: of two at once the second does nothing.
"""

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, QuerySet
from django.utils import timezone

from findings.measures.counting import WHOLE, count, form, kept_by
from findings.measures.definitions import MEASURES
from findings.measures.kept import changed_days
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
from findings.services.settled import newest_settled
from findings.services.timeline import database_now

# Further back days are counted each time: they are seldom asked for.
YEARS_KEPT = 5
# So many days of a measure in one statement.
AT_ONCE = 31
# For one round, which watches too.
ROUND_SECONDS = 10.0
# Local hours in which nobody is kept waiting by a comparison of days with their rows.
NIGHT = range(1, 6)
COMPARE_AFTER = timedelta(hours=20)
# Rows that are numbered as they are written, and whose number says what is new.
NUMBERED = {
    "event": Event,
    "report": Report,
    "examination": Examination,
    "clock": Clock,
    "no_report": NoReport,
    "receipt": Receipt,
    "patient_update": PatientUpdate,
    "circumstances": Circumstances,
    "merge": PatientMerge,
}


def keep_up() -> None:
    """One round: count again what changed, then what is not kept yet; at night compare."""
    ends = time.monotonic() + ROUND_SECONDS
    if not _count_what_changed():
        return
    for work in (_missing, _to_compare):
        for trust, measure, days in work(database_now()):
            if time.monotonic() > ends:
                return
            _keep(trust, measure, days)


def rebuild(told: Callable[[Measure, Organisation], object] = lambda *_: None) -> None:
    """Forget every day and count it again. Until that is done numbers are counted from rows."""
    with transaction.atomic():
        MeasuredDay.objects.all().delete()
        MeasuredUpTo.objects.all().delete()
    _count_what_changed()
    for trust, measure, days in _missing(database_now()):
        _keep(trust, measure, days)
        told(measure, trust)


def forget() -> None:
    """What is kept of every day, since what cases are broken down by changed for many of them. The
    rounds count again; until then numbers are counted from rows."""
    with transaction.atomic():
        MeasuredUpTo.objects.select_for_update().first()
        MeasuredDay.objects.all().delete()


def _locked() -> MeasuredUpTo | None:
    """None: somebody else is at it."""
    if not MeasuredUpTo.objects.exists():
        MeasuredUpTo.objects.bulk_create(
            [MeasuredUpTo(pk=1, at=database_now(), **_newest())], ignore_conflicts=True
        )
    return MeasuredUpTo.objects.select_for_update(skip_locked=True).first()


def _newest() -> dict[str, int]:
    return {name: newest_settled(model) for name, model in NUMBERED.items()}


def _count_what_changed() -> bool:
    """Whether it was us who did it."""
    at = database_now()
    newest = _newest()
    with transaction.atomic():
        up_to = _locked()
        if up_to is None:
            return False
        for trust in Organisation.objects.order_by("pk"):
            changed = changed_days(MEASURES, trust, up_to, at)
            for code, days in changed.items():
                _write(trust, MEASURES[code], _countable(trust, days, at), at)
        MeasuredUpTo.objects.filter(pk=up_to.pk).update(at=at, **newest)
    return True


def _countable(trust: Organisation, days: Iterable[date], now: datetime) -> list[date]:
    """Of these days those that are over and not too long ago."""
    whole = _whole(trust, now)
    return sorted(day for day in days if whole and whole.first <= day <= whole.last)


def _whole(trust: Organisation, now: datetime) -> Period | None:
    """The days of a trust that are kept: from its first finding or report to yesterday."""
    flagged = Finding.objects.filter(organisation=trust).aggregate(first=Min("flagged_at"))
    reports = Report.objects.filter(examination__site__organisation=trust)
    reported = reports.order_by("reported_at").values_list("reported_at", flat=True).first()
    known = [at for at in (flagged["first"], reported) if at]
    if not known:
        return None
    yesterday = timezone.localdate(now) - ONE_DAY
    first = max(timezone.localdate(min(known)), yesterday - timedelta(days=365 * YEARS_KEPT))
    return Period(first, yesterday) if first <= yesterday else None


def _missing(now: datetime) -> Iterator[tuple[Organisation, Measure, list[date]]]:
    """The days that should be kept and are not, the latest first."""
    for trust in Organisation.objects.order_by("pk"):
        period = _whole(trust, now)
        if period is None:
            continue
        for measure in MEASURES.values():
            kept = _days(trust, measure).filter(form=form(measure))
            inside = kept.filter(day__gte=period.first, day__lte=period.last)
            if inside.count() == period.days:
                continue
            have = set(inside.values_list("day", flat=True))
            every = (period.last - number * ONE_DAY for number in range(period.days))
            yield from _chunks(trust, measure, [day for day in every if day not in have])


def _to_compare(now: datetime) -> Iterator[tuple[Organisation, Measure, list[date]]]:
    if timezone.localtime(now).hour not in NIGHT:
        return
    for trust in Organisation.objects.order_by("pk"):
        for measure in MEASURES.values():
            old = _days(trust, measure).filter(counted_at__lt=now - COMPARE_AFTER)
            days = old.order_by("counted_at", "-day").values_list("day", flat=True)
            yield from _chunks(trust, measure, list(days))


def _days(trust: Organisation, measure: Measure) -> "QuerySet[MeasuredDay]":
    return MeasuredDay.objects.filter(organisation=trust, measure=measure.code, dimension=WHOLE)


def _chunks(
    trust: Organisation, measure: Measure, days: Sequence[date]
) -> Iterator[tuple[Organisation, Measure, list[date]]]:
    for start in range(0, len(days), AT_ONCE):
        yield trust, measure, sorted(days[start : start + AT_ONCE])


def _keep(trust: Organisation, measure: Measure, days: Sequence[date]) -> None:
    """Count these days; what was kept of them and is not so is told of by the watchdog."""
    with transaction.atomic():
        up_to = _locked()
        if up_to is None:
            return
        at = database_now()
        before = _kept_whole(trust, measure, days)
        if before:
            # What was written to since the last round is no surprise.
            for day in changed_days([measure.code], trust, up_to, at)[measure.code]:
                before.pop(day, None)
        _write(trust, measure, days, at)
        after = _kept_whole(trust, measure, before)
        if wrong := sum(1 for day, parts in before.items() if after[day] != parts):
            _tell_of_wrong(up_to, wrong, at)


def _kept_whole(trust: Organisation, measure: Measure, days: Collection[date]) -> dict[date, Any]:
    """The number itself; who a patient or a team is may change, and parts with it."""
    if not days:
        return {}
    kept = _days(trust, measure).filter(day__in=list(days), form=form(measure))
    return dict(kept.values_list("day", "parts"))


def _tell_of_wrong(up_to: MeasuredUpTo, wrong: int, at: datetime) -> None:
    this_night = up_to.wrong_at and timezone.localdate(up_to.wrong_at) == timezone.localdate(at)
    wrong += up_to.wrong if this_night else 0
    MeasuredUpTo.objects.filter(pk=up_to.pk).update(wrong_at=at, wrong=wrong)


def _write(trust: Organisation, measure: Measure, days: Sequence[date], at: datetime) -> None:
    """Count these days, which are in order, and keep them in place of what was kept of them."""
    if not days:
        return
    counted = count(measure, trust, _runs(days), at, kept_by(measure))
    found = {(one.day, one.dimension): one.parts for one in counted}
    kept = {WHOLE, *kept_by(measure)}
    rows = [
        MeasuredDay(
            organisation=trust,
            measure=measure.code,
            dimension=dimension,
            day=day,
            form=form(measure),
            parts=json.loads(found.get((day, dimension), "{}")),
            counted_at=at,
        )
        for day in days
        for dimension in kept
        if dimension == WHOLE or (day, dimension) in found
    ]
    old = MeasuredDay.objects.filter(organisation=trust, measure=measure.code, day__in=days)
    old.delete()
    MeasuredDay.objects.bulk_create(rows)


def _runs(days: Sequence[date]) -> list[Period]:
    """Days in order, those that follow each other together."""
    found: list[Period] = []
    for day in days:
        if found and day - found[-1].last == ONE_DAY:
            found[-1] = Period(found[-1].first, day)
        else:
            found.append(Period(day, day))
    return found
