"""Reports in: from what arrived to an examination, a version of its report, and a receipt.

Whatever happens, every message is kept as it came and every part of it has one receipt that says
what became of it. An error of ours rolls back to a held item, never to nothing.
"""

import hashlib
import logging
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from findings.arrivals import (
    ArrivingPerson,
    ArrivingReport,
    HeldReason,
    Problem,
    ReadMessage,
)
from findings.models import (
    Examination,
    Finding,
    IncomingMessage,
    Person,
    Receipt,
    Report,
    ReportStatus,
    Sender,
    Site,
    Team,
)
from findings.services.flag import reopen_finding
from findings.services.identity import IdentityHeld, find_or_create_patient
from findings.services.timeline import database_now, lock
from findings.states import State

log = logging.getLogger(__name__)

Outcome = Receipt.Outcome
# Between versions verified at the same moment, the more finished one is the one to read.
_RANK = {status: rank for rank, status in enumerate(ReportStatus.values)}


@dataclass(frozen=True)
class Received:
    """A stored message with what became of its parts; `known` when these bytes came before."""

    message: IncomingMessage
    receipts: list[Receipt]
    known: bool


def receive_message(
    *, sender: Sender | None, body: bytes, origin: str, read: ReadMessage
) -> Received:
    """Store a message raw, then apply each part on its own. The same bytes twice change nothing.

    `origin` says where it came from, for a person who has to find it again.
    """
    with transaction.atomic():
        message, created = IncomingMessage.objects.get_or_create(
            fingerprint=hashlib.sha256(body).hexdigest(),
            defaults={
                "sender": sender,
                "control_id": read.control_id[:200],
                "message_type": read.message_type[:40],
                "body": body,
                "origin": origin[:300],
            },
        )
        if not created and message.receipts.exists():
            return Received(message, list(message.receipts.order_by("part")), known=True)
        receipts = [
            _receive_part(sender, message, number, part)
            for number, part in enumerate(read.parts, start=1)
        ]
    return Received(message, receipts, known=False)


def receive_report(*, sender: Sender, arriving: ArrivingReport) -> tuple[Outcome, Report]:
    """One report that did not come as a message: typed, or by the API.

    Raises `IdentityHeld` and `AccessionHeld` for the form or the API to show.
    """
    with transaction.atomic():
        return _apply(sender, arriving, None)


class AccessionHeld(IdentityHeld):
    """The accession belongs to an examination of another patient."""


def _receive_part(
    sender: Sender | None,
    message: IncomingMessage,
    number: int,
    part: ArrivingReport | Problem,
) -> Receipt:
    if isinstance(part, Problem):
        return _hold(message, number, part)
    if sender is None:
        return _hold(message, number, _unknown_sender(part))
    try:
        with transaction.atomic():
            outcome, report = _apply(sender, part, message)
    except IdentityHeld as held:
        location = "OBR-3" if isinstance(held, AccessionHeld) else "PID-3"
        problem = Problem(held.reason, location, held.detail, held.suggestion, part.accession)
        return _hold(message, number, problem)
    except Exception as error:
        # A report is never lost to an error of ours: it waits, and the error is logged by type,
        # since its text may hold the patient's.
        log.error("report held", extra={"message": message.pk, "error": type(error).__name__})
        return _hold(message, number, _our_fault(part, error))
    return Receipt.objects.create(
        message=message, part=number, outcome=outcome, report=report, accession=part.accession
    )


def _hold(message: IncomingMessage, number: int, problem: Problem) -> Receipt:
    return Receipt.objects.create(
        message=message,
        part=number,
        outcome=Outcome.HELD,
        reason=problem.reason,
        location=problem.location[:40],
        detail=problem.detail[:300],
        suggestion=problem.suggestion[:300],
        accession=problem.accession[:80],
    )


def _unknown_sender(part: ArrivingReport) -> Problem:
    return Problem(
        HeldReason.UNKNOWN_SENDER,
        "MSH-3",
        "No sender with this application and facility is set up.",
        "Have an administrator add the sender, then run the held message again.",
        part.accession,
    )


def _our_fault(part: ArrivingReport, error: Exception) -> Problem:
    return Problem(
        HeldReason.OUR_FAULT,
        "OBR",
        f"An error of this application ({type(error).__name__}); the message is kept whole.",
        "Tell whoever runs this application, then run the held message again.",
        part.accession,
    )


def _apply(
    sender: Sender, arriving: ArrivingReport, message: IncomingMessage | None
) -> tuple[Outcome, Report]:
    examination = _examination(sender, arriving)
    known = _same_version(examination, arriving)
    if known is not None:
        return Outcome.DUPLICATE, known
    before = examination.current_report
    report = _add_version(examination, arriving, message)
    if before is None:
        return Outcome.NEW_REPORT, report
    if examination.current_report_id != report.pk:
        return Outcome.OLDER_VERSION, report
    _ask_again(examination, before, report)
    return Outcome.NEW_VERSION, report


