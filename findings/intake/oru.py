"""HL7 to `ReadMessage`: a report or an order for each OBR, news for each patient of an ADT, or what
is wrong with it.

Nothing here raises: what goes wrong in our own code becomes a problem too.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

import structlog

from findings.alert_codes import find, most_severe
from findings.arrivals import (
    ArrivingPatient,
    ArrivingReport,
    HeldReason,
    Nothing,
    Part,
    Problem,
    ReadMessage,
    SenderProfile,
)
from findings.intake import hl7
from findings.intake.examinations import Frame, Reader
from findings.intake.hl7 import Message, Segment
from findings.intake.hl7_times import DEFAULT_ZONE, offset_of, read_time, zone_for
from findings.intake.identities import Identity, read_patient
from findings.intake.one_report import together
from findings.intake.order_messages import read_orders
from findings.intake.orders import Group, groups_of
from findings.intake.patient_news import knows, read_news

log = structlog.get_logger(__name__)

_TYPE = re.compile(r"[A-Z][A-Z0-9]{2}")
_REPORT_EVENTS = frozenset({"", "R01"})
_ORDERS = frozenset({"ORM", "OMI", "OMG"})
_TESTS = frozenset({"T", "D"})
# Answers to somebody else's question, and orders of the laboratory.
_OF_NO_USE = frozenset({"ACK", "ORR", "ORI", "ORG", "ORL", "OML"})


def read_message(raw: bytes, profile: SenderProfile) -> ReadMessage:
    """Read one message. Whatever it is, something comes back that a person can act on."""
    try:
        return _looked_into(_read(raw, profile), raw, profile)
    except Exception as error:
        # The words of an exception can quote the message; its type cannot.
        log.error("message_not_read", error=type(error).__name__)
        return _only(
            Problem(
                HeldReason.OUR_FAULT,
                "MSH",
                "The message could not be read because of an error in this program.",
                "Tell whoever runs this program; the message is kept and can be run again.",
            )
        )


def sender_named_in(raw: bytes) -> tuple[str, str]:
    """MSH-3 and MSH-4 of a message that is not read yet; empty where it has no header."""
    return _sender_named_in(hl7.beginning(raw))


@lru_cache(256)
def _sender_named_in(beginning: bytes) -> tuple[str, str]:
    message = hl7.parse(beginning)
    if isinstance(message, Problem):
        return "", ""
    header = message.segments[0]  # a form feed in it ends it, so there may be more
    return message.first(hl7.field(header, 3)), message.first(hl7.field(header, 4))


def _looked_into(read: ReadMessage, raw: bytes, profile: SenderProfile) -> ReadMessage:
    """What is held and could not be taken apart: whether an alert code is anywhere in it."""
    if not any(map(_is_of_the_whole, read.parts)):
        return read
    words = _FIELD_ENDS.sub("\n", raw.decode("latin-1"))
    alert = most_severe(find(words, (), profile.trigger_words))
    parts = (
        replace(part, alert=alert) if isinstance(part, Problem) and _is_of_the_whole(part) else part
        for part in read.parts
    )
    return replace(read, parts=tuple(parts))


def _is_of_the_whole(part: Part) -> bool:
    return isinstance(part, Problem) and not part.alert and part.location in _WHOLE


# Where a problem of the whole message is said to be, not of one examination in it.
_WHOLE = frozenset({"MSH", "MSH-2", "MSH-9", "MSH-11", "MSH-14", "MSH[2]", "OBR"})
_FIELD_ENDS = re.compile(r"[|~\r]")


def _only(problem: Problem) -> ReadMessage:
    return ReadMessage("", "", "", "", None, (problem,))


def _read(raw: bytes, profile: SenderProfile) -> ReadMessage:
    message = hl7.parse(raw, profile.fallback_charset)
    if isinstance(message, Problem):
        return _only(message)
    header = message.segments[0]
    type_ = _message_type(message, header)
    zone = zone_for(profile.zone)
    frame_zone = zone or zone_for(DEFAULT_ZONE)
    assert frame_zone is not None
    sent = read_time(message.first(hl7.field(header, 7)), frame_zone)
    problem = _refused(type_) or _test(message, profile) or _half(type_, header)
    parts: tuple[Part, ...] = (problem,) if problem else ()
    if not problem:
        groups = groups_of(message, of_orders=type_[:3] in _ORDERS)
        frame = Frame(
            message,
            header,
            profile,
            frame_zone,
            offset_of(message.first(hl7.field(header, 7))),
            sent,
            tuple(_message_notices(message, known_zone=zone is not None)),
            has_many=sum(len(group.orders) for group in groups) > 1,
        )
        parts = tuple(_read_parts(frame, type_, groups))
    if message.has_second:
        parts += (_SECOND_MESSAGE,)
    return ReadMessage(
        sender_application=message.first(hl7.field(header, 3)),
        sender_facility=message.first(hl7.field(header, 4)),
        control_id=message.plain(hl7.field(header, 10)),
        message_type=type_,
        sent_at=sent.at,
        parts=parts,
    )


def _read_parts(frame: Frame, type_: str, groups: list[Group]) -> Iterable[Part]:
    name, _, event = type_.partition("^")
    if name == "ORU":
        return together(list(_parts(frame, groups)))
    if name in _ORDERS:
        return read_orders(frame, groups)
    if name == "ADT":
        return read_news(frame, event)
    return [Nothing(f"Nothing follows from {name} here.")]


_SECOND_MESSAGE = Problem(
    HeldReason.UNREADABLE,
    "MSH[2]",
    "A second message follows in the same frame and was not read.",
    "Ask the sender to send each message by itself; until then import the file it came from.",
)


def _message_type(message: Message, header: Segment) -> str:
    """MSH-9 as type^event, whichever way it was written."""
    parts = [message.plain(part) for part in message.components(hl7.field(header, 9))]
    if len(parts) == 1:
        parts = parts[0].split("_")
    return "^".join(filter(None, parts[:2])).upper() if parts[0] else ""


def _refused(type_: str) -> Problem | None:
    name, _, event = type_.partition("^")
    if not _TYPE.fullmatch(name):
        return Problem(
            HeldReason.UNREADABLE,
            "MSH-9",
            "MSH-9 does not say what kind of message this is.",
            "Ask the sender to fill MSH-9 (ORU^R01 for a report).",
        )
    if _is_understood(name, event):
        return None
    return Problem(
        HeldReason.UNSUPPORTED_MESSAGE,
        "MSH-9",
        "This is neither a report (ORU^R01) nor an order or news of a patient that is used here.",
        "Nothing needs to be done if the sender did not mean to send a report; it can be "
        "asked to leave these messages out.",
    )


def _half(type_: str, header: Segment) -> Problem | None:
    """As a version of its report the rest of it would stand before what it goes on from."""
    if not type_.startswith("ORU") or not hl7.field(header, 14).strip():
        return None
    return Problem(
        HeldReason.CUT_OFF,
        "MSH-14",
        "It says (MSH-14) that it goes on where another message stopped: it is half a report.",
        "Ask the sender for the whole report in one message, and look at both until it comes.",
    )


def _test(message: Message, profile: SenderProfile) -> Problem | None:
    """A message of a training system, or of one that is tried out: nobody must act on it."""
    marked = message.first(hl7.field(message.segments[0], 11)).upper() in _TESTS
    if not marked or profile.takes_tests:
        return None
    return Problem(
        HeldReason.TEST_MESSAGE,
        "MSH-11",
        "MSH-11 marks this message as a test: T (training) or D (debugging).",
        "If it is live, ask the sender to mark it P, or say in its settings that what it marks as a"
        " test is taken; then send or run it again. Else set it aside.",
    )


def _is_understood(name: str, event: str) -> bool:
    if name == "ORU":
        return event in _REPORT_EVENTS
    return name in _ORDERS or name in _OF_NO_USE or (name == "ADT" and knows(event))


def _message_notices(message: Message, known_zone: bool) -> Iterator[str]:
    yield from message.notices
    if message.has_preamble:
        yield "There was something before the message header (MSH); it is not part of the report."
    if not known_zone:
        yield f"The time zone set for this sender is not known; {DEFAULT_ZONE} is used."
    if any(segment[0] == "DSC" and hl7.field(segment, 1) for segment in message.segments):
        yield "The sender says that this message goes on in another one (DSC)."


def _parts(frame: Frame, groups: list[Group]) -> Iterator[ArrivingReport | Problem]:
    for group in groups:
        if not group.orders:
            if len(groups) == 1 or group.pid is not None:
                yield Problem(
                    HeldReason.MISSING_ACCESSION,
                    "OBR",
                    "There is no examination (OBR) under this patient.",
                    "Ask the sender for the report with its OBR.",
                )
            continue
        day = frame.sent.at.date() + timedelta(days=1) if frame.sent.at else None
        identity = read_patient(frame.message, group.pid, frame.profile, sent_on=day)
        if isinstance(identity, Problem) and frame.profile.chosen_record and len(groups) == 1:
            identity = Identity(ArrivingPatient(record=frame.profile.chosen_record))
        for order in group.orders:
            yield Reader(frame, group, order).read(identity)
