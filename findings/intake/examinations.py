"""One OBR to one report, or to the first thing that stands in its way.

Where a value is looked for, first to last:

- accession: OBR-3 (filler number), OBR-18, OBR-20, ORC-3 of the OBR's own ORC, IPC-1 of an OMI
- status: OBR-25, else OBX-11 of the lines with words (the least finished of them counts)
- time of the report: OBR-22, the latest OBX-14, ORC-9, MSH-7 (the last two with a notice)
- who asked: OBR-16, ORC-12, PV1-8; who reported: OBR-32, OBR-33, OBX-16
  (a technician's with some senders, so last)
- where: PV1-3, ORC-13, ORC-21, ORC-17; site: PV1-3.4, MSH-4
- when it was done: OBR-7, OBR-8; where the patient was: PV1-2, ORC-29

A sender's settings may name other fields to look into first, and for the accession alone.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone, tzinfo

from findings.alert_codes import find, most_severe
from findings.arrivals import (
    ArrivingReport,
    ArrivingStatus,
    HeldReason,
    Problem,
    SenderProfile,
)
from findings.intake import hl7
from findings.intake.hl7 import Message, Segment
from findings.intake.hl7_times import Doubt, Moment, read_time
from findings.intake.identities import Identity, read_person
from findings.intake.one_report import WithoutWords
from findings.intake.orders import Group, Order
from findings.intake.report_text import ATTACHED_NOTICE, NOT_KEPT_NOTICE, Body, read_body
from findings.intake.sections import images, images_nothing, is_laboratory
from findings.intake.statuses import least_finished, read_status, setting_of

LONGEST_ACCESSION = 80
_CLOCKS_MAY_DIFFER = timedelta(days=1)
# Points of care with their rooms and beds.
_POINTS_OF_CARE = frozenset({"PV1-3", "PV1-6", "PV1-11", "PV1-42", "ORC-13"})


@dataclass(frozen=True, slots=True)
class Frame:
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


@dataclass(slots=True)
class Reader:
    """Reads one OBR."""

    frame: Frame
    group: Group
    order: Order
    notices: list[str] = field(default_factory=list)

    def read(self, identity: Identity | Problem) -> ArrivingReport | Problem:
        """The report of this OBR, or the first thing that stands in its way."""
        found = self._read(identity)
        return replace(found, alert=self._alert(found)) if isinstance(found, Problem) else found

    def _alert(self, problem: Problem) -> str:
        """Whether what is held says of itself that somebody must act. Of what is no imaging the
        words alone: a laboratory's numbers are critical every day."""
        body = read_body(self.frame.message, self.order.results, self.order.notes)
        codes = () if problem.reason is HeldReason.NOT_IMAGING else body.codes
        return most_severe(find(body.text, codes, self.frame.profile.trigger_words))

    def _read(self, identity: Identity | Problem) -> ArrivingReport | Problem:
        accession = self._accession()
        if self._is_not_imaging() or self._is_laboratory():
            return self._not_imaging(accession)
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
        body = read_body(self.frame.message, self.order.results, self.order.notes)
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
            return self._no_text(identity, accession, body)
        reported_at = self._reported_at(body)
        if reported_at is None:
            return self._no_time(accession)
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
            requester=self._requester(),
            reporter=self._first_person(
                hl7.field(request, 32), hl7.field(request, 33), body.observer
            ),
            requesting_location=location,
            site_code=site,
            setting=self._setting(),
            notices=(*self.frame.notices, *identity.notices, *self.notices),
            documents=body.documents,
            codes=body.codes,
        )

    def _not_imaging(self, accession: str) -> Problem:
        return self._problem(
            HeldReason.NOT_IMAGING,
            24,
            "Its service (OBR-24), specimen or name (OBR-4) is not one of imaging, or its service"
            " is not one of those in the sender's settings.",
            "Ask the sender to leave these reports out of this feed. If this is imaging, name what"
            " stands in OBR-24 in the sender's settings.",
            accession,
        )

    def _no_text(self, identity: Identity, accession: str, body: Body) -> WithoutWords:
        return WithoutWords(
            HeldReason.NO_TEXT,
            self._place_name(),
            "There is no report text under this examination.",
            "Wait for the report, or ask the sender whether it has been lost on the way.",
            accession,
            patient=identity.patient,
            title=self._examination()[1],
            text=body.text,
            codes=body.codes,
        )

    def _no_time(self, accession: str) -> Problem:
        return self._problem(
            HeldReason.BAD_TIME,
            22,
            "No time of the report could be read in OBR-22, OBX-14, ORC-9 or MSH-7.",
            "Ask the sender to send the time of verification in OBR-22.",
            accession,
        )

    def _problem(
        self, reason: HeldReason, number: int, detail: str, suggestion: str, accession: str
    ) -> Problem:
        where = f"{self._place_name()}-{number}"
        return Problem(reason, where, detail, suggestion, accession[:LONGEST_ACCESSION])

    def _place_name(self) -> str:
        return f"OBR[{self.order.number}]" if self.frame.has_many else "OBR"

    def _accession(self) -> str:
        if entered := dict(self.frame.profile.entered_accessions).get(self.order.number):
            return entered
        request, first = self.order.request, self.frame.message.first
        own = self.order.common if self.order.has_own_common else None
        values: tuple[str, ...] = (
            hl7.field(request, 3),
            hl7.field(request, 18),
            hl7.field(request, 20),
            hl7.field(own, 3),
            hl7.field(self.order.imaging, 1),
        )
        if chosen := self.frame.profile.accession_fields:
            values = tuple(self._value(place) for place in chosen if own or place[:3] != "ORC")
        return next((number for value in values if (number := first(value))), "")

    def _is_not_imaging(self) -> bool:
        value = hl7.field(self.order.request, 24)
        code, own = self.frame.message.first(value).upper(), self.frame.profile.imaging_sections
        if own and code:
            return code not in own
        return not images(code) and images_nothing(self.frame.message.plain(value), code)

    def _is_laboratory(self) -> bool:
        """Where the sender's settings name the services that are imaging, whatever names none."""
        if self.frame.profile.imaging_sections:
            return not self._first(24)
        return self._names_a_laboratory()

    def _names_a_laboratory(self) -> bool:
        return not images(self._first(24)) and is_laboratory(
            "SPM" if self.order.has_specimen else self._first(15),
            next(filter(None, reversed(self._examination())), ""),
            self.frame.message.plain(hl7.field(self.order.request, 4)),
        )

    def _first(self, number: int) -> str:
        """Of a field of its OBR."""
        return self.frame.message.first(hl7.field(self.order.request, number))

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
            elif known and set(known) == {ArrivingStatus.WITHDRAWN}:
                self.notices.append(
                    "OBR-25 says the report is finished and OBX-11 says that every line of it is"
                    " withdrawn; OBR-25 counts."
                )
        return status

    def _reported_at(self, body: Body) -> datetime | None:
        """When it was verified; the further down the list, the louder it is said."""
        verified = self.frame.time(hl7.field(self.order.request, 22))
        if verified.doubt is Doubt.NO_HOUR and (at := self._hour_of(verified, body)):
            return at
        at = self._moment("OBR-22", verified).at
        observed = [self.frame.time(value) for value in body.observed] if not at else []
        at = at or max((m.at for m in observed if m.at), default=None)
        if at is None:
            at = self._time("ORC-9", hl7.field(self.order.common, 9)) or self.frame.sent.at
            if at is not None:
                self.notices.append(
                    "The time of the report was not sent; the time of the order or message is used."
                )
        if at and self.frame.sent.at and at - self.frame.sent.at > _CLOCKS_MAY_DIFFER:
            self.notices.append("The report is dated more than a day after its own message.")
        return at

    def _hour_of(self, day: Moment, body: Body) -> datetime | None:
        """When on that day, as its lines or the message say: at its beginning, a report would stay
        behind the preliminary one of the same morning."""
        observed = (("OBX-14", self.frame.time(value)) for value in reversed(body.observed))
        for place, moment in (*observed, ("MSH-7", self.frame.sent)):
            if moment.at and not moment.doubt and self._day(moment) == self._day(day):
                self.notices.append(f"OBR-22 has no time of day; that in {place} is used.")
                return moment.at
        return None

    def _day(self, moment: Moment) -> date | None:
        return moment.at.astimezone(self.frame.zone).date() if moment.at else None

    def _time(self, place: str, value: str) -> datetime | None:
        if not value:
            return None
        return self._moment(place, self.frame.time(value)).at

    def _moment(self, place: str, moment: Moment) -> Moment:
        if moment.doubt:
            self.notices.append(f"{place} {moment.doubt}.")
        return moment

    def _examination(self) -> tuple[str, str]:
        """Code and words of what was done: OBR-4, else OBR-44."""
        message, request = self.frame.message, self.order.request
        for value in (hl7.field(request, 4), hl7.field(request, 44)):
            code = message.first(value, 1) or message.first(value, 4)
            named = (self._name_in(one) for one in message.repeats(value))
            words = "; ".join(dict.fromkeys(filter(None, named)))
            if code or words:
                return code, words
        return "", ""

    def _name_in(self, value: str) -> str:
        first = self.frame.message.first
        return next((words for number in (2, 5, 9) if (words := first(value, number))), "")

    def _requester(self):  # type: ignore[no-untyped-def]
        chosen = self.frame.profile.referrer_fields
        return self._first_person(
            *(self._value(place) for place in chosen),
            hl7.field(self.order.request, 16),
            hl7.field(self.order.common, 12),
            hl7.field(self.group.visit, 8),
        )

    def _value(self, place: str) -> str:
        """A raw field by its name, as "PV1-9"."""
        name, _, number = place.partition("-")
        segments = {
            "MSH": self.frame.header,
            "PID": self.group.pid,
            "PV1": self.group.visit,
            "ORC": self.order.common,
            "OBR": self.order.request,
            "IPC": self.order.imaging,
        }
        return hl7.field(segments.get(name), int(number))

    def _setting(self) -> str:
        first = self.frame.message.first
        return setting_of(first(hl7.field(self.group.visit, 2))) or setting_of(
            first(hl7.field(self.order.common, 29))
        )

    def _first_person(self, *values: str):  # type: ignore[no-untyped-def]
        people = (read_person(self.frame.message, value) for value in values if value)
        return next(
            (p for p in people if p.code or p.family_name), read_person(self.frame.message, "")
        )

    def _place(self) -> tuple[str, str]:
        """Where the request came from, in words, and the site."""
        message = self.frame.message
        bed = hl7.field(self.group.visit, 3)
        site = message.head(bed, 4) or message.first(hl7.field(self.frame.header, 4))
        common = self.order.common
        for place in self.frame.profile.location_fields:
            if found := self._location_in(place):
                return found, site
        location = _where(message, bed) or _where(message, hl7.field(common, 13))
        return location or message.first(hl7.field(common, 21)) or message.first(
            hl7.field(common, 17), 2
        ), site

    def _location_in(self, place: str) -> str:
        """The words of a location in a field that the sender's settings name."""
        message, value = self.frame.message, self._value(place)
        if place in _POINTS_OF_CARE:
            return _where(message, value)
        return message.first(value, 2) or message.first(value)

    def _add_notices(self, body: Body) -> None:
        self.notices += [ATTACHED_NOTICE] if body.documents else []
        self.notices += [NOT_KEPT_NOTICE] if body.lacks_document else []
        if self.group.has_stray_results:
            self.notices.append("Lines (OBX) before the first OBR are not part of any report.")


def _where(message: Message, value: str) -> str:
    """Point of care, room and bed of a PL, each once."""
    names = (message.head(value, number) for number in (1, 2, 3))
    return ", ".join(dict.fromkeys(filter(None, names)))
