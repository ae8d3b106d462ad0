"""Which patient a report is about. Identifiers decide; names only support or contradict."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations

from findings.arrivals import Arriving, ArrivingNews, ArrivingPatient, HeldReason, Part, as_compared
from findings.models import Patient, PatientIdentifier, Receipt, Sender
from findings.services.records import ONE_BY_ONE, Records
from findings.services.turns import in_turn, names_of, names_of_records, patients_of

# What NFKD does not take apart.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th"})
# Parts that many families share; alone they support nothing.
_PARTICLES = frozenset(
    re.findall(r"\w+", "al bin da das de del den der di do dos du el ibn la le mac mc van von")
)
_SEPARATORS = frozenset("-\u2010\u2011\u2012\u2013 \u00a0,./")  # hyphens, dashes and spaces
# Longer names than this are compared by their parts only.
_PARTS_TO_REORDER = 4
LONGEST_IDENTIFIER = 60
CHOSEN_NOTICE = (
    "A person chose this record for it: what was sent does not lead to one patient. No number that"
    " was sent was added to the record."
)
MERGED_NOTICE = "It was sent under a number of a record that has since been merged into this one."


class Held(Exception):
    """What arrived cannot be filed without a person. Says why in words, without the patient."""

    location = ""
    # Which of several reports that came together it is, from 1.
    part = 1
    # The item that waits for a person, where it is kept although its sender was told.
    kept: Receipt | None = None

    def __init__(
        self, reason: HeldReason, detail: str, suggestion: str, location: str = ""
    ) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.suggestion = reason, detail, suggestion
        self.location = location or self.location


class IdentityHeld(Held):
    """The identifiers do not lead to one patient; a person has to look."""

    location = "PID-3"


@dataclass(frozen=True)
class Identified:
    """The patient, and what a reader should know about how sure that is."""

    patient: Patient
    notices: tuple[str, ...] = ()


def folded(name: str) -> tuple[str, ...]:
    """The parts of a name without case, accents, apostrophes or hyphens."""
    plain = unicodedata.normalize("NFKD", name).casefold().translate(_LETTERS)
    letters = (" " if char in _SEPARATORS else char for char in plain)
    return tuple("".join(char for char in letters if char.isalnum() or char == " ").split())


def names_agree(one: str, other: str) -> bool:
    """Whether two names may be the same person's: a shared part, or joined in another way."""
    first, second = folded(one), folded(other)
    return bool(_telling(first) & _telling(second)) or _joined_alike(first, second)


