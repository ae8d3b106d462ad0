"""Filing a report: its examination, its version, and asking again when it says something else."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from findings.arrivals import ArrivingOrder, ArrivingPerson, ArrivingReport, HeldReason
from findings.documents import digest
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
from findings.services.documents import has_these, have_the_same, keep_documents, with_places
from findings.services.flag import reopen_finding, tell_of_correction
from findings.services.follow_up import propose_matches
from findings.services.identity import Held, IdentityHeld, identify
from findings.services.offer import end_open_offer
from findings.services.pause import end_pauses
from findings.services.propose import alerts_of, propose
from findings.services.records import ONE_BY_ONE, Records
from findings.services.timeline import lock, moment, record
from findings.states import State

Outcome = Receipt.Outcome
# What says of an examination what it is: its report, or its order.
Described = ArrivingReport | ArrivingOrder

LONGEST_ACCESSION = 80
# A sender's clock may be a little ahead, or in another zone. Further ahead, a report would stay
# the one to read until that day, whatever is corrected meanwhile.
AHEAD_OF_US = timedelta(days=1)
WAS_ANOTHERS = "Its sender had sent it under another patient before."


class AccessionHeld(IdentityHeld):
    """The accession belongs to an examination of another patient, or is none."""

    location = "OBR-3"


def file_report(
    sender: Sender,
    arriving: ArrivingReport,
    message: IncomingMessage | None,
    at: datetime | None = None,
    records: Records = ONE_BY_ONE,
) -> tuple[Outcome, Report]:
    """Make it a version of its examination. The caller has taken its turn in a transaction.

    Raises `Held` where a person has to look first.
    """
    arriving = with_places(arriving)
    _check(arriving, records)
    examination, notices = examination_of(sender, arriving, records)
    filed = _file(examination, arriving, notices, message, at, records)
    if filed[0] in (Outcome.NEW_REPORT, Outcome.NEW_VERSION):
        _propose(sender, arriving, filed[1], message, at)
    records.settle(examination, at)
    return filed


def _file(
    examination: Examination,
    arriving: ArrivingReport,
    notices: tuple[str, ...],
    message: IncomingMessage | None,
    at: datetime | None,
    records: Records,
) -> tuple[Outcome, Report]:
    known = _same_version(examination, arriving, records)
    if known is not None:
        return Outcome.DUPLICATE, known
    before = examination.current_report
    arriving = replace(arriving, notices=(*arriving.notices, *notices))
    report = _add_version(examination, arriving, message, records)
    if before is None:
        if records.may_be_advised(examination):
            propose_matches(examination)
        return Outcome.NEW_REPORT, report
    if examination.current_report_id != report.pk:
        return Outcome.OLDER_VERSION, report
    for finding in records.findings(examination):
        _ask_again(finding, before, report, at)
    return Outcome.NEW_VERSION, report


def _propose(
    sender: Sender,
    arriving: ArrivingReport,
    report: Report,
    message: IncomingMessage | None,
    at: datetime | None,
) -> None:
    """What the version to read now says of itself that somebody must act on."""
    alerts = alerts_of(sender, arriving)
    if alerts or (report.status == ReportStatus.WITHDRAWN and report.version > 1):
        since = message.received_at if message else at
        propose(examination=report.examination, report=report, alerts=alerts, since=since)


def check_accession(accession: str) -> None:
    """Raises `AccessionHeld` where it cannot name an examination."""
    if not accession.strip() or len(accession) > LONGEST_ACCESSION:
        raise AccessionHeld(
            HeldReason.MISSING_ACCESSION,
            f"The accession is empty or longer than {LONGEST_ACCESSION} characters.",
            "Ask the sender which number names the examination.",
        )


def _check(arriving: ArrivingReport, records: Records) -> None:
    check_accession(arriving.accession)
    if arriving.reported_at > records.now() + AHEAD_OF_US:
        raise Held(
            HeldReason.BAD_TIME,
            "The time at which the report was verified lies in the future.",
            "Ask the sender to correct the time: it decides which version is the one to read.",
            "OBR-22",
        )


def examination_of(
    sender: Sender, arriving: Described, records: Records = ONE_BY_ONE
) -> tuple[Examination, tuple[str, ...]]:
    """The examination of this accession, locked; made if it is new."""
    identified = identify(arriving.patient, records)
    at = arriving.said_at if isinstance(arriving, ArrivingOrder) else arriving.reported_at
    records.said_of(identified.patient, arriving.patient, at)
    examination = records.examination(sender.keeper, arriving.accession)
    if examination is None:
        examination = _new_examination(sender, identified.patient, arriving, records)
        return examination, identified.notices
    notices = identified.notices
    if examination.patient_id != identified.patient.pk:
        if not _is_given_up(examination, sender, arriving):
            raise AccessionHeld(
                HeldReason.ACCESSION_CONFLICT,
                "This accession belongs to an examination of another patient.",
                "Find out at the sender whose it is. Where it is this patient's, it can be filed"
                " after a newer order of this patient; or where it has a report, once that is"
                " withdrawn and no finding of it is open.",
            )
        examination.patient = identified.patient
        records.change(examination, "patient_id")
        notices = (*notices, WAS_ANOTHERS)
    return examination, (*notices, *_complete(examination, arriving, records))


def _is_given_up(examination: Examination, sender: Sender, arriving: Described) -> bool:
    """Whether its own sender says now that it is another patient's, of which nothing stands that
    anybody acts on: no report yet, or none that was not withdrawn, and no open finding."""
    current, newest = examination.current_report, examination.order_said_at
    if examination.sender_id != sender.pk:
        return False
    if isinstance(arriving, ArrivingOrder):
        return current is None and (newest is None or newest <= arriving.said_at)
    if current is None or current.status != ReportStatus.WITHDRAWN:
        return False
    is_newer = arriving.reported_at > current.reported_at
    return is_newer and not examination.findings.open().exists()


def _new_examination(
    sender: Sender, patient: Patient, arriving: Described, records: Records
) -> Examination:
    site = _site(sender, arriving, records)
    examination = Examination(
        sender=sender.keeper,
        accession=arriving.accession,
        patient=patient,
        site=site,
        **known_about(site, arriving, records),
    )
    records.add(examination)
    return examination


def known_about(site: Site, arriving: Described, records: Records = ONE_BY_ONE) -> dict[str, Any]:
    """What a message says about the examination itself, by column."""
    requester = person_of(arriving.requester, records)
    team = _team(site, requester, arriving, records)
    return {
        "modality": arriving.modality[:16],
        "code": arriving.examination_code[:60],
        "description": arriving.examination_description[:200],
        "performed_at": arriving.performed_at,
        "placer_number": arriving.placer_number if isinstance(arriving, ArrivingOrder) else "",
        "setting": arriving.setting if arriving.setting in Examination.Setting.values else "",
        "requested_by_id": requester and requester.pk,
        "requesting_team_id": team and team.pk,
        "requester_as_sent": _as_sent(arriving.requester),
        "location_as_sent": arriving.requesting_location[:160],
    }


def _complete(examination: Examination, arriving: Described, records: Records) -> tuple[str, ...]:
    """Fill in what earlier versions left out. What they said stays: owners follow from it."""
    said = known_about(examination.site, arriving, records)
    missing = {
        name: value for name, value in said.items() if value and not getattr(examination, name)
    }
    for name, value in missing.items():
        setattr(examination, name, value)
    if missing:
        records.change(examination, *missing)
    requester = said["requested_by_id"]
    if requester and requester != examination.requested_by_id:
        return ("This version names another requester than the first one did.",)
    return ()


def _site(sender: Sender, arriving: Described, records: Records) -> Site:
    """The site that the message names, by ODS code or name; else the sender's own."""
    code = arriving.site_code.strip()
    return (records.site(sender.organisation_id, code) if code else None) or sender.site


