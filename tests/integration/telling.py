"""What the tests of delivery share."""

import time
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from findings.models import Finding, Person
from notifications import leases
from notifications.attempts import Turn, begin
from notifications.drafts import Drafts
from notifications.firing import fire_due_steps
from notifications.models import Channel, DeliveryAttempt, DeliveryResult, Notification
from tests.factories import Trust, flagged


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


def fired(trust: Trust, **fields: Any) -> Finding:
    finding = flagged(trust, **fields)
    fire_due_steps()
    return finding


def email_to(person: Person, **more: Any) -> Notification:
    return Notification.objects.get(recipient=person, channel=Channel.EMAIL, **more)


def outcomes(notification: Notification) -> list[str]:
    results = DeliveryResult.objects.filter(attempt__notification=notification)
    return list(results.order_by("attempt__number").values_list("outcome", flat=True))


def in_mid_send(left: float = 60.0) -> Turn:
    """As a sender stands when its call is under way, with some seconds of its lease left."""
    turn = next_turn()
    assert turn is not None
    return replace(turn, ends=time.monotonic() + left)


def next_turn() -> Turn | None:
    """The next e-mail, begun; None where none waits, or the next is not needed any more."""
    lease = leases.take(Channel.EMAIL, 1)
    drafts = Drafts(lease.ids)
    if not drafts.groups:
        return None
    needed = drafts.needed(drafts.groups[0])
    if not needed:
        leases.give_back(lease.token, lease.ids, status=Notification.Status.NOT_NEEDED)
        return None
    return begin(drafts.write(needed), lease.token)


def due_again(notification: Notification) -> None:
    Notification.objects.filter(pk=notification.pk).update(next_attempt_at=ago(seconds=1))


def left_behind(notification: Notification, *, until: datetime) -> None:
    """As a sender leaves it that is killed after it committed its attempt."""
    DeliveryAttempt.objects.create(notification=notification, number=1, subject="s", body="b")
    Notification.objects.filter(pk=notification.pk).update(
        status=Notification.Status.SENDING, lease_token=uuid.uuid4(), lease_until=until
    )
