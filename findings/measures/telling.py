"""How soon somebody was told of a finding: the first message that left for a person, or a call.

What is only shown in this application tells nobody until they look, and a message that came back
told nobody at all. Whoever acknowledged it knows of it, however they heard.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Least

from findings.models import Event, PhoneCall
from findings.models.clock import ClockQuerySet
from findings.states import OPEN, ClockKind

Clocks = ClockQuerySet
Kind = Event.Kind


def _of_the_flag() -> Q:
    """One for each finding whose policy gave a time to tell somebody: the clock that its flag
    started. What was handed over or changed its category replaced another."""
    first = Q(kind=ClockKind.ACKNOWLEDGE, replaces__isnull=True)
    return first & Q(started_at=F("finding__flagged_at"), finding__tell_by__isnull=False)


def fell_due(now: datetime, days: int) -> Q:
    """Those whose time to tell somebody ended in the last `days`; not those that were withdrawn
    before it did."""
    since = now - timedelta(days=days)
    stood = Q(finding__withdrawn_at__isnull=True)
    stood |= Q(finding__withdrawn_at__gte=F("finding__tell_by"))
    return _of_the_flag() & Q(finding__tell_by__gt=since, finding__tell_by__lte=now) & stood


def told_in_time(now: datetime, days: int) -> Q:
    """An acknowledgement that stands says it without a look at the timeline."""
    by = OuterRef("finding__tell_by")
    acknowledged = Q(finding__acknowledged_at__lte=F("finding__tell_by"))
    heard = Exists(_lines().filter(at__lte=by)) | Exists(_calls().filter(called_at__lte=by))
    return fell_due(now, days) & (acknowledged | Q(heard))


def told_nobody(now: datetime) -> Q:
    """Open, and the time has passed without any of this."""
    late = Q(finding__state__in=OPEN, finding__tell_by__lte=now)
    late &= Q(finding__acknowledged_at__isnull=True)
    return _of_the_flag() & late & ~Exists(_lines()) & ~Exists(_calls())


def first_told() -> Any:
    """Of a clock: when somebody was told first; empty where nobody was."""
    line = _lines().order_by("at").values("at")[:1]
    call = _calls().order_by("called_at").values("called_at")[:1]
    return Least(Subquery(line), Subquery(call))


def _lines() -> QuerySet[Event]:
    """Of one clock's finding, through the index of its timeline."""
    came_back = Event.objects.filter(
        finding=OuterRef("finding"),
        kind=Kind.SEND_FAILED,
        data__came_back=True,
        **{
            f"data__{name}": OuterRef(f"data__{name}")
            for name in ("to", "channel", "level", "attempt")
        },
    )
    left = Q(kind=Kind.SENT) & ~Q(data__channel="in_app") & ~Exists(came_back)
    return Event.objects.filter(left | Q(kind=Kind.ACKNOWLEDGED), finding=OuterRef("finding"))


def _calls() -> QuerySet[PhoneCall]:
    return PhoneCall.objects.filter(finding=OuterRef("finding"))