def _examination(sender: Sender, arriving: ArrivingReport) -> Examination:
    """The examination of this accession, locked; made if it is new."""
    patient = find_or_create_patient(arriving.patient)
    site = _site(sender, arriving)
    requester = person_of(arriving.requester)
    try:
        with transaction.atomic():
            examination, _ = Examination.objects.select_for_update(
                no_key=True, of=("self",)
            ).get_or_create(
                sender=sender,
                accession=arriving.accession[:80],
                defaults={
                    "patient": patient,
                    "site": site,
                    "modality": arriving.modality[:16],
                    "code": arriving.examination_code[:60],
                    "description": arriving.examination_description[:200],
                    "performed_at": arriving.performed_at,
                    "requested_by": requester,
                    "requesting_team": _team(site, requester, arriving),
                    "requester_as_sent": _as_sent(arriving.requester),
                    "location_as_sent": arriving.requesting_location[:160],
                },
            )
    except IntegrityError:
        examination = Examination.objects.select_for_update(no_key=True).get(
            sender=sender, accession=arriving.accession[:80]
        )
    if examination.patient_id != patient.pk:
        raise AccessionHeld(
            HeldReason.ACCESSION_CONFLICT,
            "This accession belongs to an examination of another patient.",
            "Find out at the sender whose examination it is.",
        )
    return examination


def _site(sender: Sender, arriving: ArrivingReport) -> Site:
    named = (
        arriving.site_code
        and Site.objects.filter(
            organisation=sender.organisation_id, ods_code__iexact=arriving.site_code
        ).first()
    )
    return named or sender.site


def person_of(arriving: ArrivingPerson) -> Person | None:
    """The person in our directory with this professional code; names are never enough."""
    if not arriving.code:
        return None
    return Person.objects.filter(professional_code__iexact=arriving.code).first()


def _team(site: Site, requester: Person | None, arriving: ArrivingReport) -> Team | None:
    """The team at the requesting location; else the requester's own, if they have just one."""
    if arriving.requesting_location:
        team = (
            Team.objects.filter(location_code__iexact=arriving.requesting_location)
            .exclude(location_code="")
            .first()
        )
        if team:
            return team
    if requester is None:
        return None
    teams = Team.objects.filter(
        memberships__person=requester, kind__in=[Team.Kind.CLINICAL, Team.Kind.PRACTICE]
    )
    return teams.filter(site=site).first() or teams.order_by("pk").first()


def _as_sent(person: ArrivingPerson) -> str:
    code = f" ({person.code})" if person.code else ""
    return f"{person}{code}"[:160] if str(person) else ""


def fingerprint_of(arriving: ArrivingReport) -> str:
    """SHA-256 of what makes a version that version."""
    content = f"{arriving.status}|{arriving.reported_at.isoformat()}|{arriving.text}"
    return hashlib.sha256(content.encode()).hexdigest()


def _same_version(examination: Examination, arriving: ArrivingReport) -> Report | None:
    """The version that this is, if we have it: same content, or the current words again."""
    known = examination.reports.filter(fingerprint=fingerprint_of(arriving)).first()
    current = examination.current_report
    if known is None and current is not None:
        if (current.status, current.text) == (arriving.status, arriving.text):
            return current
    return known


def _add_version(
    examination: Examination, arriving: ArrivingReport, message: IncomingMessage | None
) -> Report:
    newest = examination.reports.order_by("-version").first()
    report = Report.objects.create(
        examination=examination,
        version=newest.version + 1 if newest else 1,
        status=arriving.status,
        text=arriving.text,
        reported_at=arriving.reported_at,
        reported_by=person_of(arriving.reporter),
        reporter_as_sent=_as_sent(arriving.reporter),
        message=message,
        fingerprint=fingerprint_of(arriving),
        notices=list(arriving.notices),
    )
    current = examination.current_report
    if current is None or _order(report) > _order(current):
        examination.current_report = report
        examination.save(update_fields=["current_report"])
    return report


def _order(report: Report) -> tuple:
    """Which version to read: the latest verified, then the most finished, then the last come."""
    return report.reported_at, _RANK[report.status], report.version


def _ask_again(examination: Examination, before: Report, report: Report) -> None:
    """A version that says something else re-opens what was flagged in the one before."""
    says_the_same = before.text == report.text and report.status != ReportStatus.WITHDRAWN
    for row in examination.findings.exclude(state=State.WITHDRAWN).order_by("pk"):
        finding: Finding = lock(row)
        finding.report = report
        if says_the_same:
            finding.save(update_fields=["report"])
            continue
        reopen_finding(
            finding=finding,
            because=f"Version {report.version} of the report "
            f"({report.get_status_display().lower()}) says something else.",
            at=database_now(),
        )
