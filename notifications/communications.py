"""Communication at /fhir/R4/: who was told of a finding, when and how. Never what was said."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.access import person_of, saw
from findings.fhir import names, writing
from findings.fhir.access import FhirView
from findings.fhir.names import Json, address
from findings.fhir.patients import params as patient_params
from findings.fhir.search import Param, PostedSearch, SearchView, moments, system_and_value, words
from findings.models import Finding, Person
from notifications.models import Channel, Notification

NAME = "Communication"
Status = Notification.Status
STATUS = {
    Status.QUEUED: "preparation",
    Status.SENDING: "in-progress",
    Status.SENT: "completed",
    Status.FAILED: "stopped",
    Status.NOT_NEEDED: "not-done",
}
MODES = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
# The nearest that there is; the words say which it was.
MODE = {Channel.EMAIL: "EMAILWRIT", Channel.SMS: "TYPEWRIT"}


def readable(person: Person) -> QuerySet[Notification]:
    """Messages about the findings that this person may see; who sees one sees who was told."""
    visible = Finding.objects.visible_to(person)
    rows = Notification.objects.filter(finding__in=visible).select_related("recipient", "step")
    return writing.with_patient(rows, "finding__examination__patient")


def communication(row: Notification) -> Json:
    """One message to one person by one route."""
    finding = row.finding
    assert finding is not None, "of a finding only"
    said = {
        "resourceType": NAME,
        "id": str(row.public_id),
        "meta": {"lastUpdated": (row.sent_at or row.created_at).isoformat()},
        "contained": [writing.patient(finding.examination.patient)],
        "status": STATUS[Status(row.status)],
        "medium": [
            names.concept(MODES, MODE.get(Channel(row.channel), "ELECTRONIC"))
            | {"text": row.get_channel_display()}
        ],
        "subject": writing.subject(finding.examination.patient),
        "about": [{"reference": f"Task/{finding.reference}", "type": "Task"}],
        "recipient": [names.practitioner(row.recipient)],
        "reasonCode": [{"text": row.step.words}],
    }
    if row.sent_at:
        said["sent"] = row.sent_at.isoformat()
    if row.seen_at:
        said["received"] = row.seen_at.isoformat()
    if row.status == Status.NOT_NEEDED:
        said["statusReason"] = {"text": "The finding was answered before it left."}
    return said


def _by_id(said: str) -> Q:
    try:
        return Q(public_id=UUID(said))
    except ValueError:
        return Q(pk__in=[])


def _by_recipient(said: str) -> Q:
    system, code = system_and_value(said)
    if system == names.USER:
        return Q(recipient__username=code)
    return Q(recipient__professional_code__iexact=code)


class Communications(SearchView):
    """The last that was written first."""

    resource = NAME
    params = (
        Param("_id", "token", _by_id, "Its id."),
        Param(
            "about",
            "reference",
            lambda said: Q(finding__reference__iexact=said.removeprefix("Task/")),
            "The Task that it is about: Task/F-….",
        ),
        Param(
            "recipient",
            "reference",
            _by_recipient,
            "Who was told, by professional code: value, or system|value.",
            ("recipient:identifier",),
        ),
        *patient_params("finding__examination__patient", "subject"),
        Param(
            "status",
            "token",
            words("status", {theirs: [ours.value] for ours, theirs in STATUS.items()}),
            "As docs/fhir.md maps it.",
        ),
        Param("sent", "date", moments("sent_at"), "When it went out."),
    )
    model = Notification

    def rows(self, person: Person, upto: int) -> QuerySet[Notification]:
        return readable(person)

    def as_resources(self, rows: Any) -> Any:
        for row in rows:
            yield address(f"{NAME}/{row.public_id}"), communication(row)

    def patients_of(self, rows: Any) -> list[int]:
        return [row.finding.examination.patient_id for row in rows]


class CommunicationSearch(PostedSearch, Communications):
    """POST Communication/_search."""

    interactions = ()


class OneCommunication(FhirView):
    """That somebody was told something once."""

    resource = NAME
    interactions = ("read",)

    def get(self, request: Request, public_id: str) -> Response:
        row = get_object_or_404(readable(person_of(request)), public_id=public_id)
        saw(self, [row.its_finding.examination.patient_id])
        return Response(communication(row))
