"""ADT to news of patients: one part for each PID, or for each pair of them.

What a patient index says decides who is one patient and what they are called; of what the wards
say only a transfer, a discharge and a death matter here. Everything else is understood and asks
for nothing, so that nobody has to look at it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from findings.arrivals import (
    ArrivingNews,
    ArrivingPatient,
    HeldReason,
    NewsKind,
    Nothing,
    Problem,
)
from findings.intake import hl7
from findings.intake.examinations import Frame
from findings.intake.hl7 import Segment
from findings.intake.identities import Identity, read_patient
from findings.intake.statuses import setting_of

Kind = NewsKind
_KINDS: dict[str, NewsKind] = {
    **dict.fromkeys(("A08", "A28", "A31"), Kind.DETAILS),
    **dict.fromkeys(("A18", "A30", "A34", "A36", "A39", "A40"), Kind.MERGED),
    "A37": Kind.UNMERGED,
    **dict.fromkeys(("A46", "A47"), Kind.RENUMBERED),
    **dict.fromkeys(("A24", "A43", "A44", "A45"), Kind.MOVED),
    "A02": Kind.TRANSFERRED,
    "A12": Kind.TRANSFER_CANCELLED,
    "A03": Kind.DISCHARGED,
    "A13": Kind.DISCHARGE_CANCELLED,
    # Arrivals, beds, accounts, plans and the like.
    **dict.fromkeys(
        (
            *("A01", "A04", "A05", "A06", "A07", "A09", "A10", "A11", "A14", "A15", "A16", "A17"),
            *("A20", "A21", "A22", "A23", "A25", "A26", "A27", "A29", "A32", "A33", "A35", "A38"),
            *("A41", "A42", "A48", "A49", "A50", "A51", "A52", "A53", "A54", "A55", "A61"),
            "A62",
        ),
        Kind.NOTHING,
    ),
}
# Two PIDs make one piece of news.
_IN_PAIRS = frozenset({"A24", "A37"})
_NAMES_ANOTHER = frozenset({Kind.MERGED, Kind.RENUMBERED, Kind.UNMERGED, Kind.MOVED})
# Without knowing who it is, these concern nobody here.
_OF_NO_USE_WITHOUT_A_NUMBER = frozenset({HeldReason.MISSING_PATIENT, HeldReason.BAD_NHS_NUMBER})
_YES, _NO = frozenset({"Y", "YES", "1", "TRUE"}), frozenset({"N", "NO", "0", "FALSE"})


def knows(event: str) -> bool:
    """Whether ADT messages of this event are understood."""
    return event in _KINDS


@dataclass(slots=True)
class _Record:
    """One PID with what follows it."""

    pid: Segment
    merged: Segment | None = None
    visit: Segment | None = None


def read_news(frame: Frame, event: str) -> Iterator[ArrivingNews | Nothing | Problem]:
    """The parts of an ADT message of an event that `knows`."""
    records = _records(frame.message.segments)
    if not records:
        yield Problem(
            HeldReason.MISSING_PATIENT,
            "PID",
            "There is no patient (PID) in the message.",
            "Ask the sender for the message with its PID.",
        )
    if event in _IN_PAIRS:
        yield from _pairs(frame, event, records)
        return
    for record in records:
        yield _Reader(frame, event, record).read()


def _records(segments: list[Segment]) -> list[_Record]:
    records: list[_Record] = []
    for segment in segments:
        if segment[0] == "PID":
            records.append(_Record(segment))
        elif records and segment[0] == "MRG":
            if records[-1].merged is not None:
                records.append(_Record(records[-1].pid))
            records[-1].merged = segment
        elif records and segment[0] == "PV1":
            records[-1].visit = segment
    return records


def _pairs(
    frame: Frame, event: str, records: list[_Record]
) -> Iterator[ArrivingNews | Nothing | Problem]:
    for one, other in zip(records[::2], records[1::2], strict=False):
        one.merged = _as_merged(other.pid)
        yield _Reader(frame, event, one).read()
    if len(records) % 2:
        yield _no_other("PID")


def _as_merged(pid: Segment) -> Segment:
    """The second patient of a pair, as MRG names one."""
    given = [hl7.field(pid, number) for number in range(9)]
    return ["MRG", given[3], "", "", given[2], "", "", given[5]]


def _no_other(location: str) -> Problem:
    return Problem(
        HeldReason.MISSING_PATIENT,
        location,
        "The message is about two records and names only one.",
        "Ask the sender for the message with both of them.",
    )


@dataclass(slots=True)
class _Reader:
    """Reads the news of one patient."""

    frame: Frame
    event: str
    record: _Record

    def read(self) -> ArrivingNews | Nothing | Problem:
        kind = self._kind()
        has_died, died_at = self._death()
        if isinstance(kind, Nothing):
            if not has_died:
                return kind
            kind = Kind.NOTHING
        elif kind is Kind.NOTHING and has_died is None:
            return Nothing(f"Nothing follows from an ADT^{self.event} here.")
        identity = self._identity(self.record.pid)
        if isinstance(identity, Problem):
            return self._without_a_patient(identity, kind, bool(has_died))
        said_at = self.frame.sent.at or self._event_time(2)
        if said_at is None:
            return self._no_time()
        other = self._other(identity.patient) if kind in _NAMES_ANOTHER else None
        if isinstance(other, Problem):
            return other
        return ArrivingNews(
            kind=kind,
            event=self.event,
            patient=identity.patient,
            said_at=said_at,
            other=other,
            happened_at=self._happened_at(kind) or said_at,
            whereto=self._ward(3) if kind is Kind.TRANSFERRED else "",
            has_died=has_died,
            died_at=died_at,
        )

    def _kind(self) -> NewsKind | Nothing:
        kind = _KINDS[self.event]
        if kind is Kind.DISCHARGED and setting_of(self._visit(2)) in ("outpatient", "gp"):
            return Nothing("The end of an out-patient's visit: nobody goes home.")
        if kind is Kind.TRANSFERRED and self._ward(3) and self._ward(3) == self._ward(6):
            return Nothing("Another bed of the same ward.")
        return kind

    def _visit(self, number: int) -> str:
        return self.frame.message.first(hl7.field(self.record.visit, number))

    def _ward(self, number: int) -> str:
        return self.frame.message.head(hl7.field(self.record.visit, number), 1)

    def _identity(self, pid: Segment) -> Identity | Problem:
        sent = self.frame.sent.at
        return read_patient(
            self.frame.message, pid, self.frame.profile, sent_on=sent.date() if sent else None
        )

    def _without_a_patient(
        self, problem: Problem, kind: NewsKind, has_died: bool
    ) -> Nothing | Problem:
        matters = has_died or kind in _NAMES_ANOTHER
        if matters or problem.reason not in _OF_NO_USE_WITHOUT_A_NUMBER:
            return problem
        return Nothing(f"{problem.detail} So it concerns nobody who is known here.")

    def _other(self, patient: ArrivingPatient) -> ArrivingPatient | Problem:
        """Whom MRG names: its numbers, its name if it has one, else this patient's."""
        merged, pid = self.record.merged, self.record.pid
        if merged is None:
            return _no_other("MRG")
        name = hl7.field(merged, 7) or hl7.field(pid, 5)
        as_pid = ["PID", "", hl7.field(merged, 4), hl7.field(merged, 1), "", name, "", ""]
        identity = self._identity(as_pid)
        if isinstance(identity, Problem):
            return replace(identity, location="MRG-1")
        return replace(identity.patient, birth_date=patient.birth_date, sex=patient.sex)

    def _death(self) -> tuple[bool | None, datetime | None]:
        """PID-30 says whether, PID-29 when."""
        said = self.frame.message.first(hl7.field(self.record.pid, 30)).upper()
        at = self._time(hl7.field(self.record.pid, 29))
        if said in _YES or (at is not None and said not in _NO):
            return True, at
        return (False, None) if said in _NO else (None, None)

    def _happened_at(self, kind: NewsKind) -> datetime | None:
        of_the_visit = hl7.field(self.record.visit, 45) if kind is Kind.DISCHARGED else ""
        return self._event_time(6) or self._time(of_the_visit) or self._event_time(2)

    def _event_time(self, number: int) -> datetime | None:
        segments = self.frame.message.segments
        event = next((segment for segment in segments if segment[0] == "EVN"), None)
        return self._time(hl7.field(event, number))

    def _time(self, value: str) -> datetime | None:
        return self.frame.time(value).at if value else None

    def _no_time(self) -> Problem:
        return Problem(
            HeldReason.BAD_TIME,
            "MSH-7",
            "No time could be read in MSH-7 or EVN-2.",
            "Ask the sender to send the time of the message in MSH-7: it decides which news holds.",
        )
