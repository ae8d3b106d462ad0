"""ORU^R01 to `ReadMessage`: one report, or one problem, for each OBR.

Where a value is looked for, first to last:

- accession: OBR-3 (filler number), OBR-18, OBR-20, ORC-3 of the OBR's own ORC
- status: OBR-25, else OBX-11 of the lines with words (the least finished of them counts)
- time of the report: OBR-22, the latest OBX-14, ORC-9, MSH-7 (the last two with a notice)
- who asked: OBR-16, ORC-12, PV1-8; who reported: OBR-32, OBR-33, OBX-16
  (a technician's with some senders, so last)
- where: PV1-3, ORC-13, ORC-21, ORC-17; site: PV1-3.4, MSH-4
- when it was done: OBR-7, OBR-8

Nothing here raises: what goes wrong in our own code becomes a problem too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone, tzinfo
from itertools import chain

import structlog

from findings.arrivals import (
    ArrivingReport,
    ArrivingStatus,
    HeldReason,
    Problem,
    ReadMessage,
    SenderProfile,
)
from findings.intake import hl7
from findings.intake.hl7 import Message, Segment
from findings.intake.hl7_times import DEFAULT_ZONE, Doubt, Moment, offset_of, read_time, zone_for
from findings.intake.identities import Identity, read_patient, read_person
from findings.intake.orders import Group, Order, groups_of
from findings.intake.report_text import ATTACHED_NOTICE, Body, read_body
from findings.intake.statuses import least_finished, read_status

log = structlog.get_logger(__name__)

LONGEST_ACCESSION = 80
_TYPE = re.compile(r"[A-Z][A-Z0-9]{2}")
_REPORT_EVENTS = frozenset({"", "R01"})
_CLOCKS_MAY_DIFFER = timedelta(days=1)
# Diagnostic service sections (OBR-24, HL7 table 0074) that image nothing. Codes that DICOM
# uses for a modality (OT, PT, SR, ES) are not among them.
_NOT_IMAGING_SECTIONS = frozenset(
    (
        "AP", "BG", "BLB", "CG", "CH", "CP", "GE", "HM", "IMM", "LAB", "MB", "MCB", "MYC", "OSL",
        "PAR", "PAT", "PHR", "SP", "TX", "UR", "URN", "VR",
    )
)  # fmt: skip
_NOT_IMAGING_WORDS = (
    "patholog", "haematolog", "hematolog", "chemistry", "microbiolog", "cytolog", "immunolog",
    "virolog", "serolog", "genetic", "genomic", "laborator", "transfusion", "path,",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is the same for every part of a message."""

    message: Message
    header: Segment
    profile: SenderProfile
    zone: tzinfo
    offset: timezone | None
    sent: Moment
    notices: tuple[str, ...]
    has_many: bool

    def time(self, value: str) -> Moment:
        parts = self.message.components(self.message.repeats(value)[0])
        return read_time(self.message.plain(parts[0]), self.zone, self.offset)


def read_message(raw: bytes, profile: SenderProfile) -> ReadMessage:
    """Read one message. Whatever it is, something comes back that a person can act on."""
    try:
        return _read(raw, profile)
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
    problem = _refused(type_)
    parts: tuple[ArrivingReport | Problem, ...] = (problem,) if problem else ()
    if not problem:
        groups = groups_of(message)
        frame = _Frame(
            message,
            header,
            profile,
            frame_zone,
            offset_of(message.first(hl7.field(header, 7))),
            sent,
            tuple(_message_notices(message, known_zone=zone is not None)),
            has_many=sum(len(group.orders) for group in groups) > 1,
        )
        parts = tuple(_together(list(_parts(frame, groups))))
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
    return "^".join(filter(None, parts[:2])).upper()


def _refused(type_: str) -> Problem | None:
    name, _, event = type_.partition("^")
    if not _TYPE.fullmatch(name):
        return Problem(
            HeldReason.UNREADABLE,
            "MSH-9",
            "MSH-9 does not say what kind of message this is.",
            "Ask the sender to fill MSH-9 (ORU^R01 for a report).",
        )
    if name != "ORU" or event not in _REPORT_EVENTS:
        return Problem(
            HeldReason.UNSUPPORTED_MESSAGE,
            "MSH-9",
            "This is not a report (ORU^R01).",
            "Nothing needs to be done if the sender did not mean to send a report; it can be "
            "asked to leave these messages out.",
        )
    return None


def _message_notices(message: Message, known_zone: bool) -> Iterator[str]:
    yield from message.notices
    if message.has_preamble:
        yield "There was something before the message header (MSH); it is not part of the report."
    if not known_zone:
        yield f"The time zone set for this sender is not known; {DEFAULT_ZONE} is used."
    if any(segment[0] == "DSC" and hl7.field(segment, 1) for segment in message.segments):
        yield "The sender says that this message goes on in another one (DSC)."


