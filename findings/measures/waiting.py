"""Examinations that wait for a report, counted: the numbers of governance and the rows of the list
are the same selection."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from findings.models import Clock, Examination, Person
from findings.states import ClockKind


@dataclass(frozen=True)
class Counts:
    """How many wait, and how many of these are past their limit."""

    waiting: int
    late: int


def seen_by(person: Person) -> QuerySet[Clock]:
    """The clocks of reports, running or ended, of the examinations that this person follows."""
    followed = Examination.objects.followed_by(person)
    return Clock.objects.filter(kind=ClockKind.REPORT_BY, examination__in=followed)


def waits_visible_to(person: Person) -> QuerySet[Clock]:
    """Those that run: the examinations that still wait."""
    return seen_by(person).filter(stopped_at__isnull=True)


def late(clocks: QuerySet[Clock], now: datetime) -> QuerySet[Clock]:
    return clocks.filter(due_at__lte=now)


def counts(clocks: QuerySet[Clock], now: datetime) -> Counts:
    return Counts(
        **clocks.aggregate(waiting=Count("pk"), late=Count("pk", filter=Q(due_at__lte=now)))
    )
