"""AuditEvent: who saw whose data, for governance leads. Looking here is recorded, too."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.access import person_of, saw
from findings.fhir import writing
from findings.fhir.access import FhirView, versioned
from findings.fhir.names import USER, address
from findings.fhir.patients import by_identifier, id_in_links
from findings.fhir.search import Param, PostedSearch, SearchView, moments, system_and_value
from findings.models import Examination, Patient, Person, Role, Viewing
from findings.rules import NotAllowed

NAME = "AuditEvent"


def readable(person: Person) -> QuerySet[Viewing]:
    """What people of their trust looked at."""
    if not person.has_role(Role.GOVERNANCE):
        raise NotAllowed("Who saw what is for governance leads.")
    return Viewing.objects.filter(person__organisation=person.organisation_id).select_related(
        "person"
    )


def shown(person: Person, rows: list[Viewing]) -> dict[int, Patient]:
    """The patients in these rows of whom their trust has an examination, by id."""
    own = Examination.objects.filter(site__organisation=person.organisation_id)
    patients = Patient.objects.filter(
        pk__in={key for row in rows for key in row.patients}, examinations__in=own
    )
    return {one.pk: one for one in patients.distinct()}


def _by_patient(said: str) -> Q:
    patients = by_identifier(said)
    return Q(patients__overlap=sorted(key for one in patients for key in one.family()) or [0])


def _by_id(said: str) -> Q:
    try:
        patient = Patient.objects.filter(public_id=UUID(said.removeprefix("Patient/"))).first()
    except ValueError:
        raise ValueError("An id that was given out here.") from None
    return Q(patients__overlap=sorted(patient.family()) if patient else [0])


def _by_agent(said: str) -> Q:
    system, code = system_and_value(said)
    if system == USER:
        return Q(person__username=code)
    return Q(person__professional_code__iexact=code)


class AuditEvents(SearchView):
    """The last first."""

    resource = NAME
    params = (
        Param("patient", "reference", _by_id, "By an id that was given out here.", ("entity",)),
        Param(
            "patient.identifier",
            "token",
            _by_patient,
            "NHS number or hospital number, system|value; also patient:identifier.",
            ("patient:identifier", "entity:identifier"),
            id_in_links,
        ),
        Param(
            "agent",
            "reference",
            _by_agent,
            "Who looked, by professional code: value, or system|value.",
            ("agent:identifier",),
        ),
        Param("date", "date", moments("at"), "When."),
        Param("_lastUpdated", "date", moments("at"), "When."),
    )
    sorts = {"date": ""}
    model = Viewing

    def rows(self, person: Person, upto: int) -> QuerySet[Viewing]:
        return readable(person)

    def as_resources(self, rows: Any) -> Any:
        patients = shown(person_of(self.request), rows)
        for row in rows:
            yield address(f"{NAME}/{row.pk}"), writing.audit_event(row, patients)

    def patients_of(self, rows: Any) -> list[int]:
        return list(shown(person_of(self.request), rows))


class AuditEventSearch(PostedSearch, AuditEvents):
    """POST AuditEvent/_search."""

    interactions = ()


class OneAuditEvent(FhirView):
    """That somebody saw something once."""

    resource = NAME
    interactions = ("read",)

    def get(self, request: Request, pk: int) -> Response:
        person = person_of(request)
        row = get_object_or_404(readable(person), pk=pk)
        patients = shown(person, [row])
        saw(self, patients)
        return versioned(writing.audit_event(row, patients), 1, row.at)