def _parts(frame: _Frame, groups: list[Group]) -> Iterator[ArrivingReport | Problem]:
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
        identity = read_patient(
            frame.message, group.pid, frame.profile.default_authority, sent_on=day
        )
        for order in group.orders:
            yield _Reader(frame, group, order).read(identity)


@dataclass(slots=True)
class _Reader:
    """Reads one OBR."""

    frame: _Frame
    group: Group
    order: Order
    notices: list[str] = field(default_factory=list)

    def read(self, identity: Identity | Problem) -> ArrivingReport | Problem:
        """The report of this OBR, or the first thing that stands in its way."""
        accession = self._accession()
        if self._is_not_imaging():
            return self._problem(
                HeldReason.NOT_IMAGING,
                24,
                "OBR-24 names a service that is not imaging.",
                "Ask the sender to leave these reports out of this feed.",
                accession,
            )
        if isinstance(identity, Problem):
            return replace(identity, accession=accession[:LONGEST_ACCESSION])
        if not accession or len(accession) > LONGEST_ACCESSION:
            return self._problem(
                HeldReason.MISSING_ACCESSION,
                3,
                "There is no accession number." if not accession else "It is far too long.",
                "Ask the sender to put the accession number in OBR-3.",
                accession,
            )
        body = read_body(self.frame.message, self.order.results)
        found = self._status(body)
        if isinstance(found, ArrivingStatus):
            return self._report(identity, accession, body, found)
        return found or self._problem(
            HeldReason.UNKNOWN_STATUS,
            25,
            "Neither OBR-25 nor OBX-11 holds a status that is known for this sender.",
            "Find out what the sender means by it and add the word to the sender's settings.",
            accession,
        )

    def _report(
        self, identity: Identity, accession: str, body: Body, status: ArrivingStatus
    ) -> ArrivingReport | Problem:
        if not body.has_words and status is not ArrivingStatus.WITHDRAWN:
            return self._problem(
                HeldReason.NO_TEXT,
                None,
                "There is no report text under this examination.",
                "Wait for the report, or ask the sender whether it has been lost on the way.",
                accession,
            )
        reported_at = self._reported_at(body)
        if reported_at is None:
            return self._problem(
                HeldReason.BAD_TIME,
                22,
                "No time of the report could be read in OBR-22, OBX-14, ORC-9 or MSH-7.",
                "Ask the sender to send the time of verification in OBR-22.",
                accession,
            )
        message, request = self.frame.message, self.order.request
        code, description = self._examination()
        performed_at = self._time("OBR-7", hl7.field(request, 7)) or self._time(
            "OBR-8", hl7.field(request, 8)
        )
        location, site = self._place()
        self._add_notices(body)
        return ArrivingReport(
            accession=accession,
            patient=identity.patient,
            status=status,
            reported_at=reported_at,
            text=body.text,
            modality=message.first(hl7.field(request, 24)).upper(),
            examination_code=code,
            examination_description=description,
            performed_at=performed_at,
            requester=self._first_person(
                hl7.field(request, 16),
                hl7.field(self.order.common, 12),
                hl7.field(self.group.visit, 8),
            ),
            reporter=self._first_person(
                hl7.field(request, 32), hl7.field(request, 33), body.observer
            ),
            requesting_location=location,
            site_code=site,
            notices=(*self.frame.notices, *identity.notices, *self.notices),
        )

    def _problem(
        self, reason: HeldReason, number: int | None, detail: str, suggestion: str, accession: str
    ) -> Problem:
        place = self._place_name() if number is None else f"{self._place_name()}-{number}"
        return Problem(reason, place, detail, suggestion, accession[:LONGEST_ACCESSION])

    def _place_name(self) -> str:
        return f"OBR[{self.order.number}]" if self.frame.has_many else "OBR"

    def _accession(self) -> str:
        request, first = self.order.request, self.frame.message.first
        own = self.order.common if self.order.has_own_common else None
        values = (
            hl7.field(request, 3),
            hl7.field(request, 18),
            hl7.field(request, 20),
            hl7.field(own, 3),
        )
        return next((number for value in values if (number := first(value))), "")

    def _is_not_imaging(self) -> bool:
        section = self.frame.message.plain(hl7.field(self.order.request, 24))
        code = self.frame.message.first(hl7.field(self.order.request, 24)).upper()
        folded = section.casefold()
        return code in _NOT_IMAGING_SECTIONS or any(word in folded for word in _NOT_IMAGING_WORDS)

    def _status(self, body: Body) -> ArrivingStatus | None:
        """OBR-25, else what the lines say; None when that is not known for this sender."""
        words = dict(self.frame.profile.status_words)
        sent = self.frame.message.first(hl7.field(self.order.request, 25))
        lines = [read_status(self.frame.message.first(s), words) for s in body.statuses]
        known = [status for status in lines if status is not None]
        if not sent:
            return least_finished(known) if known and len(known) == len(lines) else None
        status = read_status(sent, words)
        if status in (ArrivingStatus.FINAL, ArrivingStatus.CORRECTED):
            if ArrivingStatus.PRELIMINARY in known:
                self.notices.append(
                    "OBR-25 says the report is finished and OBX-11 says it is not; OBR-25 counts."
                )
        return status

    def _reported_at(self, body: Body) -> datetime | None:
        """When it was verified; the further down the list, the louder it is said."""
        verified = self._time("OBR-22", hl7.field(self.order.request, 22))
        observed = [self.frame.time(value) for value in body.observed] if not verified else []
        at = verified or max((m.at for m in observed if m.at), default=None)
        if at is None:
            at = self._time("ORC-9", hl7.field(self.order.common, 9)) or self.frame.sent.at
            if at is not None:
                self.notices.append(
                    "The time of the report was not sent; the time of the order or message is used."
                )
        if at and self.frame.sent.at and at - self.frame.sent.at > _CLOCKS_MAY_DIFFER:
            self.notices.append("The report is dated more than a day after its own message.")
        return at

    def _time(self, place: str, value: str) -> datetime | None:
        if not value:
            return None
        moment = self.frame.time(value)
        if moment.doubt:
            self._say(place, moment.doubt)
        return moment.at

    def _say(self, place: str, doubt: Doubt) -> None:
        self.notices.append(f"{place} {doubt}.")

    def _examination(self) -> tuple[str, str]:
        """Code and words of what was done: OBR-4, else OBR-44."""
        message, request = self.frame.message, self.order.request
        for value in (hl7.field(request, 4), hl7.field(request, 44)):
            code = message.first(value, 1) or message.first(value, 4)
            words = next((w for n in (2, 5, 9) if (w := message.first(value, n))), "")
            if code or words:
                return code, words
        return "", ""

    def _first_person(self, *values: str):  # type: ignore[no-untyped-def]
        people = (read_person(self.frame.message, value) for value in values if value)
        return next(
            (p for p in people if p.code or p.family_name), read_person(self.frame.message, "")
        )

    def _place(self) -> tuple[str, str]:
        """Where the request came from, in words, and the site."""
        message = self.frame.message
        bed = hl7.field(self.group.visit, 3)
        site = message.first(bed, 4) or message.first(hl7.field(self.frame.header, 4))
        common = self.order.common
        location = _where(message, bed) or _where(message, hl7.field(common, 13))
        return location or message.first(hl7.field(common, 21)) or message.first(
            hl7.field(common, 17), 2
        ), site

    def _add_notices(self, body: Body) -> None:
        if body.has_document:
            self.notices.append(ATTACHED_NOTICE)
        if self.order.has_request_notes:
            self.notices.append("Notes on the request (NTE) came with it; see the message as sent.")
        if self.group.has_stray_results:
            self.notices.append("Lines (OBX) before the first OBR are not part of any report.")


