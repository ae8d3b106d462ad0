"""An attempt, committed before its call: one statement, and the one write to disk of a message."""

import time
import uuid
from contextlib import nullcontext
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import transaction

from findings.models import Event
from findings.prepared import Prepared
from notifications.drafts import Draft, Part
from notifications.messages import Message
from notifications.models import DeliveryAttempt, Notification

# What a finding's timeline may say meanwhile without a look at everything again.
CHANGES_NOTHING = [Event.Kind.SENT, Event.Kind.SEND_FAILED, Event.Kind.READ]

# Only while it is ours, and only while nobody did anything about the finding since it was read.
# The attempt has the time at which the statement began: none is later than an answer that it did
# not see, however long the process stood still in between.
BEGIN = """
    WITH ours AS (
        UPDATE notifications_notification n SET lease_until = clock_timestamp()
            + %(lease)s * interval '1 second'
        WHERE n.id = %(notification)s AND n.lease_token = %(holder)s
            AND NOT EXISTS ({since})
        RETURNING n.id
    )
    INSERT INTO notifications_deliveryattempt
        (notification_id, number, started_at, carried_by_id, subject, body)
    SELECT id, %(number)s, transaction_timestamp(), %(carried_by)s, %(subject)s, %(body)s FROM ours
    RETURNING id
"""
TYPES = {
    "notification": "bigint",
    "holder": "uuid",
    "lease": "integer",
    "seen": "integer",
    "changes_nothing": "text[]",
    "number": "integer",
    "carried_by": "bigint",
    "subject": "text",
    "body": "text",
}
BEGIN_OF_FINDING = Prepared(
    "begin_of_finding",
    BEGIN.format(
        since="""
        SELECT FROM findings_event e WHERE e.finding_id = n.finding_id
            AND e.number > %(seen)s AND e.kind <> ALL(%(changes_nothing)s)
        """
    ),
    **TYPES,
)
# Of what has no timeline: its report came, it was done, or a person ended it otherwise.
BEGIN_WITHOUT_LINE = Prepared(
    "begin_without_line",
    BEGIN.format(
        since="""
        SELECT FROM findings_step s JOIN findings_clock c ON c.id = s.clock_id
            WHERE s.id = n.step_id AND c.stopped_at IS NOT NULL
        """
    ),
    **TYPES,
)


@dataclass(frozen=True)
class Turn:
    """One try of ours at one message."""

    notification: Notification
    attempt: DeliveryAttempt
    token: uuid.UUID
    message: Message
    # On time.monotonic(): when the lease will have run out.
    ends: float
    # What the same message says of other findings, in a digest.
    others: tuple["Turn", ...] = ()


def begin(draft: Draft, token: uuid.UUID) -> Turn | None:
    """None when it is not ours any more, or something was done about a finding since it was read:
    then nothing goes out, and it has to be read again."""
    ends = time.monotonic() + settings.DELIVERY_LEASE_SECONDS
    turns: list[Turn] = []
    with transaction.atomic() if len(draft.parts) > 1 else nullcontext():
        for part in draft.parts:
            attempt = _attempt(part, draft.message, token, turns[0].attempt if turns else None)
            if attempt is None:
                if turns:
                    transaction.set_rollback(True)
                return None
            turns.append(Turn(part.notification, attempt, token, draft.message, ends))
    return replace(turns[0], others=tuple(turns[1:]))


def _attempt(
    part: Part, message: Message, token: uuid.UUID, carried_by: DeliveryAttempt | None
) -> DeliveryAttempt | None:
    attempt = DeliveryAttempt(
        notification=part.notification,
        number=part.number,
        carried_by=carried_by,
        subject=message.subject,
        body=message.text,
    )
    statement = BEGIN_OF_FINDING if part.notification.finding_id else BEGIN_WITHOUT_LINE
    begun = statement.row(
        notification=part.notification.pk,
        holder=token,
        lease=settings.DELIVERY_LEASE_SECONDS,
        seen=part.seen,
        changes_nothing=CHANGES_NOTHING,
        number=part.number,
        carried_by=carried_by.pk if carried_by else None,
        subject=message.subject,
        body=message.text,
    )
    if begun is None:
        return None
    (attempt.pk,) = begun
    return attempt
