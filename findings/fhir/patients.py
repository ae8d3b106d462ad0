"""Patients by identifier: from a search to the record that is kept."""

import uuid

from django.db.models import Q

from findings.arrivals import as_compared
from findings.fhir import names
from findings.fhir.search import Param, system_and_value
from findings.models import Patient, PatientIdentifier
from findings.models.folding import AsCompared
from findings.nhs_numbers import normalise
from findings.services.identity import survivor

NOBODY = uuid.UUID(int=0)


def by_identifier(said: str) -> list[Patient]:
    """Whoever has this number, each as the record that is kept."""
    system, value = system_and_value(said)
    found: list[Patient] = []
    if system in (None, names.NHS_NUMBER):
        found += Patient.objects.filter(nhs_number=normalise(value))
    if system != names.NHS_NUMBER:
        compared = PatientIdentifier.objects.alias(compared=AsCompared("value"))
        rows = compared.filter(compared=as_compared(value)).select_related("patient")
        if system:
            rows = rows.filter(authority=system.rpartition("/Id/MRN/")[2])
        found += [row.patient for row in rows]
    kept = {one.pk: one for one in map(survivor, found)}
    return list(kept.values())


def id_in_links(said: str) -> tuple[str, str]:
    """In the place of a number, which stands in no address."""
    ids = [str(one.public_id) for one in by_identifier(said)]
    return "patient", ",".join(ids or [str(NOBODY)])


def params(column: str, *others: str) -> tuple[Param, Param]:
    """By the id that was given out here, and by the patient's own numbers. `column`: a patient's
    key. `others`: further names of the same thing."""

    def with_id(said: str) -> Q:
        try:
            wanted = uuid.UUID(said.removeprefix("Patient/"))
        except ValueError:
            raise ValueError(
                "An id that was given out here; numbers by patient:identifier."
            ) from None
        return Q(**{f"{column}__public_id": wanted})

    def with_number(said: str) -> Q:
        return Q(**{f"{column}__in": by_identifier(said)})

    keys = tuple(f"{name}{sign}identifier" for name in ("patient", *others) for sign in ":.")
    return (
        Param(
            "patient",
            "reference",
            with_id,
            "The patient, by an id that was given out here.",
            others,
        ),
        Param(
            "patient.identifier",
            "token",
            with_number,
            "NHS number or hospital number, system|value; also patient:identifier. Use _search,"
            " so that it stands in no address.",
            keys,
            id_in_links,
        ),
    )
