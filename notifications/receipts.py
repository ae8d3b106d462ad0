"""What comes back after a message was taken over: it arrived, it waits, or it never will.

A receipt may come twice, late, or before the one that should have come first. Each counts once for
an attempt, and what was final stays final: a failure after "delivered" is kept and changes nothing.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from findings.models import Event, Examination, Finding
from findings.services.timeline import database_now, lock
from notifications.channels.base import without_addresses
from notifications.models import DeliveryAttempt, DeliveryReceipt, Notification
from notifications.outcomes import follow_failure, record_message

log = logging.getLogger(__name__)
Outcome, Status = DeliveryReceipt.Outcome, Notification.Status


class NotYet(Exception):
    """The message is being sent at this moment: tell us again in a minute."""


@dataclass(frozen=True)
class Told:
    """What another system says of one message."""

    # Our public id, as it was sent along.
    public_id: str
    outcome: DeliveryReceipt.Outcome
    detail: str = ""
    reported_at: datetime | None = None
    # Nothing will ever arrive there, as opposed to: this did not.
    address_is_bad: bool = False


def take_receipt(told: Told) -> bool:
    """False where it says nothing new, or is about no message of ours. Raises `NotYet`.

    What came back of a digest came back of everything that it carried.
    """
    carried = DeliveryAttempt.objects.filter(
        carried_by__notification__public_id=told.public_id
    ).values_list("notification__public_id", flat=True)
    every = [told, *(replace(told, public_id=str(one)) for one in carried)]
    return any([_take(one) for one in every])  # a list: each of them is taken


@transaction.atomic
def _take(told: Told) -> bool:
    found = Notification.objects.filter(public_id=told.public_id).first()
    if found is None:
        return False
    subject = lock(found.subject)
    notification = Notification.objects.select_related("step", "recipient", "route").get(
        pk=found.pk
    )
    attempt = notification.attempts.order_by("-number").first()
    if notification.status == Status.SENDING:
        raise NotYet
    if attempt is None:
        return False
    was_final = _is_final(attempt)
    at = database_now()
    _, is_new = DeliveryReceipt.objects.get_or_create(
        attempt=attempt,
        outcome=told.outcome,
        defaults={
            "detail": without_addresses(told.detail),
            "reported_at": told.reported_at,
            "at": at,
        },
    )
    if is_new and not was_final:
        _FOLLOWS[told.outcome](subject, notification, attempt, told, at)
    return is_new


def _is_final(attempt: DeliveryAttempt) -> bool:
    """One copy arrived, or this very one did not. That an earlier one came back while the next was
    on its way says nothing of the next."""
    arrived = Q(outcome=Outcome.DELIVERED, attempt__notification=attempt.notification_id)
    return DeliveryReceipt.objects.filter(
        arrived | Q(outcome=Outcome.FAILED, attempt=attempt)
    ).exists()


def _delivered(
    subject: Finding | Examination,
    notification: Notification,
    attempt: DeliveryAttempt,
    told: Told,
    at: datetime,
) -> None:
    """Where we did not know whether it had gone, we do now, and no second copy is sent."""
    unsure = Notification.objects.filter(pk=notification.pk, status=Status.QUEUED)
    if unsure.update(status=Status.SENT, sent_at=at):
        record_message(Event.Kind.SENT, notification, at, attempt=attempt.number)


def _delayed(*nothing: Any) -> None:
    """The other side keeps trying; the ladder does not wait for it anyhow."""


def _failed(
    subject: Finding | Examination,
    notification: Notification,
    attempt: DeliveryAttempt,
    told: Told,
    at: datetime,
) -> None:
    sent = Notification.objects.filter(pk=notification.pk, status=Status.SENT)
    if not sent.update(status=Status.FAILED, sent_at=None):
        return  # it is on its way again, or was given up already
    because = without_addresses(told.detail) or "The message came back."
    more = {"because": because, "attempt": attempt.number, "came_back": True}
    record_message(Event.Kind.SEND_FAILED, notification, at, **more)
    why = because if told.address_is_bad else ""
    follow_failure(subject, notification, at, address_is_bad_because=why)


_FOLLOWS = {
    Outcome.DELIVERED: _delivered,
    Outcome.DELAYED: _delayed,
    Outcome.FAILED: _failed,
}
