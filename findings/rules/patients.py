"""Who may say what became of a patient, and whose records are one."""

from findings.models import (
    Event,
    Examination,
    Finding,
    Patient,
    Person,
    Role,
)
from findings.rules.common import as_answer, holds, require


def check_can_record_change(person: Person, patient: Patient | None = None) -> None:
    """See what became of patients; with a patient, record it or take it back."""
    require(
        person.has_role(Role.COORDINATOR),
        "Only a coordinator can record what became of a patient.",
    )
    own = Examination.objects.filter(site__organisation=person.organisation_id)
    require(
        patient is None or own.filter(patient=patient).exists(),
        "Your trust has no examination of this patient.",
    )


def check_can_confirm(person: Person, finding: Finding) -> None:
    """That it is still theirs, after the patient died, was discharged or was transferred."""
    require(holds(person, finding), "Only its owner or their team can say that it is theirs.")
    require(finding.is_open, "The finding has ended.")
    kinds = (Event.Kind.PATIENT_CHANGED, *ANSWERS_A_CHANGE)
    said = [event for event in finding.events.all() if event.kind in kinds]
    last = max(said, key=lambda event: event.number, default=None)
    require(
        last is not None and last.kind == Event.Kind.PATIENT_CHANGED,
        "Nobody has asked whether it is still theirs.",
    )


ANSWERS_A_CHANGE = (
    Event.Kind.CONFIRMED,
    Event.Kind.HANDED_OVER,
    Event.Kind.PATIENT_CHANGE_UNDONE,
)


def check_can_merge(person: Person, *records: Patient) -> None:
    """See the merges; with records, merge them or take that back."""
    require(person.has_role(Role.COORDINATOR), "Only a coordinator can merge records.")
    elsewhere = Examination.objects.filter(patient__in=records).exclude(
        site__organisation=person.organisation_id
    )
    require(
        not elsewhere.exists(),
        "Another trust has examinations of one of these records, so it is not yours to merge.",
    )


can_merge = as_answer(check_can_merge)
can_confirm = as_answer(check_can_confirm)
can_record_change = as_answer(check_can_record_change)