def person_of(arriving: ArrivingPerson, records: Records = ONE_BY_ONE) -> Person | None:
    """The person in our directory with this professional code; names are never enough.

    Consultants are sent as C1234567 by one system and as their GMC number 1234567 by another.
    """
    return next(filter(None, map(records.person, spellings(arriving.code))), None)


def spellings(code: str) -> list[str]:
    """A professional code as it was sent, and then as another system would send it."""
    code = code.strip()
    digits = code[1:] if code[:1] in ("C", "c") else code
    if len(digits) != 7 or not digits.isascii() or not digits.isdecimal():
        return [code] if code else []
    return [code, digits if digits != code else f"C{digits}"]


def _team(
    site: Site, requester: Person | None, arriving: Described, records: Records
) -> Team | None:
    """The team at the requesting location; else the requester's own, at this site first."""
    for location in locations(arriving):
        if team := records.team_at(location, site.organisation_id):
            return team
    return records.team_of(requester, site) if requester else None


def locations(arriving: Described) -> list[str]:
    """Where it was asked for, then without room and bed: in "WARD5, R1, B2" a bed belongs to its
    ward. Two trusts may both have a ward 5."""
    sent = arriving.requesting_location
    return [name for name in dict.fromkeys([sent.strip(), sent.partition(",")[0].strip()]) if name]


def _as_sent(person: ArrivingPerson) -> str:
    code = f" ({person.code})" if person.code and person.code != str(person) else ""
    return f"{person}{code}"[:160] if str(person) else ""


def fingerprint_of(arriving: ArrivingReport) -> str:
    """SHA-256 of what makes a version that version."""
    arriving = with_places(arriving)
    content = f"{arriving.status}|{arriving.reported_at.isoformat()}|{arriving.text}"
    content = "|".join([content, *map(digest, arriving.documents)])
    return hashlib.sha256(content.encode()).hexdigest()


def _same_version(
    examination: Examination, arriving: ArrivingReport, records: Records
) -> Report | None:
    """The version that this is, if we have it: same content, or the current words again."""
    known = records.version_with(examination, fingerprint_of(arriving))
    current = examination.current_report
    if known is None and current is not None:
        same_words = (current.status, current.text) == (arriving.status, arriving.text)
        if same_words and has_these(current, arriving.documents):
            return current
    return known


def _add_version(
    examination: Examination,
    arriving: ArrivingReport,
    message: IncomingMessage | None,
    records: Records,
) -> Report:
    report = Report(
        examination=examination,
        version=records.newest_version(examination) + 1,
        status=arriving.status,
        text=arriving.text,
        reported_at=arriving.reported_at,
        reported_by=person_of(arriving.reporter, records),
        reporter_as_sent=_as_sent(arriving.reporter),
        message=message,
        fingerprint=fingerprint_of(arriving),
        notices=list(dict.fromkeys(arriving.notices)),
    )
    records.add(report)
    if arriving.documents:
        keep_documents(report, arriving.documents)
    current = examination.current_report
    if current is None or report.reading_order > current.reading_order:
        examination.current_report = report
        records.change(examination, "current_report_id")
    return report


def _ask_again(finding: Finding, before: Report, report: Report, when: datetime | None) -> None:
    """Whoever holds a finding of this examination hears what became of its report.

    The same words (a preliminary report that was verified) only leave a line in the timeline.
    Other words, a withdrawal, or a withdrawal taken back ask for an answer again; nothing is
    ever closed because of what arrived.
    """
    finding = lock(finding)
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
    return before.text.split() == report.text.split() and have_the_same(before, report)


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
