"""Findings out, and the answer to one: the same rules and services as the pages."""

from abc import ABC, abstractmethod
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.access import (
    REFUSALS,
    WRITING_REFUSALS,
    Json,
    Stable,
    person_of,
    saw,
    visible_finding,
)
from findings.api.errors import Conflict
from findings.api.finding_fields import (
    AcknowledgeSerializer,
    DeclineSerializer,
    EventSerializer,
    FindingSerializer,
    FindingSummarySerializer,
)
from findings.models import Category, Finding, Person
from findings.models.finding import FindingQuerySet
from findings.presenters.answering import changed_unread, last_decision, overtaken
from findings.rules import NotAllowed
from findings.services.acknowledge import (
    acknowledge_finding,
    decline_finding,
    keep_late_acknowledgement,
)
from findings.services.flag import people_who_can_own
from findings.services.refusals import keep_refusal
from findings.services.timeline import lock, record_reading
from findings.states import WORDS, MoveRefused


class FindingFilter(filters.FilterSet):
    """Which findings. Without a filter all that the person may see, ended ones too."""

    state = filters.ChoiceFilter(choices=[(state.value, words) for state, words in WORDS.items()])
    category = filters.ModelChoiceFilter(queryset=Category.objects.all())
    site = filters.CharFilter(field_name="site__ods_code", max_length=12)
    overdue = filters.BooleanFilter(method="only_overdue", label="Past a limit that still runs")

    class Meta:
        model = Finding
        fields: list[str] = []

    def only_overdue(self, findings: FindingQuerySet, name: str, wanted: bool) -> QuerySet:
        late = findings.overdue(timezone.now())
        return late if wanted else findings.exclude(pk__in=late.values("pk"))


class Findings(generics.ListAPIView):
    """Findings that this person may see, the last recorded first."""

    queryset = Finding.objects.none()
    serializer_class = FindingSummarySerializer
    pagination_class = Stable
    filterset_class = FindingFilter

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return Finding.objects.visible_to(person_of(self.request)).for_list()

    @extend_schema(responses={200: FindingSummarySerializer(many=True), **REFUSALS})
    def get(self, request: Request) -> Response:
        response = self.list(request)
        saw(self, self.shown)
        return response

    def paginate_queryset(self, queryset: Any) -> Any:
        rows = super().paginate_queryset(queryset)
        self.shown = [row.examination.patient_id for row in rows or []]
        return rows


class OneFinding(generics.GenericAPIView):
    """One finding. Reading it is recorded, and is not an acknowledgement."""

    serializer_class = FindingSerializer

    @extend_schema(responses={200: FindingSerializer, **REFUSALS})
    def get(self, request: Request, reference: str) -> Response:
        finding = visible_finding(self, reference)
        record_reading(finding=finding, by=person_of(request), page="api-finding")
        saw(self, [finding.examination.patient_id])
        return Response(FindingSerializer(finding).data)


class FindingEvents(generics.GenericAPIView):
    """The timeline of one finding, from its flag on."""

    serializer_class = EventSerializer
    pagination_class = None
    filter_backends: list = []

    @extend_schema(responses={200: EventSerializer(many=True), **REFUSALS})
    def get(self, request: Request, reference: str) -> Response:
        finding = visible_finding(self, reference)
        events = finding.events.select_related("by").order_by("number")
        body = EventSerializer(events, many=True).data
        record_reading(finding=finding, by=person_of(request), page="api-finding-events")
        saw(self, [finding.examination.patient_id])
        return Response(body)


class Answer(ABC, generics.GenericAPIView):
    """An answer to a finding: refused with who was first when somebody was."""

    parser_classes = [Json]

    def answer(self, reference: str) -> Response:
        finding = visible_finding(self, reference)
        given = self.get_serializer(data=self.request.data)
        given.is_valid(raise_exception=True)
        by, seen = person_of(self.request), given.validated_data.get("seen")
        try:
            with transaction.atomic():
                if has_seen_too_little(lock(finding), by, seen):
                    raise MoveRefused("Decided since it was read.")
                self.take(finding, by, given.validated_data)
        except MoveRefused:
            kept = self.keep_late(finding, by, given.validated_data)
            too_late = _too_late(finding, seen, kept)
            if not kept:
                self.keep_refusal(finding, by, str(too_late.detail))
            raise too_late from None
        except NotAllowed as not_allowed:
            self.keep_refusal(finding, by, str(not_allowed))
            raise
        answered = visible_finding_or_gone(self, reference)
        saw(self, [finding.examination.patient_id])
        return Response(answered)

    # What it is called where it was refused.
    says = ""

    def keep_refusal(self, finding: Finding, by: Person, because: str) -> None:
        keep_refusal(finding=finding, by=by, what=self.says, because=because[:300])

    @abstractmethod
    def take(self, finding: Finding, by: Person, given: dict[str, Any]) -> None:
        """Make the move."""

    def keep_late(self, finding: Finding, by: Person, given: dict[str, Any]) -> bool:
        """Whether an answer that came too late is kept in the timeline."""
        return False


def has_seen_too_little(finding: Finding, by: Person, seen: int | None) -> bool:
    """Whoever does not say what they have seen must have read it since its report changed: an
    application may have kept the answer back until it had a connection."""
    if seen is None:
        return changed_unread(finding, by)
    return seen < last_decision(finding)


def _too_late(finding: Finding, seen: int | None, kept: bool) -> Conflict:
    said = overtaken(finding, seen or 0, kept=kept)
    return Conflict("overtaken", f"{said.title}. {said.sentence}", "Read the finding again.")


def visible_finding_or_gone(view: generics.GenericAPIView, reference: str) -> dict[str, Any]:
    """The finding after the answer. Whoever passed it on may not see it any more."""
    person = person_of(view.request)
    found = Finding.objects.visible_to(person, or_told=True).filter(reference=reference)
    if not found.exists():
        return {"reference": reference}
    return FindingSerializer(visible_finding(view, reference)).data


class Acknowledge(Answer):
    """Mine, and this is my plan."""

    serializer_class = AcknowledgeSerializer
    says = "acknowledge it"

    @extend_schema(
        request=AcknowledgeSerializer, responses={200: FindingSerializer, **WRITING_REFUSALS}
    )
    def post(self, request: Request, reference: str) -> Response:
        return self.answer(reference)

    def take(self, finding: Finding, by: Person, given: dict[str, Any]) -> None:
        acknowledge_finding(finding=finding, by=by, plan=given["plan"])

    def keep_late(self, finding: Finding, by: Person, given: dict[str, Any]) -> bool:
        seen = given.get("seen") or 0
        return keep_late_acknowledgement(finding=finding, by=by, plan=given["plan"], seen=seen)


class Decline(Answer):
    """Not mine, because; and whose, if that is known. The clock is not reset."""

    serializer_class = DeclineSerializer
    says = "decline it"

    @extend_schema(
        request=DeclineSerializer, responses={200: FindingSerializer, **WRITING_REFUSALS}
    )
    def post(self, request: Request, reference: str) -> Response:
        return self.answer(reference)

    def take(self, finding: Finding, by: Person, given: dict[str, Any]) -> None:
        to = _named(finding, given["to"]) if given["to"] else None
        decline_finding(finding=finding, by=by, because=given["because"], to=to)


def _named(finding: Finding, code: str) -> Person:
    for person in people_who_can_own(finding.examination):
        if person.professional_code.casefold() == code.casefold():
            return person
    raise serializers.ValidationError(
        {"to": "No referring clinician with a team who works here has this code."}, code="unknown"
    )