def _where(message: Message, value: str) -> str:
    """Point of care, room and bed of a PL, each once."""
    names = (message.first(value, number) for number in (1, 2, 3))
    return ", ".join(dict.fromkeys(filter(None, names)))


def _together(parts: list[ArrivingReport | Problem]) -> Iterator[ArrivingReport | Problem]:
    """Examinations reported under one accession number are one report: neither may replace
    the other as if it were its next version."""
    same: dict[tuple[str, object], list[ArrivingReport]] = {}
    for part in parts:
        if isinstance(part, ArrivingReport):
            same.setdefault((part.accession, part.patient), []).append(part)
    for part in parts:
        if isinstance(part, Problem):
            yield part
        elif reports := same.pop((part.accession, part.patient), None):
            yield reports[0] if len(reports) == 1 else _joined(reports)


def _joined(reports: list[ArrivingReport]) -> ArrivingReport:
    valid = [r for r in reports if r.status is not ArrivingStatus.WITHDRAWN] or reports
    titles = list(dict.fromkeys(filter(None, (r.examination_description for r in valid))))
    texts = list(dict.fromkeys(r.text for r in valid))
    if len(texts) > 1 and len(titles) > 1:
        texts = [f"{r.examination_description}:\n{r.text}".lstrip(":\n") for r in valid]
    notice = f"{len(reports)} examinations (OBR) share this accession number and are shown as one."
    return replace(
        valid[0],
        status=least_finished([r.status for r in valid]),
        reported_at=max(r.reported_at for r in valid),
        text="\n\n".join(texts),
        examination_description="; ".join(titles),
        notices=tuple(dict.fromkeys([*chain(*(r.notices for r in reports)), notice])),
    )
