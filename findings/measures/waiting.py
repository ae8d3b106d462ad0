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


def waits_visible_to(person: Person) -> QuerySet[Clock]:
    """The running clocks of the examinations whose wait this person follows."""
    followed = Examination.objects.followed_by(person)
    return Clock.objects.running(ClockKind.REPORT_BY).filter(examination__in=followed)


def late(clocks: QuerySet[Clock], now: datetime) -> QuerySet[Clock]:
    return clocks.filter(due_at__lte=now)


def counts(clocks: QuerySet[Clock], now: datetime) -> Counts:
    return Counts(
        **clocks.aggregate(waiting=Count("pk"), late=Count("pk", filter=Q(due_at__lte=now)))
    )
