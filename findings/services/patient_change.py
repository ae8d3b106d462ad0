"""A patient died, was discharged or was transferred: the owner of each finding is asked again.

Nothing closes by itself, no limit moves and nobody loses a finding: each open one of the patient
has a line in its timeline, and its owner hears at once. After a death no letter goes to the
patient: what reminds of telling them is held until the limit, and the owner says what happens
instead: next of kin, the coroner, or why nobody. A death that was recorded by mistake is undone,
and whatever was answered because of it is asked again. A person records it, or a message.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from findings.models import (
    Event,
    Examination,
    Finding,
    Organisation,
    Patient,
    PatientChange,
    Person,
)
from findings.models.finding import FindingQuerySet
from findings.rules import (
    NotAllowed,
    check_can_confirm,
    check_can_record_change,
)
from findings.services.clocks import tell_owner_now
from findings.services.flag import reopen_finding
from findings.services.identity import kept_in_turn, survivor
from findings.services.pause import end_hold_for_death, hold_for_death
from findings.services.tell_patient import start_patient_clock
from findings.services.timeline import lock, moment, record
from findings.states import State

Kind = PatientChange.Kind
ToldHow = Finding.ToldHow
# What the steps say that ask the owner again.
ASKED = {
    Kind.DIED: "the patient has died",
    Kind.DISCHARGED: "the patient was discharged",
    Kind.TRANSFERRED: "the patient was transferred",
}


@dataclass(frozen=True)
class Change:
    """What became of a patient, as a form or a message gives it."""

    kind: PatientChange.Kind
    happened_at: datetime
    whereto: str = ""
    # Whose discharge or transfer it is, where another system says it; a person's own trust else.
    organisation: Organisation | None = None


def record_change(
    *, patient: Patient, change: Change, by: Person | None, at: datetime | None = None
) -> PatientChange:
    """Record it and ask the owner of each open finding: after a death of all, else of those of the
    trust that says it. `by` None: another system said so.

    Said again, it changes nothing. Raises ValueError for a moment in the future, `NotAllowed` for
    somebody who may not.
    """
    with kept_in_turn(patient) as (patient,):
        if by is not None:
            check_can_record_change(by, patient)
        organisation = by.organisation if by is not None else change.organisation
        findings = list(_locked_open(_concerned_by(patient, change.kind, organisation)))
        at = at or moment(*findings)
        if change.happened_at > at:
            raise ValueError("This cannot have happened in the future.")
        known = _known(patient, change, organisation)
        if known is not None:
            return known
        made = PatientChange.objects.create(
            patient=patient,
            kind=change.kind,
            happened_at=change.happened_at,
            whereto=change.whereto.strip()[:160],
            recorded_at=at,
            recorded_by=by,
            organisation=organisation,
        )
        for finding in findings:
            _ask_again(finding, made)
    return made


def _findings_of(patient: Patient) -> FindingQuerySet:
    return Finding.objects.filter(examination__patient=patient).order_by("pk")


def _concerned_by(
    patient: Patient, kind: str, organisation: Organisation | None
) -> FindingQuerySet:
    """Those that a change concerns: as `PatientChange.objects.about`, from the other side."""
    rows = _findings_of(survivor(patient))
    if kind == Kind.DIED or organisation is None:
        return rows
    return rows.filter(organisation=organisation)


def _known(
    patient: Patient, change: Change, organisation: Organisation | None
) -> PatientChange | None:
    """A patient dies once, whenever that was; the rest is known by its moment and its trust."""
    standing = PatientChange.objects.standing().filter(patient__in=patient.of_family())
    same = standing.filter(kind=change.kind)
    if change.kind != Kind.DIED:
        same = same.filter(happened_at=change.happened_at, organisation=organisation)
    return same.first()


def _locked_open(findings: FindingQuerySet) -> Iterator[Finding]:
    """The open ones, each locked in turn."""
    for row in findings.open():
        finding = lock(row)
        if finding.is_open:
            yield finding


def _ask_again(finding: Finding, change: PatientChange) -> None:
    at, by = change.recorded_at, change.recorded_by
    record(
        finding=finding,
        kind=Event.Kind.PATIENT_CHANGED,
        by=by,
        at=at,
        change=change.kind,
        happened_at=change.happened_at,
        whereto=change.whereto,
    )
    if change.kind == Kind.DIED:
        hold_for_death(finding=finding, at=at)
    tell_owner_now(finding=finding, words=ASKED[Kind(change.kind)], at=at)


def undo_change(
    *, change: PatientChange, because: str, by: Person | None, at: datetime | None = None
) -> PatientChange:
    """It was recorded by mistake. Of a death: the patient is to be told after all, and what was
    closed because of it is open again."""
    if not because.strip():
        raise ValueError("Undoing this needs a reason.")
    with kept_in_turn(change.patient):
        change = PatientChange.objects.select_for_update(no_key=True).get(pk=change.pk)
        if by is not None:
            check_can_record_change(by, survivor(change.patient))
            _check_is_theirs(by, change)
        if change.undone_at is not None:
            raise NotAllowed("This has been undone already.")
        findings = [lock(row) for row in _concerned(change)]
        change.undone_at, change.undone_by = at or moment(*findings), by
        change.undone_because = because.strip()
        change.save()
        for finding in findings:
            _take_back(finding, change)
    return change


def _check_is_theirs(by: Person, change: PatientChange) -> None:
    own = PatientChange.objects.about(by.organisation_id).filter(pk=change.pk)
    if not own.exists():
        raise NotAllowed("Only a coordinator of the trust that recorded this can take it back.")


def _concerned(change: PatientChange) -> QuerySet[Finding]:
    """Those that are open, and of a death those that ended because of it."""
    rows = _concerned_by(change.patient, change.kind, change.organisation)
    if change.kind != Kind.DIED:
        return rows.open()
    answered = Q(patient_told_how__in=ToldHow.of_the_dead()) | Q(outcome=Finding.Outcome.DIED)
    return rows.filter(
        Q(pk__in=Finding.objects.open())
        | answered & Q(state=State.CLOSED, closed_at__gte=change.recorded_at)
    )


def _take_back(finding: Finding, change: PatientChange) -> None:
    at, by = change.undone_at, change.undone_by
    assert at is not None
    record(
        finding=finding,
        kind=Event.Kind.PATIENT_CHANGE_UNDONE,
        by=by,
        at=at,
        change=change.kind,
        because=change.undone_because,
    )
    if finding.state == State.CLOSED:
        because = "It was closed because of a death that was recorded by mistake."
        reopen_finding(finding=finding, because=because, at=at, by=by, report_changed=False)
        return
    if change.kind == Kind.DIED:
        end_hold_for_death(finding=finding, at=at, by=by)
        _is_to_be_told(finding, change, at, by)
    tell_owner_now(finding=finding, words="that was recorded by mistake", at=at)


def _is_to_be_told(
    finding: Finding, change: PatientChange, at: datetime, by: Person | None
) -> None:
    """Whoever was told instead, or that nobody was: the patient lives and has to hear."""
    asked_since = finding.events.filter(
        kind=Event.Kind.PATIENT_TOLD, at__gte=change.recorded_at
    ).exists()
    if not asked_since or finding.patient_told_how not in ToldHow.not_the_patient():
        return
    finding.patient_told_at = finding.patient_told_by = None
    finding.patient_told_how = finding.patient_told_who = finding.patient_told_note = ""
    finding.save()
    start_patient_clock(finding=finding, at=at, by=by)


def confirm_owner(*, finding: Finding, by: Person, text: str, at: datetime | None = None) -> Event:
    """Whoever holds it says that it is still theirs, and what happens now. No clock stops."""
    if not text.strip():
        raise ValueError("Say what happens now.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_confirm(by, finding)
        return record(
            finding=finding,
            kind=Event.Kind.CONFIRMED,
            by=by,
            at=at or moment(finding),
            text=text.strip(),
        )


def settle_letters(patient: Patient, at: datetime, by: Person | None) -> None:
    """After records were merged or taken apart: a letter is held where the patient is dead, and
    only there. The caller holds the patient's turn."""
    has_died = PatientChange.objects.deaths().filter(patient__in=patient.of_family()).exists()
    for finding in _locked_open(_findings_of(patient)):
        if has_died:
            if hold_for_death(finding=finding, at=at):
                tell_owner_now(finding=finding, words=ASKED[Kind.DIED], at=at)
        else:
            end_hold_for_death(finding=finding, at=at, by=by)


def changes_standing(finding: Finding) -> QuerySet[PatientChange]:
    """What became of its patient since the flag, the newest first; a death whenever it was."""
    return (
        PatientChange.objects.standing()
        .about(finding.organisation_id)
        .filter(Q(kind=Kind.DIED) | Q(recorded_at__gte=finding.flagged_at))
        .filter(patient__in=finding.examination.patient.of_family())
        .select_related("recorded_by")
    )


def changes_of(person: Person) -> QuerySet[PatientChange]:
    """Of the patients whom this person's trust has examinations of, the newest first; what is no
    business of that trust stays out."""
    trust = person.organisation_id
    # Asked of each change, of which there are few: a list would be of every patient of the trust.
    own = Examination.objects.filter(site__organisation=trust)
    known = Exists(own.filter(patient=OuterRef("patient")))
    merged = Exists(own.filter(patient=OuterRef("patient__merged_into")))
    found = PatientChange.objects.about(trust).filter(known | merged)
    return found.select_related("patient", "recorded_by")
