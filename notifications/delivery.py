"""DELIVER: take, look again, send, record. Over a network, and so at least once.

Any number of processes may do it at once, and each may be killed at any moment. Messages are taken
some at a time under a lease with a token, and everything they need is read at once. Then one after
the other: its attempt is committed; the call is made with no transaction open; and how it ended is
recorded before the next begins. So a sender that dies leaves one message of which nobody knows
whether it went. When its lease has run out another sends it, and that second copy says that it may
be one; those that were not begun go out soon, and say nothing of it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models.functions import Now

from findings.services.one_by_one import pass_over
from notifications import inbox, leases, messages
from notifications.attempts import Turn, begin
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
from notifications.drafts import Drafts, unusable
from notifications.models import Channel, DeliveryResult, Notification
from notifications.outcomes import UNWRITABLE, give_up, give_up_unsendable, settle

log = logging.getLogger(__name__)

Status, Outcome = Notification.Status, DeliveryResult.Outcome

# Seconds. A round ends before a worker's time limit, however slow the mail server is.
ROUND = 30.0
# Seconds for which one channel sends before it looks for something more urgent, and the next
# channel has its turn. What is shown in the application comes first and goes by the hundred.
TURN, TURN_IN_APP = 0.5, 0.1
# Messages that are taken together: as many as can be sent within a turn.
FIRST_BATCH, MOST_IN_A_BATCH = 10, 200
# When our own code fails on one message: it waits, and the watchdog shows it. After the third time
# it has failed, so that the next way or the next step takes over.
AFTER_OUR_FAULT, GIVE_UP_AFTER = timedelta(minutes=5), timedelta(minutes=9)
# A lock that was not to be had, a statement that took too long, a restart: of no message.
AFTER_THE_DATABASES = timedelta(seconds=5)


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


def deliver_due(*, limit: int = 20_000, stop: Callable[[], bool] = lambda: False) -> Delivered:
    """One round: at most `limit` messages a channel, the most severe and the oldest first.

    The channels take turns, so that a thousand messages of one, or a slow server, keep nothing
    urgent waiting in another.
    """
    counted: Counter[str] = Counter(failed=give_up_unsendable(limit))
    ends = time.monotonic() + ROUND
    lines = [_Line(channel, make(), limit, counted, stop) for channel, make in SENDERS.items()]
    waiting = list(lines)
    try:
        while waiting and not stop() and time.monotonic() < ends:
            waiting = [line for line in waiting if line.take_a_turn()]
    finally:
        for line in lines:
            line.sender.close()
    return Delivered(**counted)


@dataclass
class _Line:
    """What waits for one channel, in one round."""

    channel: Channel
    sender: Sender
    left: int
    counted: Counter[str]
    stop: Callable[[], bool]
    # How many to take together: as many as a turn had time for at the pace of the one before. What
    # is taken and not sent is read twice.
    size: int = FIRST_BATCH
    ends: float = 0.0
    # Whether there was anything to connect for in this round.
    is_open: bool = False

    def take_a_turn(self) -> bool:
        """False when nothing is left that could go now, or the server is away."""
        turn = TURN_IN_APP if self.channel == Channel.IN_APP else TURN
        began = time.monotonic()
        self.ends = began + turn
        try:
            done = self._deliver_some(min(self.size, self.left))
        except Unavailable as error:
            log.warning("%s does not answer: %s", self.channel.value, error)
            return False
        took = max(time.monotonic() - began, 0.001)
        self.size = max(FIRST_BATCH, min(int(done * turn / took), MOST_IN_A_BATCH))
        # With what was saved up, or is of both kinds, it may be more than was asked for.
        self.left -= done
        return done > 0 and self.left > 0

    def _is_over(self) -> bool:
        return self.stop() or time.monotonic() > self.ends

    def _deliver_some(self, size: int) -> int:
        """How many were dealt with. Connects before it takes any: nothing is taken that cannot be
        sent. And before it connects for the first time it looks whether there is anything."""
        if not self.is_open and not leases.next_ones(self.channel).exists():
            return 0
        self.is_open = True
        shown, alone = 0, list[int]()
        if self.channel == Channel.IN_APP:
            shown, alone = self._show(size)
            if shown and not alone:
                return shown
        self.sender.open()
        batch = _Batch(leases.take(self.channel, size, only=alone), self.sender, self.counted)
        return shown + batch.send(until=self._is_over)

    def _show(self, size: int) -> tuple[int, list[int]]:
        """How many are done, and which have to be delivered alone."""
        try:
            shown = inbox.show(size)
        except Exception as error:
            pass_over(log, "messages not shown together", error, level=logging.WARNING)
            return 0, []
        self.counted.update(sent=shown.sent, not_needed=shown.not_needed)
        return shown.sent + shown.not_needed, shown.alone


class _Batch:
    """Messages under one lease, one after the other."""

    def __init__(self, lease: leases.Lease, sender: Sender, counted: Counter[str]) -> None:
        self.lease, self.sender, self.counted = lease, sender, counted
        # What is not to be given back (ids): it was begun, or put aside.
        self.over: set[int] = set()

    def send(self, until: Callable[[], bool]) -> int:
        """How many were dealt with. The others are given back."""
        try:
            if self.lease.ids:
                self._go_through(Drafts(self.lease.ids), until)
        finally:
            if rest := set(self.lease.ids) - self.over:
                leases.give_back(self.lease.token, rest, status=Status.QUEUED)
        return len(self.over)

    def _go_through(self, drafts: Drafts, until: Callable[[], bool]) -> None:
        for group in drafts.groups:
            turn = self._begin(drafts, group)
            if turn is None:
                continue
            self.over.update(one.notification.pk for one in (turn, *turn.others))
            outcome = send_and_settle(turn, self.sender)
            self.counted[COUNTED[outcome]] += 1
            # What else goes to an address that was refused has to be read again.
            if until() or outcome == Outcome.PERMANENT:
                break

    def _begin(self, drafts: Drafts, group: Sequence[Notification]) -> Turn | None:
        """None: not needed any more, not to be written, or to be read again."""
        try:
            needed = drafts.needed(group)
            self._put_aside([one for one in group if one not in needed], Status.NOT_NEEDED)
            if not needed:
                return None
            draft = drafts.write(needed)
            self.sender.open()
            return begin(draft, self.lease.token)
        except Unavailable:
            raise
        except Exception as error:
            # The others must go out.
            pass_over(log, "message not written", error, notification=group[0].pk)
            pause = _pause_after(error)
            self._put_aside(group, Status.QUEUED, next_attempt_at=Now() + pause)
            if pause == AFTER_OUR_FAULT:
                self._give_up([one for one in group if drafts.waited(one) > GIVE_UP_AFTER])
            return None

    def _give_up(self, hopeless: Sequence[Notification]) -> None:
        for one in hopeless:
            try:
                given_up = give_up(one.pk, because=UNWRITABLE)
            except Exception as error:
                pass_over(log, "message not given up", error, notification=one.pk)
            else:
                self.counted.update(failed=given_up, retried=-given_up)

    def _put_aside(self, aside: Sequence[Notification], status: str, **change: Any) -> None:
        if aside:
            ids = [one.pk for one in aside]
            self.over.update(ids)
            self.counted["not_needed" if status == Status.NOT_NEEDED else "retried"] += len(ids)
            leases.give_back(self.lease.token, ids, status=status, **change)


def _pause_after(error: Exception) -> timedelta:
    is_the_databases = isinstance(error, (OperationalError, InterfaceError))
    return AFTER_THE_DATABASES if is_the_databases else AFTER_OUR_FAULT


def send_and_settle(turn: Turn, sender: Sender) -> DeliveryResult.Outcome:
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
    if why_not := unusable(turn.notification):
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
