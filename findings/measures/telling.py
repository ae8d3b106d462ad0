"""How soon somebody was told of a finding: the first message that left for a person, or a call.

What is only shown in this application tells nobody until they look, and a message that came back
told nobody at all. Whoever acknowledged it knows of it, however they heard.
"""

from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Least

from findings.models import Event, PhoneCall
from findings.models.clock import ClockQuerySet
from findings.states import OPEN, ClockKind

Clocks = ClockQuerySet
Kind = Event.Kind
# What the line of a message says of which message it was.
SAME_MESSAGE = ("to", "channel", "level", "attempt")


def came_back() -> QuerySet[Event]:
    """Of a line that says that a message left: the line that says that it came back."""
    same = {f"data__{name}": OuterRef(f"data__{name}") for name in SAME_MESSAGE}
    return Event.objects.filter(
        finding=OuterRef("finding"), kind=Kind.SEND_FAILED, data__came_back=True, **same
    )


def told_by_then() -> Q:
    """Of a finding: somebody was told by the time that its policy gave. An acknowledgement that
    stands says it without a look at the timeline."""
    by = OuterRef("tell_by")
    acknowledged = Q(acknowledged_at__lte=F("tell_by"))
    lines, calls = _lines("pk").filter(at__lte=by), _calls("pk").filter(called_at__lte=by)
    return acknowledged | Q(Exists(lines)) | Q(Exists(calls))


def _of_the_flag() -> Q:
    """One clock for each finding whose policy gave a time to tell somebody: the one that its flag
    started. What was handed over or changed its category replaced another."""
    first = Q(kind=ClockKind.ACKNOWLEDGE, replaces__isnull=True)
    return first & Q(started_at=F("finding__flagged_at"), finding__tell_by__isnull=False)


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


def _lines(finding: str = "finding") -> QuerySet[Event]:
    """Of one clock's finding, or of a finding ("pk"), through the index of its timeline."""
    left = Q(kind=Kind.SENT) & ~Q(data__channel="in_app") & ~Exists(came_back())
    return Event.objects.filter(left | Q(kind=Kind.ACKNOWLEDGED), finding=OuterRef(finding))


def _calls(finding: str = "finding") -> QuerySet[PhoneCall]:
    return PhoneCall.objects.filter(finding=OuterRef(finding))
