"""Filing a report: its examination, its version, and asking again when it says something else."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Q

from findings.arrivals import ArrivingPerson, ArrivingReport, HeldReason
from findings.models import (
    Audience,
    Event,
    Examination,
    Finding,
    IncomingMessage,
    Patient,
    Person,
    Receipt,
    Report,
    ReportStatus,
    Sender,
    Site,
    Team,
)
from findings.services.clocks import REPORT_CHANGED, tell_owner_now
from findings.services.flag import reopen_finding, tell_of_correction
from findings.services.follow_up import propose_matches
from findings.services.identity import Held, IdentityHeld, identify
from findings.services.offer import end_open_offer
from findings.services.pause import end_pauses
from findings.services.report_by import settle
from findings.services.timeline import database_now, lock, moment, record
from findings.states import State

Outcome = Receipt.Outcome

LONGEST_ACCESSION = 80
# A sender's clock may be a little ahead, or in another zone. Further ahead, a report would stay
# the one to read until that day, whatever is corrected meanwhile.
AHEAD_OF_US = timedelta(days=1)


class AccessionHeld(IdentityHeld):
    """The accession belongs to an examination of another patient, or is none."""

    location = "OBR-3"


def file_report(
    sender: Sender,
    arriving: ArrivingReport,
    message: IncomingMessage | None,
    at: datetime | None = None,
) -> tuple[Outcome, Report]:
    """Make it a version of its examination. The caller has taken its turn in a transaction.

    Raises `Held` where a person has to look first.
    """
    _check(arriving)
    examination, notices = _examination(sender, arriving)
    filed = _file(examination, arriving, notices, message, at)
    settle(examination, at=at)
    return filed


def _file(
    examination: Examination,
    arriving: ArrivingReport,
    notices: tuple[str, ...],
    message: IncomingMessage | None,
    at: datetime | None,
) -> tuple[Outcome, Report]:
    known = _same_version(examination, arriving)
    if known is not None:
        return Outcome.DUPLICATE, known
    before = examination.current_report
    arriving = replace(arriving, notices=(*arriving.notices, *notices))
    report = _add_version(examination, arriving, message)
    if before is None:
        propose_matches(examination)
        return Outcome.NEW_REPORT, report
    if examination.current_report_id != report.pk:
        return Outcome.OLDER_VERSION, report
    _ask_again(examination, before, report, at)
    return Outcome.NEW_VERSION, report


def _check(arriving: ArrivingReport) -> None:
    if not arriving.accession.strip() or len(arriving.accession) > LONGEST_ACCESSION:
        raise AccessionHeld(
            HeldReason.MISSING_ACCESSION,
            f"The accession is empty or longer than {LONGEST_ACCESSION} characters.",
            "Ask the sender which number names the examination.",
        )
    if arriving.reported_at > database_now() + AHEAD_OF_US:
        raise Held(
            HeldReason.BAD_TIME,
            "The time at which the report was verified lies in the future.",
            "Ask the sender to correct the time: it decides which version is the one to read.",
            "OBR-22",
        )


def _examination(sender: Sender, arriving: ArrivingReport) -> tuple[Examination, tuple[str, ...]]:
    """The examination of this accession, locked; made if it is new."""
    identified = identify(arriving.patient)
    examination = (
        Examination.objects.select_for_update(no_key=True, of=("self",))
        .select_related("current_report")
        .filter(sender=sender, accession=arriving.accession)
        .first()
    )
    if examination is None:
        examination = _new_examination(sender, identified.patient, arriving)
        return examination, identified.notices
    if examination.patient_id != identified.patient.pk:
        raise AccessionHeld(
            HeldReason.ACCESSION_CONFLICT,
            "This accession belongs to an examination of another patient.",
            "Find out at the sender whose examination it is.",
        )
    return examination, (*identified.notices, *_complete(examination, arriving))


def _new_examination(sender: Sender, patient: Patient, arriving: ArrivingReport) -> Examination:
    site = _site(sender, arriving)
    return Examination.objects.create(
        sender=sender,
        accession=arriving.accession,
        patient=patient,
        site=site,
        **_known_about(site, arriving),
    )


def _known_about(site: Site, arriving: ArrivingReport) -> dict[str, object]:
    """What a message says about the examination itself."""
    requester = person_of(arriving.requester)
    return {
        "modality": arriving.modality[:16],
        "code": arriving.examination_code[:60],
        "description": arriving.examination_description[:200],
        "performed_at": arriving.performed_at,
        "requested_by": requester,
        "requesting_team": _team(site, requester, arriving),
        "requester_as_sent": _as_sent(arriving.requester),
        "location_as_sent": arriving.requesting_location[:160],
    }


def _complete(examination: Examination, arriving: ArrivingReport) -> tuple[str, ...]:
    """Fill in what earlier versions left out. What they said stays: owners follow from it."""
    said = _known_about(examination.site, arriving)
    missing = {
        name: value for name, value in said.items() if value and not getattr(examination, name)
    }
    for name, value in missing.items():
        setattr(examination, name, value)
    if missing:
        examination.save(update_fields=list(missing))
    requester = said["requested_by"]
    if requester and requester != examination.requested_by:
        return ("This version names another requester than the first one did.",)
    return ()


def _site(sender: Sender, arriving: ArrivingReport) -> Site:
    """The site that the message names, by ODS code or name; else the sender's own."""
    code = arriving.site_code.strip()
    sites = Site.objects.filter(organisation=sender.organisation_id).order_by("pk")
    named = sites.filter(Q(ods_code__iexact=code) | Q(name__iexact=code)).first() if code else None
    return named or sender.site


