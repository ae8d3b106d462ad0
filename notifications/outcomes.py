"""How a try at sending ended, and what follows from it. Only the holder of the lease records it.

Sent: the timeline says so. Not now: again later, with a longer pause each time. Nobody knows: once
more, as a copy that says so, and then never again. Never: the address is marked, the timeline says
so, whoever flagged the finding is told, and where nobody else of the step can have got it, the next
step of the ladder is brought forward.
"""

import random
import time
from datetime import datetime, timedelta
from json import dumps
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from findings import doorbell
from findings.models import NEWS, Audience, Event, Examination, Finding, Improvement, Step
from findings.prepared import Prepared
from findings.services.clocks import tell_now, tell_of_wait
from findings.services.timeline import database_now, lock, record
from notifications import leases
from notifications.attempts import Turn
from notifications.channels.base import NotSent, Permanent, Transient
from notifications.escalation import asks_for_an_answer, bring_forward
from notifications.models import (
    Channel,
    DeliveryResult,
    Notification,
    configured_channels,
)
from notifications.routes import mark_as_bounced, next_route

Status, Outcome = Notification.Status, DeliveryResult.Outcome

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=15)
# Over nine hours of "not now" from the same server about the same message.
MOST_TRIES = 40
# Seconds between tries at recording what has happened already.
RECORD_AGAIN_AFTER = (0.2, 0.5, 1, 2, 4, 8)
# Before the one further copy of a message that may have arrived: longer than a server hiccups.
AFTER_UNKNOWN = timedelta(minutes=1)
MAY_HAVE_ARRIVED = "It may have arrived."
NO_THIRD = "Either copy may have arrived; no third one is sent."
SWITCHED_OFF = "Nothing can be sent this way any more: it was switched off."
UNWRITABLE = "The message cannot be written: an error of this application."
UNDELIVERED = "a message could not be delivered"


# Of what went out. Without a wait for the disk: the next message's attempt waits for it, and if the
# database's machine dies first, nobody knows how this one ended, and the second copy says so.
TAKEN = Prepared(
    "message_taken",
    """
    WITH locked AS MATERIALIZED (
        SELECT id FROM findings_finding WHERE id = %(finding)s FOR NO KEY UPDATE
    ), now AS MATERIALIZED (
        SELECT clock_timestamp() AS at, set_config('synchronous_commit', 'off', true)
        FROM (SELECT count(*) FROM locked) AS wait
    ), ours AS (
        UPDATE notifications_notification
        SET status = 'sent', sent_at = now.at, lease_token = NULL, lease_until = NULL
        FROM now WHERE id = %(notification)s AND lease_token = %(holder)s
        RETURNING finding_id
    ), said AS (
        INSERT INTO findings_event (finding_id, number, kind, at, data, previous_hash, hash)
        SELECT finding_id, 0, 'sent', now.at, %(data)s, '', '' FROM ours, now
        WHERE finding_id IS NOT NULL
    )
    INSERT INTO notifications_deliveryresult (attempt_id, outcome, detail, at)
    SELECT %(attempt)s, CASE WHEN EXISTS (SELECT FROM ours) THEN 'accepted' ELSE 'lease_lost' END,
        '', at FROM now
    ON CONFLICT DO NOTHING RETURNING outcome
    """,
    finding="bigint",
    notification="bigint",
    holder="uuid",
    attempt="bigint",
    data="jsonb",
)


def settle(turn: Turn, error: NotSent | None) -> DeliveryResult.Outcome:
    """Record how it ended, of a digest for each that it carried: one finding after the other.

    What is given up counts as refused, whatever the last answer was.
    """
    outcome = _keep_settling(turn, error)
    for other in turn.others:
        _keep_settling(other, error)
    return outcome


def _keep_settling(turn: Turn, error: NotSent | None) -> DeliveryResult.Outcome:
    """A restart of the database must not make us forget that it has gone."""
    for pause in RECORD_AGAIN_AFTER:
        try:
            return _taken(turn) if error is None else _settle(turn, error)
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block:
                raise
            connection.close()
            time.sleep(pause)
    return _taken(turn) if error is None else _settle(turn, error)


