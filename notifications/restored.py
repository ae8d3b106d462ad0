"""A database that was restored from a copy: what was recorded since then is gone.

Nobody can know what was sent in that time. So what was due before goes out, and says that it may be
a second copy; the timeline of each open finding says where lines are missing, as the page of each
examination that waits for its report does, which has none; and for a week every page says which
time has to be entered again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from findings.models import Event, Examination, Finding, Step
from findings.services.timeline import Line, database_now, record_all
from findings.words import when
from notifications import clockwork, pulse
from notifications.models import Notification, Pulse

# Pulses: of when the copy is, and when it was put in place.
COPY_OF, PUT_BACK = "copy_of", "put_back"
SAID_FOR = timedelta(days=7)


@dataclass(frozen=True)
class Restored:
    """What `say_restored` found."""

    copy_of: datetime
    at: datetime
    findings: int
    # Examinations that wait for their report.
    waits: int
    # Not fired in the copy, and due by now.
    steps: int
    # Not sent in the copy.
    messages: int


@transaction.atomic
def say_restored(copy_of: datetime | None = None) -> Restored:
    """Once, before anything runs. `copy_of` (UTC): without it, the last moment in which the engine
    ran. Raises ValueError where that is not known."""
    at = database_now()
    copy_of = copy_of or _last_run(at)
    if copy_of >= at:
        raise ValueError("A copy is older than this moment.")
    findings = list(Finding.objects.open().order_by("pk").values_list("pk", flat=True))
    said = {"text": f"Restored from a copy. {_gap(copy_of, at)} is missing in this timeline."}
    record_all((Line(pk, Event.Kind.NOTE, said) for pk in findings), at=at)
    pulse.beat(COPY_OF, copy_of)
    pulse.beat(PUT_BACK, at)
    waiting = Notification.objects.on_their_way()
    return Restored(
        copy_of,
        at,
        len(findings),
        Examination.objects.waiting().count(),
        Step.objects.due().count(),
        waiting.count(),
    )


def _last_run(at: datetime) -> datetime:
    latest = pulse.last(clockwork.LATEST)
    if latest is None:
        raise ValueError("The engine has never run in this copy: say of when it is.")
    if at - latest < timedelta(minutes=1):
        raise ValueError("The engine has run since it was restored: say of when the copy is.")
    return latest


def _gap(copy_of: datetime, at: datetime) -> str:
    return f"What was recorded from {when(copy_of)} until {when(at)}"


def notice(pulses: Mapping[str, datetime], now: datetime) -> str:
    """For every page; empty when it is long ago."""
    at, copy_of = pulses.get(PUT_BACK), pulses.get(COPY_OF)
    if at is None or copy_of is None or now - at > SAID_FOR:
        return ""
    return f"Restored from a copy. {_gap(copy_of, at)} is gone: please enter it again."


def gone_since(at: datetime) -> str:
    """Answers `findings.told.gone_since`; of the last copy that was put in place."""
    pulses = dict(Pulse.objects.filter(name__in=[COPY_OF, PUT_BACK]).values_list("name", "at"))
    put_back, copy_of = pulses.get(PUT_BACK), pulses.get(COPY_OF)
    if put_back is None or copy_of is None or at >= put_back:
        return ""
    return f"Restored from a copy. {_gap(copy_of, put_back)} is missing here."


def now_and_put_back() -> tuple[datetime, datetime | None]:
    """This moment (UTC), and before which whatever was due may have been sent already."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT clock_timestamp(), (SELECT at FROM notifications_pulse WHERE name = %s)",
            [PUT_BACK],
        )
        return cursor.fetchone()
