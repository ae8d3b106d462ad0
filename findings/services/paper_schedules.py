"""Which papers somebody wants regularly, and which of them are ready."""

from collections.abc import Callable
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from findings.measures.period import ONE_DAY, Period, back, month_of, quarter_of
from findings.models import PaperReady, PaperSchedule, Person, Team
from findings.rules import check_can_make_papers, check_can_make_weekly_list
from findings.services.timeline import database_now

Every = PaperSchedule.Every


def _week_before(today: date) -> Period:
    monday = today - timedelta(days=today.weekday())
    return Period(monday - timedelta(days=7), monday - ONE_DAY)


LAST_ENDED: dict[str, Callable[[date], Period]] = {
    Every.WEEK: _week_before,
    Every.MONTH: lambda today: month_of(back(today.replace(day=1), 1)),
    Every.QUARTER: lambda today: quarter_of(quarter_of(today).first - ONE_DAY),
}


def want_paper(
    *, by: Person, paper: PaperSchedule.Paper, every: PaperSchedule.Every, team: Team | None = None
) -> PaperSchedule:
    """From the next time that ends on. Another rhythm takes the place of the one before; the same
    again changes nothing."""
    is_list = paper == PaperSchedule.Paper.WEEKLY
    (check_can_make_weekly_list if is_list else check_can_make_papers)(by)
    with transaction.atomic():
        # One after the other: a second press finds what the first made.
        Person.objects.select_for_update(no_key=True).get(pk=by.pk)
        of = {"person": by, "paper": paper, "team": team if is_list else None}
        before = PaperSchedule.objects.standing().filter(**of).first()
        if before is not None and before.every == every:
            return before
        if before is not None:
            stop_paper(before)
        return PaperSchedule.objects.create(**of, every=every)


def stop_paper(schedule: PaperSchedule) -> bool:
    """False where it was stopped before."""
    standing = PaperSchedule.objects.standing().filter(pk=schedule.pk)
    return bool(standing.update(ended_at=database_now()))


def make_ready(today: date | None = None) -> int:
    """A row for each paper whose time has ended since it was asked for; once, however often this
    runs. Of a time that nobody looked the last one is enough: older papers can still be made."""
    today = today or timezone.localdate()
    found = []
    for schedule in PaperSchedule.objects.standing():
        period = LAST_ENDED[schedule.every](today)
        if period.end > schedule.made_at:
            found.append(PaperReady(schedule=schedule, first=period.first, last=period.last))
    before = PaperReady.objects.count()
    PaperReady.objects.bulk_create(found, ignore_conflicts=True)
    return PaperReady.objects.count() - before