def _taken(turn: Turn) -> DeliveryResult.Outcome:
    """It went: sent, unless somebody else's lease holds the message now."""
    notification = turn.notification
    row = TAKEN.row(
        finding=notification.finding_id,
        notification=notification.pk,
        holder=turn.token,
        attempt=turn.attempt.pk,
        data=dumps(said(notification, attempt=turn.attempt.number)),
    )
    # No row: it was recorded, and only the answer of the database was lost.
    return Outcome(row[0]) if row else Outcome.ACCEPTED


@transaction.atomic
def _settle(turn: Turn, error: NotSent) -> DeliveryResult.Outcome:
    subject = lock(turn.notification.subject)
    at = database_now()
    outcome, change = _outcome(turn, error, at)
    gave_up = change["status"] == Status.FAILED
    if not leases.give_back(turn.token, [turn.notification.pk], **change):
        outcome = Outcome.LEASE_LOST
    DeliveryResult.objects.create(attempt=turn.attempt, outcome=outcome, detail=error.detail, at=at)
    because = " ".join([error.detail, *_unknown(outcome, gave_up)])
    if gave_up and outcome != Outcome.LEASE_LOST:
        _record_failed(turn, at, because=because)
        address_is_bad = isinstance(error, Permanent) and error.address_is_bad
        why = error.detail if address_is_bad else ""
        follow_failure(subject, turn.notification, at, address_is_bad_because=why)
        return Outcome.PERMANENT
    if outcome in (Outcome.TRANSIENT, Outcome.UNKNOWN) and turn.attempt.number == 1:
        _record_failed(turn, at, because=because, again=True)
    return outcome


def _unknown(outcome: DeliveryResult.Outcome, gave_up: bool) -> list[str]:
    if outcome != Outcome.UNKNOWN:
        return []
    return [NO_THIRD if gave_up else MAY_HAVE_ARRIVED]


def _outcome(
    turn: Turn, error: NotSent, at: datetime
) -> tuple[DeliveryResult.Outcome, dict[str, Any]]:
    """What happened, and how the notification stands after it."""
    if isinstance(error, Permanent) or turn.attempt.number >= MOST_TRIES:
        return Outcome.PERMANENT, {"status": Status.FAILED}
    if isinstance(error, Transient):
        at_once = error.at_once and turn.attempt.number == 1
        pause = timedelta() if at_once else pause_before(turn.attempt.number + 1)
        return Outcome.TRANSIENT, {"status": Status.QUEUED, "next_attempt_at": at + pause}
    if _was_unknown_before(turn.notification):
        return Outcome.UNKNOWN, {"status": Status.FAILED}
    return Outcome.UNKNOWN, {"status": Status.QUEUED, "next_attempt_at": at + AFTER_UNKNOWN}


def _was_unknown_before(notification: Notification) -> bool:
    """The other side's silence; not that a sender of ours died, which one copy makes good."""
    results = DeliveryResult.objects.filter(attempt__notification=notification)
    return results.filter(outcome=Outcome.UNKNOWN).exists()


def pause_before(number: int) -> timedelta:
    """Before the nth try: doubled each time, and shaken, so that not all come back at once."""
    pause = min(FIRST_PAUSE * 2 ** min(number - 2, 10), LONGEST_PAUSE)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311  nothing secret


def said(notification: Notification, **more: Any) -> dict[str, Any]:
    """What the timeline says of a message."""
    return {
        "to": str(notification.recipient),
        "channel": notification.channel,
        "level": notification.step.level,
        **more,
    }


def record_message(kind: Event.Kind, notification: Notification, at: datetime, **more: Any) -> None:
    """A line about a message: `SENT`, or `SEND_FAILED` with `because`. None of what is not about a
    finding: it has no timeline, and the message itself says what became of it."""
    if finding := notification.finding:
        record(finding=finding, kind=kind, by=None, at=at, **said(notification, **more))


def _record_failed(turn: Turn, at: datetime, **more: Any) -> None:
    more["attempt"] = turn.attempt.number
    record_message(Event.Kind.SEND_FAILED, turn.notification, at, **more)


