"""Patient and ServiceRequest: what reports and tasks are about, read by whoever may read one.

They are no index of patients or orders: each is what an examination that this person may see says.
"""

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.access import person_of, saw
from findings.fhir import writing
from findings.fhir.access import FhirView
from findings.fhir.arriving import by_public_id, sender_of
from findings.fhir.names import address
from findings.fhir.patients import by_identifier, id_in_links
from findings.fhir.patients import params as patient_params
from findings.fhir.search import Param, PostedSearch, SearchView, system_and_value
from findings.models import Examination, Patient, PatientIdentifier, Person

PATIENT, REQUEST = "Patient", "ServiceRequest"


def patients_of(person: Person) -> QuerySet[Patient]:
    """Those with an examination that this person may see."""
    visible = Examination.objects.visible_to(person).values("patient")
    numbers = PatientIdentifier.objects.order_by("pk")
    return Patient.objects.filter(pk__in=visible).prefetch_related(
        Prefetch("identifiers", numbers, to_attr="numbers")
    )


def requests_of(person: Person) -> QuerySet[Examination]:
    visible = Examination.objects.visible_to(person)
    return writing.with_patient(visible, "patient").select_related(
        "sender", "requested_by", "requesting_team"
    )


def _by_number(said: str) -> Q:
    return Q(pk__in=[one.pk for one in by_identifier(said)])


def _id_in_links(said: str) -> tuple[str, str]:
    _, ids = id_in_links(said)
    return "_id", ids


def _by_accession(said: str) -> Q:
    system, value = system_and_value(said)
    whose = Q() if system is None else Q(sender=sender_of(system))
    return Q(accession=value) & whose


class Patients(SearchView):
    """The last who became known first."""

    resource = PATIENT
    model = Patient
    params = (
        Param("_id", "token", by_public_id, "An id that was given out here."),
        Param(
            "identifier",
            "token",
            _by_number,
            "NHS number or hospital number, system|value. Use _search, so that it stands in no"
            " address.",
            in_links=_id_in_links,
        ),
    )

    def rows(self, person: Person, upto: int) -> QuerySet[Patient]:
        return patients_of(person)

    def as_resources(self, rows: Any) -> Any:
        for row in rows:
            yield address(f"{PATIENT}/{row.public_id}"), writing.one_patient(row)

    def patients_of(self, rows: Any) -> list[int]:
        return [row.pk for row in rows]


class PatientSearch(PostedSearch, Patients):
    """POST Patient/_search."""

    interactions = ()


class OnePatient(FhirView):
    """As reports know them."""

    resource = PATIENT
    interactions = ("read",)

    def get(self, request: Request, public_id: str) -> Response:
        row = get_object_or_404(patients_of(person_of(request)), public_id=public_id)
        saw(self, [row.pk])
        return Response(writing.one_patient(row))


class Requests(SearchView):
    """The last that became known first."""

    resource = REQUEST
    model = Examination
    params = (
        Param("_id", "token", by_public_id, "The id of its DiagnosticReport, too."),
        Param("identifier", "token", _by_accession, "The accession: value, or system|value."),
        *patient_params("patient", "subject"),
    )

    def rows(self, person: Person, upto: int) -> QuerySet[Examination]:
        return requests_of(person)

    def as_resources(self, rows: Any) -> Any:
        for row in rows:
            yield address(f"{REQUEST}/{row.public_id}"), writing.one_request(row)

    def patients_of(self, rows: Any) -> list[int]:
        return [row.patient_id for row in rows]


class RequestSearch(PostedSearch, Requests):
    """POST ServiceRequest/_search."""

    interactions = ()


class OneRequest(FhirView):
    """What was asked for, by whom and from where: whether or not it was reported yet."""

    resource = REQUEST
    interactions = ("read",)

    def get(self, request: Request, public_id: str) -> Response:
        row = get_object_or_404(requests_of(person_of(request)), public_id=public_id)
        saw(self, [row.patient_id])
        return Response(writing.one_request(row))
