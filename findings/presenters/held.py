"""Held items in words, and a message as a person can read it."""

import json
import re
from datetime import datetime

from findings.arrivals import HeldReason
from findings.models import IncomingMessage, Receipt
from findings.models.report import ReceiptQuerySet
from findings.words import length, plural

REASONS = {
    HeldReason.UNREADABLE: "It could not be read",
    HeldReason.UNSUPPORTED_MESSAGE: "It is not a report",
    HeldReason.UNSUPPORTED_VERSION: "It is not HL7 v2",
    HeldReason.TEST_MESSAGE: "It is marked as a test",
    HeldReason.NOT_IMAGING: "It is not about imaging",
    HeldReason.MISSING_PATIENT: "The patient is not named by a number",
    HeldReason.BAD_NHS_NUMBER: "The NHS number is wrong",
    HeldReason.MISSING_ACCESSION: "The examination has no accession number",
    HeldReason.UNKNOWN_STATUS: "The status of the report is not known",
    HeldReason.BAD_TIME: "The time of the report is wrong or missing",
    HeldReason.NO_TEXT: "There is no report text",
    HeldReason.IDENTITY_CONFLICT: "The identifiers do not lead to one patient",
    HeldReason.ACCESSION_CONFLICT: "The accession belongs to another patient",
    HeldReason.UNKNOWN_SENDER: "The sender is not set up",
    HeldReason.TOO_LARGE: "It is too large",
    HeldReason.CUT_OFF: "It was cut off",
    HeldReason.WRONG_SENDER: "It came from where this sender does not send",
    HeldReason.NEEDS_DECISION: "It contradicts what is known here",
    HeldReason.OUR_FAULT: "An error of this application",
}


def reason_words(reason: str) -> str:
    """Why it is held, as a heading."""
    return REASONS[HeldReason(reason)]


def alert_words(receipt: Receipt) -> str:
    """At stake: critical; empty where nothing is known to be."""
    return f"At stake: {receipt.alert.replace('_', ' ')}" if receipt.alert else ""


def outcome_words(receipt: Receipt) -> str:
    """What became of it, when and by whom; empty while it waits."""
    if receipt.is_waiting or receipt.resolved_by is None:
        return ""
    return f"{receipt.resolution} By {receipt.resolved_by}."


# Embedded documents are long, and nobody reads them as letters.
LONGEST_LINE = 4_000
MOST_LINES = 1_000
_INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def message_lines(message: IncomingMessage) -> list[str]:
    """Its segments or elements, one a line, as sent: nothing is unescaped, and nothing may hide
    or reorder."""
    text = _decoded(message)
    if not message.is_hl7:
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line]
    shown = [_shown(line) for line in lines[:MOST_LINES]]
    more = len(lines) - len(shown)
    return shown + ([f"… and {more:,} more lines"] if more else [])


def _decoded(message: IncomingMessage) -> str:
    body = bytes(message.body)
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        charset = message.sender.fallback_charset if message.sender else "windows-1252"
        return body.decode(charset, errors="replace")


def waiting_words(waiting: ReceiptQuerySet, now: datetime) -> str:
    """How many, and for how long the first: an item without a limit does not wait unseen either.
    Empty: none."""
    count, oldest = waiting.count_and_oldest()
    if oldest is None:
        return ""
    return f"{plural(count, 'item')} held, the longest for {length(now - oldest)}."


def visible(words: str) -> str:
    """Nothing in it hides, or reorders what stands beside it."""
    return _INVISIBLE.sub("\ufffd", words)


def _shown(line: str) -> str:
    line = visible(line)
    more = len(line) - LONGEST_LINE
    return line if more <= 0 else f"{line[:LONGEST_LINE]} … and {more:,} more characters"