def give_up_unsendable(limit: int) -> int:
    """Messages by a way that was switched off must not wait in silence: they fail, and the next
    way or the next step takes over."""
    off = set(Channel) - set(configured_channels())
    waiting = Notification.objects.filter(
        status=Status.QUEUED, channel__in=off, next_attempt_at__lte=Now()
    )
    ids = list(waiting.values_list("pk", flat=True)[:limit]) if off else []
    return sum(give_up(pk, because=SWITCHED_OFF) for pk in ids)


@transaction.atomic
def give_up(pk: int, *, because: str) -> int:
    """A message that waits has failed, and what follows a refusal follows. 0: it waits no more."""
    notification = Notification.objects.select_related("step", "recipient", "route").get(pk=pk)
    subject = lock(notification.subject)
    given_up = Notification.objects.filter(pk=pk, status=Status.QUEUED).update(status=Status.FAILED)
    if given_up:
        at = database_now()
        record_message(Event.Kind.SEND_FAILED, notification, at, because=because)
        follow_failure(subject, notification, at, address_is_bad_because="")
    return given_up


# --- What follows from a refusal ---------------------------------------------------------------


def follow_failure(
    subject: Finding | Examination | Improvement,
    notification: Notification,
    at: datetime,
    *,
    address_is_bad_because: str,
) -> None:
    """The caller holds the lock of what it is about. The next way of telling the same person is
    tried, and where nobody else of the step hears, the ladder does not wait for that. News has no
    ladder: the finding's page says who did not hear it."""
    step = notification.step
    if address_is_bad_because:
        mark_as_bounced(notification.route, address_is_bad_because)
    if step.audience in NEWS:
        _try_next_route(notification, at)
        return
    clock = subject.clocks.get(pk=step.clock_id).in_force
    if not clock.is_running or not asks_for_an_answer(step):
        return
    others_hear = _somebody_else_hears(notification) or _a_later_step_told(step)
    _try_next_route(notification, at)
    if not others_hear:
        because = f"The message to {notification.recipient} could not be delivered."
        bring_forward(clock, because, at)
    tell_sender(subject, notification, at)


def _try_next_route(failed: Notification, at: datetime) -> None:
    route = next_route(failed)
    if route is None:
        return
    Notification.objects.create(
        step=failed.step,
        finding_id=failed.finding_id,
        examination_id=failed.examination_id,
        improvement_id=failed.improvement_id,
        recipient_id=failed.recipient_id,
        route=route,
        channel=route.channel,
        priority=failed.priority,
        created_at=at,
        next_attempt_at=at,
    )
    doorbell.ring_after_commit()


def _a_later_step_told(step: Step) -> bool:
    """A message that comes back late is no reason to climb twice."""
    later = Step.objects.filter(clock=step.clock_id, level__gt=step.level, fired_at__isnull=False)
    return Notification.objects.filter(step__in=later).exclude(status=Status.FAILED).exists()


def _somebody_else_hears(notification: Notification) -> bool:
    """Whether another message of the step arrived or still may. In the application it counts once
    it was seen: it waits there for somebody to look, and goes to nobody."""
    others = Notification.objects.filter(step=notification.step_id).exclude(pk=notification.pk)
    alive = Q(status__in=[Status.QUEUED, Status.SENDING, Status.SENT])
    return others.filter(alive & ~Q(channel=Channel.IN_APP) | Q(seen_at__isnull=False)).exists()


def tell_sender(
    subject: Finding | Examination | Improvement, notification: Notification, at: datetime
) -> None:
    """That a message did not arrive. Whoever flagged it may know another way; where it was they, or
    nobody has flagged anything yet, the coordinators; of an improvement the governance leads. The
    caller holds the lock."""
    flagged_by = subject.flagged_by_id if isinstance(subject, Finding) else None
    is_somebody_elses = flagged_by not in (None, notification.recipient_id)
    audience = Audience.RADIOLOGIST if is_somebody_elses else Audience.COORDINATOR
    if isinstance(subject, Improvement):
        audience = Audience.GOVERNANCE
    told_already = Step.objects.filter(
        clock=notification.step.clock_id, audience=audience, words=UNDELIVERED
    )
    if told_already.unfired().exists():
        return
    if isinstance(subject, Finding):
        tell_now(finding=subject, audience=audience, words=UNDELIVERED, at=at)
    else:
        tell_of_wait(beside=notification.step, audience=audience, words=UNDELIVERED, at=at)