def _telling(parts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(part for part in parts if len(part) > 1 and part not in _PARTICLES)


def _joined_alike(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """O NEILL and ONEILL, VAN DYKE and DYKE VAN."""
    if max(len(first), len(second)) > _PARTS_TO_REORDER:
        return "".join(first) == "".join(second)
    return "".join(second) in {"".join(order) for order in permutations(first)}


def identify(arriving: ArrivingPatient, records: Records = ONE_BY_ONE) -> Identified:
    """The one patient whom the identifiers name, made if they are new.

    Raises `IdentityHeld` when there is no identifier, when the identifiers name two patients,
    or when names and birth date contradict the record. The caller has taken its turn.
    """
    found = recognise(arriving, records)
    if found is not None:
        return found
    patient = _create(arriving, records)
    _add_identifiers(patient, arriving, records)
    return Identified(patient)


def recognise(arriving: ArrivingPatient, records: Records = ONE_BY_ONE) -> Identified | None:
    """As `identify`, and None where nobody is known by these identifiers."""
    if arriving.record is not None:
        return Identified(survivor(Patient.objects.get(pk=arriving.record)), (CHOSEN_NOTICE,))
    _check_identifiers(arriving)
    known = records.patients(arriving)
    kept = {survivor(patient).pk: survivor(patient) for patient in known}
    if len(kept) > 1:
        raise IdentityHeld(
            HeldReason.IDENTITY_CONFLICT,
            "The identifiers belong to different patients.",
            "Find out in the patient index which of them is meant, or whether they are one.",
        )
    if not known:
        return None
    return _supported_by_any(known, arriving, next(iter(kept.values())), records)


def _supported_by_any(
    known: list[Patient], arriving: ArrivingPatient, kept: Patient, records: Records
) -> Identified:
    """Records that were merged are one patient under more than one number, and perhaps name: what
    was sent is held against the record that has the number."""
    refused: IdentityHeld | None = None
    for patient in known:
        try:
            supported = _supported(patient, arriving, records)
        except IdentityHeld as held:
            refused = refused or held
            continue
        merged = () if patient.pk == kept.pk else (MERGED_NOTICE,)
        return Identified(kept, (*supported.notices, *merged))
    assert refused is not None
    raise refused


def survivor(patient: Patient) -> Patient:
    """The record that is kept, at the end of the chain of merges."""
    while patient.merged_into is not None:
        patient = patient.merged_into
    return patient


@contextmanager
def kept_in_turn(*patients: Patient) -> Iterator[list[Patient]]:
    """A transaction in which nothing else is filed under any number that leads to these, with the
    records that are kept of them: whoever waited may find that one was merged meanwhile."""
    kept: list[Patient] = []

    def names() -> set[str]:
        kept[:] = [survivor(Patient.objects.get(pk=patient.pk)) for patient in patients]
        return names_of_records(one.pk for one in kept)

    with in_turn(names):
        yield kept


def names_about(sender: Sender | None, parts: Iterable[Part]) -> set[str]:
    """What a message is about. Records that are merged, or asked about, or that a person chose, are
    so with all their numbers: of its news every one that leads to them, as they are known now."""
    if sender is None:
        return set()
    arriving = [part for part in parts if isinstance(part, Arriving)]
    news = (part for part in arriving if isinstance(part, ArrivingNews))
    named = [who for part in news for who in patients_of(part)]
    chosen = {who.record for part in arriving for who in patients_of(part) if who.record}
    names = names_of_records(chosen, named) if chosen or named else set()
    return names.union(*(names_of(sender, part) for part in arriving))


def _check_identifiers(arriving: ArrivingPatient) -> None:
    if not arriving.nhs_number and not arriving.identifiers:
        raise IdentityHeld(
            HeldReason.MISSING_PATIENT,
            "No identifier that names a patient.",
            "Ask the sender for the NHS number, or for the hospital number with its authority.",
        )
    for one in arriving.identifiers:
        if max(len(one.value), len(one.authority)) > LONGEST_IDENTIFIER:
            raise IdentityHeld(
                HeldReason.MISSING_PATIENT,
                f"An identifier is longer than {LONGEST_IDENTIFIER} characters.",
                "Ask the sender what its identifiers look like: the fields may be mixed up.",
            )


def known_patients(arriving: ArrivingPatient) -> list[Patient]:
    """Everybody on record whom one of the identifiers names."""
    return ONE_BY_ONE.patients(arriving)


def numbers_of(patient: Patient) -> list[PatientIdentifier]:
    """Every hospital number that leads to this record, those of merged ones too."""
    return list(PatientIdentifier.objects.filter(patient__in=patient.of_family()).order_by("pk"))


def _create(arriving: ArrivingPatient, records: Records) -> Patient:
    patient = Patient(
        nhs_number=arriving.nhs_number or None,
        family_name=arriving.family_name[:120],
        given_name=arriving.given_name[:120],
        birth_date=arriving.birth_date,
        sex=arriving.sex if arriving.sex in Patient.Sex.values else Patient.Sex.UNKNOWN,
    )
    records.add(patient)
    return patient


def _supported(patient: Patient, arriving: ArrivingPatient, records: Records) -> Identified:
    """A known patient, if what else was sent does not speak against it."""
    if arriving.nhs_number and patient.nhs_number not in (None, arriving.nhs_number):
        raise IdentityHeld(
            HeldReason.IDENTITY_CONFLICT,
            "The NHS number differs from the one on record for this hospital number.",
            "Check the patient at the sender: a number may have been typed wrongly.",
        )
    other_family = _differ(arriving.family_name, patient.family_name)
    other_given = _differ(arriving.given_name, patient.given_name)
    both_born = bool(arriving.birth_date and patient.birth_date)
    other_birth = both_born and arriving.birth_date != patient.birth_date
    if other_family and (other_birth or (other_given and not both_born)):
        raise IdentityHeld(
            HeldReason.IDENTITY_CONFLICT,
            "The identifier is known, but "
            + ("family name and birth date" if other_birth else "family name and given name")
            + " are both different.",
            "Check the patient at the sender: a number may have been typed wrongly.",
            "PID-5" if not other_birth else "PID-3",
        )
    return Identified(patient, _link(patient, arriving, other_family, other_birth, records))


def contradicts(one: Patient, other: Patient) -> bool:
    """Whether two records can hardly be one patient: family name and birth date both differ."""
    both_born = bool(one.birth_date and other.birth_date)
    return (
        _differ(one.family_name, other.family_name)
        and both_born
        and one.birth_date != other.birth_date
    )


def _differ(sent: str, recorded: str) -> bool:
    return bool(sent and recorded and not names_agree(sent, recorded))


def _link(
    patient: Patient,
    arriving: ArrivingPatient,
    other_family: bool,
    other_birth: bool,
    records: Records,
) -> tuple[str, ...]:
    """Keep new identifiers beside the old ones, unless something speaks against it.

    Demographics are never changed by a report.
    """
    notices = []
    if other_family:
        notices.append("The family name that was sent is not the one on record.")
    elif folded(arriving.family_name) != folded(patient.family_name) and arriving.family_name:
        notices.append("The family name that was sent is written differently on record.")
    if other_birth:
        notices.append("The birth date that was sent is not the one on record.")
    if not other_family and not other_birth:
        _add_identifiers(patient, arriving, records)
    elif _has_new_identifiers(patient, arriving):
        notices.append("Its further identifiers were therefore not added to the record.")
    return tuple(notices)


def _has_new_identifiers(patient: Patient, arriving: ArrivingPatient) -> bool:
    numbers = patient.identifiers.values_list("authority", "value")
    known = {(authority, as_compared(value)) for authority, value in numbers}
    return bool(arriving.nhs_number and not patient.nhs_number) or any(
        (one.authority, one.value) not in known for one in arriving.identifiers
    )


def _add_identifiers(patient: Patient, arriving: ArrivingPatient, records: Records) -> None:
    if arriving.nhs_number and patient.nhs_number is None:
        patient.nhs_number = arriving.nhs_number
        records.change(patient, "nhs_number")
    for one in {(one.authority, one.value): one for one in arriving.identifiers}.values():
        if not records.has_number(one):
            records.add(
                PatientIdentifier(
                    patient=patient,
                    authority=one.authority,
                    value=one.value,
                    type=one.type[:20],
                )
            )
