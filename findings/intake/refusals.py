"""What is not taken from a sender and answered AR: the reason is told to it, and kept."""

import re

from findings.arrivals import HeldReason, Problem, ReadMessage, Refusal
from findings.intake import hl7
from findings.intake.frames import Frame, Kind
from findings.intake.peers import may_send

_OURS = re.compile(r"2(\.\d+)*")
# A message of which nothing can be read, and not a part of one that can.
_OF_THE_WHOLE = ("MSH", "MSH-2", "MSH-9", "MSH-11")
_REFUSED = (HeldReason.UNREADABLE, HeldReason.UNSUPPORTED_MESSAGE, HeldReason.TEST_MESSAGE)

CUT_OFF = Problem(
    HeldReason.CUT_OFF,
    "",
    "The message was cut off: another one began before its end.",
    "Make sure that the sender has sent it again whole; then set this aside.",
)
UNFINISHED = Refusal(
    HeldReason.CUT_OFF,
    "",
    "The connection ended before the message did.",
    "Its sender had no answer and sends it again.",
)


def problem_of_frame(frame: Frame, limit: int) -> Problem | None:
    """Why a frame is not to be read at all."""
    if frame.kind is Kind.CUT_OFF:
        return CUT_OFF
    if frame.kind is Kind.UNFINISHED:
        return UNFINISHED
    if frame.kind is Kind.TOO_LARGE:
        return Refusal(
            HeldReason.TOO_LARGE,
            "MSH",
            f"The message is too large: {frame.size:,} bytes, and at most {limit:,} are taken.",
            "Ask the sender to send the embedded document smaller, or raise MLLP_MAX_BYTES.",
        )
    return None


def refusal_of(raw: bytes, read: ReadMessage, senders: frozenset[str]) -> Refusal | None:
    """Why a message is refused whole, if it is; `senders`: those that its peer may be."""
    first = read.parts[0] if read.parts else None
    if isinstance(first, Problem) and first.reason is HeldReason.OUR_FAULT:
        return None  # who sent it was not read
    if isinstance(first, Problem) and _is_of_the_whole(first):
        return Refusal(first.reason, first.location, first.detail, first.suggestion)
    if not may_send(senders, read.sender_application, read.sender_facility):
        return Refusal(
            HeldReason.WRONG_SENDER,
            "MSH-3",
            "The sender in MSH-3 and MSH-4 is not one that may send from there.",
            "If it may, add it to MLLP_SENDERS; if it may not, find out who sent this.",
        )
    version = hl7.field(hl7.header_of(raw), 12).split("^")[0].strip()
    if version and not _OURS.fullmatch(version):
        return Refusal(
            HeldReason.UNSUPPORTED_VERSION,
            "MSH-12",
            "The message does not say that it is HL7 version 2.",
            "Ask the sender to send version 2.1 to 2.9 and to say so in MSH-12.",
        )
    return None


def _is_of_the_whole(problem: Problem) -> bool:
    return problem.reason in _REFUSED and problem.location in _OF_THE_WHOLE
