"""Whose turn it is: messages are taken under a lease, and whatever was not begun is given back.

A token says whose they are. Taken together they are held for seconds only; the one that is begun
gets its whole lease (attempts.py). So a sender that dies keeps one message waiting for long, and
one whose mail server is slow loses the others to whoever has time.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Q, QuerySet
from django.db.models.functions import Now

from findings.models import Step
from notifications.models import CRITICAL, Channel, Notification

Status = Notification.Status

# For which messages that were taken together are ours, before the one or the other is begun.
HOLD = timedelta(seconds=5)
# After it fell due a critical step has fired, unless something is wrong with it.
FIRED_WITHIN = timedelta(seconds=10)
# Nothing is kept back for longer, however much of what is critical comes meanwhile.
KEPT_BACK = timedelta(seconds=30)
DUE = Q(status=Status.QUEUED, next_attempt_at__lte=Now())
# A longer list is not read; the rest goes in the next one.
MOST_IN_A_DIGEST = 50


@dataclass(frozen=True)
class Lease:
    """Messages (ids) that are ours.

    The token alone says so: only what is being sent has one. Who asks for the status besides lets
    PostgreSQL go through the index of all that waits for each single message.
    """

    token: uuid.UUID
    ids: list[int]


def whole() -> timedelta:
    """For which one message is ours from its attempt on."""
    return timedelta(seconds=settings.DELIVERY_LEASE_SECONDS)


def waiting(channel: Channel) -> QuerySet[Notification]:
    """Due, or left behind by a sender whose lease has run out. Its own columns only."""
    left_behind = Q(status=Status.SENDING, lease_until__lt=Now())
    return Notification.objects.filter(DUE | left_behind, channel=channel)


def next_ones(channel: Channel) -> QuerySet[Notification]:
    """What may go now: as long as anything critical still has to, nothing else.

    Two processes fire and two send, so what is less severe may be ready while another process has
    what is critical in hand: not yet fired, or taken and not begun. A step that nobody can fire, a
    sender that died: each keeps the others waiting for seconds. One after the other they could do
    it for ever, so what has waited for long goes all the same, after what is critical of its batch.
    """
    critical = Q(priority__lte=CRITICAL)
    to_fire = Step.objects.unfired().filter(
        critical, falls_at__lte=Now(), falls_at__gt=Now() - FIRED_WITHIN
    )
    to_begin = Notification.objects.filter(
        critical,
        DUE | Q(status=Status.SENDING, lease_until__range=(Now(), Now() + HOLD)),
        channel=channel,
    )
    nothing_critical = ~Exists(to_fire) & ~Exists(to_begin)
    long_enough = Q(next_attempt_at__lt=Now() - KEPT_BACK)
    return in_order(waiting(channel).filter(critical | nothing_critical | long_enough))


def in_order(messages: QuerySet[Notification]) -> QuerySet[Notification]:
    """The most severe and the oldest first."""
    return messages.order_by("priority", "next_attempt_at", "pk")


@transaction.atomic
def take(channel: Channel, most: int, only: Collection[int] = ()) -> Lease:
    """The next messages, or of these only, with what was saved up beside."""
    may_go = next_ones(channel)
    if only:
        may_go = may_go.filter(pk__in=only)
    rows = list(
        may_go.select_for_update(skip_locked=True).values_list(
            "pk", "held_until", "recipient", "route"
        )[:most]
    )
    ids = [row[0] for row in rows]
    for recipient, route in {row[2:] for row in rows if row[1]}:
        ids += _saved_up(recipient, route, ids)
    lease = Lease(uuid.uuid4(), ids)
    if ids:
        Notification.objects.filter(pk__in=ids).update(
            status=Status.SENDING,
            lease_token=lease.token,
            lease_until=Now() + min(HOLD, whole()),
        )
    return lease


def _saved_up(recipient: int, route: int, taken: Collection[int]) -> list[int]:
    """What else was saved up for the same morning, person and route."""
    others = Notification.objects.filter(
        status=Status.QUEUED,
        next_attempt_at__lte=Now(),
        held_until__isnull=False,
        recipient=recipient,
        route=route,
    ).exclude(pk__in=taken)
    locked = others.order_by("next_attempt_at", "pk").select_for_update(skip_locked=True)
    return list(locked.values_list("pk", flat=True)[: MOST_IN_A_DIGEST - 1])


def give_back(token: uuid.UUID, ids: Collection[int], **change: Any) -> int:
    """How many were still ours; fewer than given when the lease has run out and somebody else took
    them over."""
    ours = Notification.objects.filter(pk__in=ids, lease_token=token)
    return ours.update(lease_token=None, lease_until=None, **change)