def person_of(arriving: ArrivingPerson) -> Person | None:
    """The person in our directory with this professional code; names are never enough.

    Consultants are sent as C1234567 by one system and as their GMC number 1234567 by another.
    """
    code = arriving.code.strip()
    if not code:
        return None
    exactly = Person.objects.filter(professional_code__iexact=code).order_by("pk").first()
    other = _other_spelling(code)
    if exactly is not None or not other:
        return exactly
    return Person.objects.filter(professional_code__iexact=other).order_by("pk").first()


def _other_spelling(code: str) -> str:
    digits = code[1:] if code[:1] in "Cc" else code
    if len(digits) != 7 or not digits.isascii() or not digits.isdecimal():
        return ""
    return digits if digits != code else f"C{digits}"


def _team(site: Site, requester: Person | None, arriving: ArrivingReport) -> Team | None:
    """The team at the requesting location; else the requester's own, at this site first."""
    # "WARD5, R1, B2": a bed belongs to its ward. Two trusts may both have a ward 5.
    for location in dict.fromkeys([arriving.requesting_location, _ward(arriving)]):
        teams = Team.objects.filter(location_code__iexact=location.strip()).exclude(
            location_code=""
        )
        team = teams.filter(organisation=site.organisation_id).first() or (
            teams.filter(kind=Team.Kind.PRACTICE).first()
        )
        if team:
            return team
    if requester is None:
        return None
    teams = Team.objects.filter(memberships__person=requester, kind__in=Team.CLINICAL).order_by(
        "pk"
    )
    return teams.filter(site=site).first() or teams.first()


def _ward(arriving: ArrivingReport) -> str:
    return arriving.requesting_location.partition(",")[0]


def _as_sent(person: ArrivingPerson) -> str:
    code = f" ({person.code})" if person.code and person.code != str(person) else ""
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
        notices=list(dict.fromkeys(arriving.notices)),
    )
    current = examination.current_report
    if current is None or report.reading_order > current.reading_order:
        examination.current_report = report
        examination.save(update_fields=["current_report"])
    return report


def _ask_again(
    examination: Examination, before: Report, report: Report, when: datetime | None
) -> None:
    """Whoever holds a finding of this examination hears what became of its report.

    The same words (a preliminary report that was verified) only leave a line in the timeline.
    Other words, a withdrawal, or a withdrawal taken back ask for an answer again; nothing is
    ever closed because of what arrived.
    """
    for row in examination.findings.exclude(state=State.WITHDRAWN).order_by("pk"):
        finding = lock(row)
        at = when or moment(finding)
        finding.report = report
        if _says_the_same(before, report):
            finding.save(update_fields=["report"])
            record(
                finding=finding,
                kind=Event.Kind.NOTE,
                by=None,
                at=at,
                text=f"{_named(report)} has the same words as the one before.",
            )
        elif finding.state == State.AWAITING:
            _tell_again(finding, report, at)
        else:
            reopen_finding(finding=finding, because=_because(report), at=at)


def _says_the_same(before: Report, report: Report) -> bool:
    if ReportStatus.WITHDRAWN in (before.status, report.status):
        return before.status == report.status
    return before.text.split() == report.text.split()


def _tell_again(finding: Finding, report: Report, at: datetime) -> None:
    """Nobody has answered yet, so there is nothing to re-open, and no limit moves: a correction
    must not give anybody more time. The owner is told at once, everybody whom the ladder has
    reached, too, and whoever is about to answer sees first that what they answer has changed."""
    finding.save(update_fields=["report"])
    record(
        finding=finding,
        kind=Event.Kind.REOPENED,
        by=None,
        at=at,
        because=f"{_because(report)} The owner is told again; the limit stays.",
    )
    end_open_offer(finding=finding, because="The report changed.", at=at, by=None)
    end_pauses(finding=finding, at=at, by=None)
    tell_owner_now(finding=finding, words=REPORT_CHANGED, at=at)
    for audience in (Audience.ACKNOWLEDGER, Audience.TOLD):
        tell_of_correction(finding=finding, audience=audience, at=at)


def _named(report: Report) -> str:
    return f"Version {report.version} of the report ({report.get_status_display().lower()})"


def _because(report: Report) -> str:
    if report.status == ReportStatus.WITHDRAWN:
        return (
            f"The report was withdrawn by its sender (version {report.version}). "
            "Decide whether the finding still stands."
        )
    return f"{_named(report)} says something else."
