"""The acknowledgement of a message: what MSA and ERR say, and when none is wanted. Pure.

AA: it is ours now; what came of it is committed. AE: our trouble, send it again. AR: not as it is;
sending the same again changes nothing. Nothing in an answer is of a patient: it echoes the header,
and its words are our own.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from findings.arrivals import HeldReason, Problem
from findings.intake import hl7
from findings.intake.escapes import Delimiters, escape
from findings.intake.hl7 import Segment


class Code(StrEnum):
    """MSA-1 in original mode; in enhanced mode the first letter is C when the accept
    acknowledgement is the only one that is wanted."""

    ACCEPT = "AA"
    ERROR = "AE"
    REJECT = "AR"


@dataclass(frozen=True)
class Verdict:
    """What is answered, and why it is not AA."""

    code: Code
    # Segment and field, as "PID-3".
    location: str = ""
    reason: HeldReason | None = None
    # One sentence without patient data.
    text: str = ""


ACCEPTED = Verdict(Code.ACCEPT)
OUR_TROUBLE = Verdict(
    Code.ERROR,
    reason=HeldReason.OUR_FAULT,
    text="It could not be kept just now. Send it again.",
)


def rejected(problem: Problem) -> Verdict:
    """AR for this reason."""
    return Verdict(Code.REJECT, problem.location, problem.reason, problem.detail)


# HL7 table 0357.
_CONDITIONS = {
    HeldReason.UNREADABLE: ("100", "Segment sequence error"),
    HeldReason.UNSUPPORTED_MESSAGE: ("200", "Unsupported message type"),
    HeldReason.TEST_MESSAGE: ("202", "Unsupported processing id"),
    HeldReason.UNSUPPORTED_VERSION: ("203", "Unsupported version id"),
    HeldReason.TOO_LARGE: ("102", "Data type error"),
    HeldReason.WRONG_SENDER: ("103", "Table value not found"),
    HeldReason.IDENTITY_CONFLICT: ("204", "Unknown key identifier"),
    HeldReason.ACCESSION_CONFLICT: ("204", "Unknown key identifier"),
}
_MISSING = ("101", "Required field missing")
_INTERNAL = ("207", "Application internal error")
_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+))?")
# Framing, and what no header may hold.
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LATER = (2, 5)  # since then ERR has fields of its own for each thing


def answer(message: bytes, verdict: Verdict, at: datetime) -> bytes | None:
    """The acknowledgement of a message, not framed; None when its sender wants none.

    `message` may be anything: of what is not HL7 there is nothing to echo.
    """
    header = hl7.header_of(message)
    code = _code(verdict.code, header)
    if code is None:
        return None
    marks = (hl7.delimiters_of(header) if header else None) or Delimiters()
    segments = [
        _msh(header, marks, at),
        ["MSA", code, _field(header, 10), escape(verdict.text, marks)],
    ]
    if verdict.code is not Code.ACCEPT:
        segments.append(_err(verdict, header, marks))
    lines = (marks.field.join(fields).rstrip(marks.field) for fields in segments)
    return _encoded("\r".join(lines) + "\r", _field(header, 10), message)


def _encoded(text: str, control_id: str, message: bytes) -> bytes:
    """In UTF-8, unless the sender would not know its own number again."""
    is_known = control_id.isascii() or control_id.encode() in message
    return text.encode() if is_known else text.encode("latin-1", "replace")


def _code(code: Code, header: Segment | None) -> str | None:
    """In enhanced mode (MSH-15 or MSH-16 filled) only what was asked for, and never two answers:
    the second would be taken for the answer to the next message."""
    accept, application = _field(header, 15).upper(), _field(header, 16).upper()
    if not accept and not application:
        return code
    if _is_wanted(application, code):
        return code
    return f"C{code[1]}" if _is_wanted(accept, code) else None


def _is_wanted(condition: str, code: Code) -> bool:
    if condition == "ER":
        return code is not Code.ACCEPT
    if condition == "SU":
        return code is Code.ACCEPT
    return condition not in ("", "NE")


def _field(header: Segment | None, number: int) -> str:
    """A field as it was sent, escapes and all."""
    return _UNSAFE.sub("", hl7.field(header, number))


def _msh(header: Segment | None, marks: Delimiters, at: datetime) -> Segment:
    """From whom it was sent to, to whom it came from."""
    _, *event = _field(header, 9).split(marks.component or "^")
    type_ = ["ACK", *filter(None, event[:1]), *(["ACK"] if event[1:] else [])]
    return [
        "MSH",
        "".join(marks[1:]),
        *(_field(header, number) for number in (5, 6, 3, 4)),
        at.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000"),
        "",
        (marks.component or "^").join(type_),
        secrets.token_hex(10),
        _field(header, 11) or "P",
        _field(header, 12) or "2.4",
    ]


def _err(verdict: Verdict, header: Segment | None, marks: Delimiters) -> Segment:
    code, words = _condition(verdict)
    found = _PLACE.fullmatch(verdict.location)
    place = [found[1], found[2] or "1", found[3] or ""] if found else []
    component, sub = marks.component or "^", marks.subcomponent or "&"
    if _version(header) < _LATER:
        error = sub.join([code, words, "HL70357"])
        return ["ERR", component.join([*(place or [""] * 3), error])]
    error = component.join([code, words, "HL70357"])
    text = escape(verdict.text, marks)
    return ["ERR", "", component.join(place).rstrip(component), error, "E", "", "", "", text]


def _condition(verdict: Verdict) -> tuple[str, str]:
    if verdict.reason is HeldReason.UNREADABLE and "-" in verdict.location:
        return _MISSING
    return _CONDITIONS.get(verdict.reason, _INTERNAL) if verdict.reason else _INTERNAL


def _version(header: Segment | None) -> tuple[int, ...]:
    numbers = re.findall(r"\d+", _field(header, 12))
    return tuple(int(number[:4]) for number in numbers[:2]) or (2, 4)
