"""From frames to answers: what waits from all connections is read, kept and filed together.

Runs in the one thread of the listener that asks the database. Nothing is answered AA before it is
committed; whatever goes wrong, every frame has its answer (docs/adr/0027).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog
from django.db import InterfaceError, OperationalError, connection

from findings.arrivals import HeldReason, Problem, ReadMessage, Refusal
from findings.intake.answers import ACCEPTED, OUR_TROUBLE, Code, Verdict, answer, rejected
from findings.intake.frames import Frame, Kind
from findings.intake.importing import Reading
from findings.intake.peers import Peer
from findings.intake.refusals import problem_of_frame, refusal_of
from findings.models import Receipt
from findings.services.messages import Incoming, Received, receive_messages

log = structlog.get_logger(__name__)

# Held, and its sender is told so, because only there it can be put right.
_THEIRS = (HeldReason.IDENTITY_CONFLICT, HeldReason.ACCESSION_CONFLICT)
# Nobody waits for an answer to these.
_UNANSWERED = (Kind.CUT_OFF, Kind.UNFINISHED)


NOT_READ = ReadMessage(
    *("", "", "", "", None),
    (
        Problem(
            HeldReason.OUR_FAULT,
            "",
            "The message could not be read because of an error of this application.",
            "Tell whoever runs this application, then run this item again.",
        ),
    ),
)


@dataclass(frozen=True)
class Arrived:
    """A frame, where it came from, and as whom its peer may send."""

    frame: Frame
    peer: Peer
    senders: frozenset[str]


@dataclass(frozen=True)
class Answered:
    """What is sent back, if anything is, and the code in it or that would have been."""

    code: Code
    text: bytes | None


def trouble(arrived: Arrived) -> Answered:
    """AE: it was not kept, or nobody knows whether it was."""
    return _answered(arrived, OUR_TROUBLE)


def take(batch: Sequence[Arrived], limit: int) -> list[Answered]:
    """One answer for each, in their order. `limit`: the most bytes of a message. Raises nothing."""
    try:
        return _take(batch, limit)
    except Exception as error:
        log.warning("not taken together", count=len(batch), error=type(error).__name__)
    # One of them may hurt the others; or the connection is of a database that was restarted.
    # Where there is none, none of them is tried: every sender hears so at once.
    return [_alone(one, limit) for one in batch] if _reconnect() else [*map(trouble, batch)]


def _alone(arrived: Arrived, limit: int) -> Answered:
    try:
        return _take([arrived], limit)[0]
    except Exception as error:
        log.error("not taken", peer=str(arrived.peer), exc_info=error)
        _reconnect()
        return trouble(arrived)


def _reconnect() -> bool:
    try:
        connection.close()
        connection.ensure_connection()
    except (OperationalError, InterfaceError) as error:
        log.error("no database", error=type(error).__name__)
        return False
    return True


def _take(batch: Sequence[Arrived], limit: int) -> list[Answered]:
    reading = Reading()
    incoming = [_read(one, limit, reading) for one in batch]
    received = receive_messages(incoming)
    return [
        _answered(arrived, _verdict(one, became))
        for arrived, one, became in zip(batch, incoming, received, strict=True)
    ]


def _read(arrived: Arrived, limit: int, reading: Reading) -> Incoming:
    frame, origin = arrived.frame, f"mllp {arrived.peer}"
    if problem := problem_of_frame(frame, limit):
        # With the mark of its beginning: the same message whole is another one.
        body = b"\x0b" + frame.content
        return Incoming(None, body, origin, ReadMessage("", "", "", "", None, (problem,)))
    try:
        read, sender = reading.read(frame.content)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.error("not read", peer=str(arrived.peer), exc_info=error)
        read, sender = NOT_READ, None
    if refusal := refusal_of(frame.content, read, arrived.senders):
        # Whoever may not send as this sender is not taken for it.
        sender = None if refusal.reason is HeldReason.WRONG_SENDER else sender
        read = replace(read, parts=(refusal,))
    return Incoming(sender, frame.content, origin, read)


def _verdict(incoming: Incoming, received: Received) -> Verdict:
    """AA: it is filed, or waits for somebody here and can be settled here."""
    refused = next((one for one in incoming.read.parts if isinstance(one, Refusal)), None)
    if refused:
        return rejected(refused)
    waiting = [receipt for receipt in received.receipts if receipt.is_waiting]
    for receipt in waiting:
        if receipt.reason in _THEIRS:
            return rejected(_told(receipt))
    # The second time it is the same error: it waits here, and what comes after it must not.
    if not received.known and any(one.reason == HeldReason.OUR_FAULT for one in waiting):
        return OUR_TROUBLE
    return ACCEPTED


def _told(receipt: Receipt) -> Problem:
    return Problem(
        HeldReason(receipt.reason),
        receipt.location,
        f"{receipt.detail} It is kept for a person to look at; need not be sent again.",
        "",
    )


def _answered(arrived: Arrived, verdict: Verdict) -> Answered:
    if arrived.frame.kind in _UNANSWERED:
        return Answered(verdict.code, None)
    return Answered(verdict.code, answer(arrived.frame.content, verdict, datetime.now(UTC)))
