"""Which patient a report is about. Identifiers decide; names only support or contradict."""

import unicodedata

from django.db import IntegrityError, transaction

from findings.arrivals import ArrivingPatient, HeldReason
from findings.models import Patient, PatientIdentifier


class IdentityHeld(Exception):
    """The identifiers do not lead to one patient; a person has to look."""

    def __init__(self, reason: HeldReason, detail: str, suggestion: str) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.suggestion = reason, detail, suggestion


def folded(name: str) -> frozenset[str]:
    """The parts of a name without case, accents, apostrophes, hyphens or order."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(
        " " if char in "-‐‑– ,." else char  # noqa: RUF001
        for char in plain
        if char.isalnum() or char in "-‐‑– ,."  # noqa: RUF001
    )
    return frozenset(letters.split())


def names_agree(one: str, other: str) -> bool:
    """Whether two family names may be the same person's: a shared part, or joined alike."""
    first, second = folded(one), folded(other)
    joined = "".join(sorted("".join(first))) == "".join(sorted("".join(second)))
    return bool(first & second) or joined


def find_or_create_patient(arriving: ArrivingPatient) -> Patient:
    """The one patient whom the identifiers name, made if they are new.

    Raises `IdentityHeld` when there is no identifier, when the identifiers name two patients,
    or when family name and birth date both contradict the record.
    """
    if not arriving.nhs_number and not arriving.identifiers:
        raise IdentityHeld(
            HeldReason.MISSING_PATIENT,
            "No identifier that names a patient.",
            "Ask the sender for the NHS number, or for the hospital number with its authority.",
        )
    known = _known_patients(arriving)
    if len(known) > 1:
        raise IdentityHeld(
            HeldReason.IDENTITY_CONFLICT,
            "The identifiers belong to different patients.",
            "Find out in the patient index which of them is meant, or whether they are one.",
        )
    patient = known[0] if known else _create(arriving)
    _check_demographics(patient, arriving)
    _add_identifiers(patient, arriving)
    return patient


def _known_patients(arriving: ArrivingPatient) -> list[Patient]:
    found: dict[int, Patient] = {}
    if arriving.nhs_number:
        for patient in Patient.objects.filter(nhs_number=arriving.nhs_number):
            found[patient.pk] = patient
    for identifier in arriving.identifiers:
        for row in PatientIdentifier.objects.filter(
            authority=identifier.authority, value=identifier.value
        ).select_related("patient"):
            found[row.patient_id] = row.patient
    return list(found.values())


def _create(arriving: ArrivingPatient) -> Patient:
    try:
        with transaction.atomic():
            return Patient.objects.create(
                nhs_number=arriving.nhs_number or None,
                family_name=arriving.family_name,
                given_name=arriving.given_name,
                birth_date=arriving.birth_date,
                sex=arriving.sex if arriving.sex in Patient.Sex.values else Patient.Sex.UNKNOWN,
            )
    except IntegrityError:  # somebody else made them in this moment
        return Patient.objects.get(nhs_number=arriving.nhs_number)


def _check_demographics(patient: Patient, arriving: ArrivingPatient) -> None:
    other_name = bool(
        arriving.family_name
        and patient.family_name
        and not names_agree(arriving.family_name, patient.family_name)
    )
    other_birth = bool(
        arriving.birth_date and patient.birth_date and arriving.birth_date != patient.birth_date
    )
    other_number = bool(
        arriving.nhs_number and patient.nhs_number and arriving.nhs_number != patient.nhs_number
    )
    if (other_name and other_birth) or other_number:
        raise IdentityHeld(
            HeldReason.IDENTITY_CONFLICT,
            "The NHS number differs from the one on record."
            if other_number
            else "The identifier is known, but family name and birth date are both different.",
            "Check the patient at the sender: a number may have been typed wrongly.",
        )


def _add_identifiers(patient: Patient, arriving: ArrivingPatient) -> None:
    """New identifiers are kept beside the old ones; demographics are never changed by a report."""
    if arriving.nhs_number and patient.nhs_number is None:
        patient.nhs_number = arriving.nhs_number
        patient.save(update_fields=["nhs_number"])
    for identifier in arriving.identifiers:
        PatientIdentifier.objects.get_or_create(
            authority=identifier.authority,
            value=identifier.value,
            defaults={"patient": patient, "type": identifier.type},
        )
