"""DELIVER: claim, look again, send, record. Over a network, and so at least once.

Any number of processes may do it at once, and each may be killed at any moment. A message is
claimed under a lease with a token; the attempt is committed before the call; the call is made with
no transaction open; and only the holder of the token records how it ended. When a sender dies its
lease runs out, another sends, and that second copy says that it may be one.
"""

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.functions import TransactionNow
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from findings.models import NEWS, Audience, Step
from findings.services.timeline import database_now
from findings.states import State
from notifications import messages
from notifications.channels import SENDERS
from notifications.channels.base import (
    NotSent,
    Outgoing,
    Permanent,
    Sender,
    Transient,
    Unavailable,
    Unknown,
)
from notifications.models import Channel, DeliveryAttempt, DeliveryResult, Notification, Route
from notifications.outcomes import Turn, give_up_unsendable, settle, step_aside

log = logging.getLogger(__name__)

Status, Outcome = Notification.Status, DeliveryResult.Outcome

# Seconds. A round ends before a worker's time limit, however slow the mail server is.
ROUND = 30.0
# Seconds for which one channel sends before the next has its turn.
TURN = 0.5
# A longer list is not read; the rest goes in the next one.
MOST_IN_A_DIGEST = 50
# When our own code fails on one message: it waits, and the watchdog shows it.
AFTER_OUR_FAULT = timedelta(minutes=5)


@dataclass(frozen=True)
class Delivered:
    """What one round did, in messages."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    not_needed: int = 0
    # Finished after the lease had run out: another sender may have sent a copy.
    lost: int = 0


COUNTED = {
    Outcome.ACCEPTED: "sent",
    Outcome.TRANSIENT: "retried",
    Outcome.UNKNOWN: "retried",
    Outcome.PERMANENT: "failed",
    Outcome.LEASE_LOST: "lost",
}


def deliver_due(*, limit: int = 500, stop: Callable[[], bool] = lambda: False) -> Delivered:
    """One round: at most `limit` messages a channel, the most severe and the oldest first.

    The channels take turns, so that a thousand messages of one, or a slow server, keep nothing
    urgent waiting in another.
    """
    counted: Counter[str] = Counter(failed=give_up_unsendable(limit))
    ends = time.monotonic() + ROUND
    senders = {channel: make() for channel, make in SENDERS.items()}
    left = dict.fromkeys(senders, limit)
    try:
        while left and not stop() and time.monotonic() < ends:
            for channel in list(left):
                sent = _take_a_turn(channel, senders[channel], left[channel], counted, stop)
                left[channel] -= sent or left[channel]
                if not left[channel]:
                    del left[channel]
    finally:
        for sender in senders.values():
            sender.close()
    return Delivered(**counted)


def _take_a_turn(
    channel: Channel,
    sender: Sender,
    most: int,
    counted: Counter[str],
    stop: Callable[[], bool],
) -> int:
    """Send for a moment; how many. None at all when nothing waits or the server is away."""
    over = time.monotonic() + TURN
    sent = 0
    try:
        while sent < most and not stop() and _deliver_next(channel, sender, counted):
            sent += 1
            if time.monotonic() > over:
                break
    except Unavailable as error:
        log.warning("%s does not answer: %s", channel.value, error)
        return 0
    return sent


def _deliver_next(channel: Channel, sender: Sender, counted: Counter[str]) -> bool:
    """False when nothing waits. Connects before it claims: no lease runs while it does."""
    if not _waiting(channel).exists():
        return False
    sender.open()
    ends = time.monotonic() + settings.DELIVERY_LEASE_SECONDS
    claimed = _claim(channel)
    if claimed is None:
        return False
    try:
        turn = _prepare(claimed, ends)
    except Exception as error:
        # By type: the text of an error may quote a row. The others must go out.
        log.error(
            "message not written",
            extra={"notification": claimed.pk, "error": type(error).__name__},
        )
        step_aside(claimed, status=Status.QUEUED, next_attempt_at=Now() + AFTER_OUR_FAULT)
        counted["retried"] += 1
        return True
    counted[COUNTED[_send_and_settle(turn, sender)] if turn else "not_needed"] += 1
    return True


def _waiting(channel: Channel) -> QuerySet[Notification]:
    """Due, or left behind by a sender whose lease has run out. Its own columns only."""
    due = Q(status=Status.QUEUED, next_attempt_at__lte=Now())
    left_behind = Q(status=Status.SENDING, lease_until__lt=Now())
    return Notification.objects.filter(due | left_behind, channel=channel)


@transaction.atomic
def _claim(channel: Channel) -> Notification | None:
    """The next message, ours until the lease runs out."""
    waiting = _waiting(channel).order_by("priority", "next_attempt_at", "pk")
    claimed = waiting.select_for_update(skip_locked=True).first()
    if claimed is None:
        return None
    claimed.status, claimed.lease_token = Status.SENDING, uuid.uuid4()
    Notification.objects.filter(pk=claimed.pk).update(
        status=claimed.status,
        lease_token=claimed.lease_token,
        lease_until=Now() + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS),
    )
    return claimed


_WHOLE = Notification.objects.select_related(
    "step__clock", "finding__team", "finding__owner_team", "recipient", "route__person"
)


@transaction.atomic
def _prepare(claimed: Notification, ends: float) -> Turn | None:
    """The attempt, committed before the call; None when the finding no longer needs it.

    One transaction, and the attempt has the time of its beginning: none is later than the answer
    that it did not see, however long the process stood still in between.
    """
    notification = _WHOLE.get(pk=claimed.pk)
    if not _is_needed(notification):
        step_aside(claimed, status=Status.NOT_NEEDED)
        return None
    others = _saved_up_with(claimed) if claimed.held_until else []
    every = [notification, *others]
    may_be_second = any(_may_have_arrived(one) for one in every)
    write = messages.write_digest if others else messages.write
    message = write(*every, at=database_now(), may_be_second=may_be_second)
    attempt = _attempt(notification, message)
    assert claimed.lease_token is not None
    token = claimed.lease_token
    carried = tuple(
        Turn(one, _attempt(one, message, carried_by=attempt), token, message, ends)
        for one in others
    )
    return Turn(notification, attempt, token, message, ends, carried)


def _attempt(
    notification: Notification, message: messages.Message, **more: DeliveryAttempt
) -> DeliveryAttempt:
    return DeliveryAttempt.objects.create(
        notification=notification,
        number=notification.attempts.count() + 1,
        started_at=TransactionNow(),
        subject=message.subject,
        body=message.text,
        **more,
    )


def _saved_up_with(claimed: Notification) -> list[Notification]:
    """What else was saved up for the same morning, person and route; ours under the same lease."""
    waiting = Notification.objects.filter(
        status=Status.QUEUED,
        next_attempt_at__lte=Now(),
        held_until__isnull=False,
        recipient=claimed.recipient_id,
        route=claimed.route_id,
    ).order_by("next_attempt_at", "pk")
    locked = waiting.select_for_update(skip_locked=True).values_list("pk", flat=True)
    ours = list(locked[: MOST_IN_A_DIGEST - 1])
    Notification.objects.filter(pk__in=ours).update(
        status=Status.SENDING,
        lease_token=claimed.lease_token,
        lease_until=Now() + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS),
    )
    found = _WHOLE.filter(pk__in=ours).order_by("pk")
    needed = []
    for one in found:
        if _is_needed(one):
            needed.append(one)
        else:
            step_aside(one, status=Status.NOT_NEEDED)
    return needed


def _is_needed(notification: Notification) -> bool:
    """The promise still runs, and no newer message says the same to the same person. News is
    needed whatever was answered since; of a withdrawn finding only that it is withdrawn."""
    if notification.step.audience in NEWS:
        return (
            notification.step.audience == Audience.WITHDRAWN
            or notification.finding.state != State.WITHDRAWN
        )
    if not notification.finding.is_open or not notification.step.clock.is_running:
        return False
    if notification.step.audience == Audience.OFFERED:
        return _is_still_offered(notification.step)
    newer = Notification.objects.filter(
        finding=notification.finding_id,
        # Of the same promise: one about the patient must not silence one about the action.
        step__clock=notification.step.clock_id,
        recipient=notification.recipient_id,
        route=notification.route_id,
        pk__gt=notification.pk,
        step__level__gt=0,
    )
    return not newer.exclude(status__in=[Status.FAILED, Status.NOT_NEEDED]).exists()


def _is_still_offered(step: Step) -> bool:
    """Whether the offer that this step tells of is open: one that was taken back asks nobody."""
    return step.finding.offers.open().filter(offered_at=step.due_at).exists()


def _may_have_arrived(notification: Notification) -> bool:
    """Whether an earlier try ended without anybody knowing how."""
    unsure = Q(result=None) | Q(result__outcome__in=[Outcome.UNKNOWN, Outcome.LEASE_LOST])
    return notification.attempts.filter(unsure).exists()


def _send_and_settle(turn: Turn, sender: Sender) -> DeliveryResult.Outcome:
    """No transaction is open here: the other side may take as long as it likes."""
    try:
        _send(turn, sender)
    except NotSent as error:
        return settle(turn, error)
    except Exception as error:
        log.error(
            "sending failed",
            extra={"notification": turn.notification.pk, "error": type(error).__name__},
        )
        return settle(turn, Unknown(f"An error of this application: {type(error).__name__}."))
    return settle(turn, None)


def _send(turn: Turn, sender: Sender) -> None:
    if time.monotonic() > turn.ends:  # stopped, or the whole machine was: it may be answered by now
        raise Transient("The sender slept through its turn; nothing was sent.")
    route = turn.notification.route
    if why_not := _unusable(route):
        raise Permanent(why_not)
    sender.send(
        Outgoing(
            address=route.address,
            subject=turn.message.subject,
            text=turn.message.text,
            html=turn.message.html,
            message_id=turn.notification.message_id,
            is_urgent=turn.notification.priority in messages.URGENCY,
        )
    )


def _unusable(route: Route) -> str:
    """What has changed since the step fired, in a sentence; empty when nothing has."""
    if not route.person.is_active:
        return "The recipient no longer works here."
    if route.removed_at:
        return "The recipient is no longer told there."
    if route.failed_at:
        return "The address has refused mail before."
    return "" if route.verified_at else "The address is not verified."
