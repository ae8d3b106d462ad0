"""Reports in by JSON, and out again."""

from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.access import REFUSALS, WRITING_REFUSALS, Json, Stable, person_of, saw
from findings.api.errors import Conflict
from findings.api.report_fields import (
    ArrivingReportSerializer,
    FiledSerializer,
    ReportSerializer,
    ReportSummarySerializer,
    arriving_from,
)
from findings.models import Examination, Report, ReportStatus, Role, Sender
from findings.models.people import Person
from findings.services.filing import Outcome
from findings.services.senders import typed_sender
from findings.services.submissions import KeyReused, receive_submission

NO_SUCH_REPORT = "There is no such report, or it is not yours to read."
LONGEST_KEY = 200


class ReportFilter(filters.FilterSet):
    """Which reports."""

    accession = filters.CharFilter(field_name="examination__accession", max_length=80)
    site = filters.CharFilter(field_name="examination__site__ods_code", max_length=12)
    status = filters.ChoiceFilter(choices=ReportStatus.choices)

    class Meta:
        model = Report
        fields: list[str] = []


class ReportView(generics.GenericAPIView):
    """What both addresses have in common."""

    queryset = Report.objects.none()

    def get_queryset(self) -> Any:
        """Versions of the reports that this person may read."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        readable = Examination.objects.visible_to(person_of(self.request))
        return Report.objects.filter(examination__in=readable).select_related(
            "examination__patient", "examination__site", "examination__sender"
        )


class Reports(ReportView, generics.ListAPIView):
    """Versions of reports, the newest received first; and a new one."""

    serializer_class = ReportSummarySerializer
    pagination_class = Stable
    parser_classes = [Json]
    filterset_class = ReportFilter

    @extend_schema(responses={200: ReportSummarySerializer(many=True), **REFUSALS})
    def get(self, request: Request) -> Response:
        response = self.list(request)
        saw(self, self.shown)
        return response

    def paginate_queryset(self, queryset: Any) -> Any:
        rows = super().paginate_queryset(queryset)
        self.shown = [row.examination.patient_id for row in rows or []]
        return rows

    @extend_schema(
        request=ArrivingReportSerializer,
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="Optional: the same content twice is one report anyway. A key that "
                "was used for other content is refused.",
            )
        ],
        responses={
            201: OpenApiResponse(FiledSerializer, "A new report, or a new version of one"),
            200: OpenApiResponse(FiledSerializer, "This version had been received before"),
            **WRITING_REFUSALS,
        },
    )
    def post(self, request: Request) -> Response:
        """Send a report. The same content again is the same report: 200 instead of 201."""
        sender, reporter = sending(person_of(request))
        # Whole, before it is believed; the parser reads it from here.
        body = request._request.body
        given = ArrivingReportSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            outcome, report = receive_submission(
                sender=sender,
                arriving=arriving_from(given.validated_data, reporter),
                body=body,
                key=request.headers.get("Idempotency-Key", "")[:LONGEST_KEY],
                origin=request.path,
                may_wait=reporter is None,
            )
        except KeyReused:
            raise Conflict(
                "key_reused",
                "This Idempotency-Key was used for other content.",
                "Send other content under another key.",
                "Idempotency-Key",
            ) from None
        is_new = outcome != Outcome.DUPLICATE
        return Response(
            FiledSerializer({"outcome": outcome, "report": report}).data,
            status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK,
        )


def sending(person: Person) -> tuple[Sender, Person | None]:
    """Whose report it is: a sending system's, or that of a radiologist who writes it."""
    sender = Sender.objects.filter(account=person).select_related("site").first()
    if sender is not None:
        return sender, None
    if person.has_role(Role.RADIOLOGIST) and person.site is not None:
        return typed_sender(person.site), person
    raise PermissionDenied("Only a sender's account or a radiologist with a site sends reports.")


class OneReport(ReportView):
    """One version of a report, with its words."""

    serializer_class = ReportSerializer

    @extend_schema(responses={200: ReportSerializer, **REFUSALS})
    def get(self, request: Request, public_id: str) -> Response:
        report = self.get_queryset().filter(public_id=public_id).first()
        if report is None:
            raise NotFound(NO_SUCH_REPORT)
        saw(self, [report.examination.patient_id])
        return Response(ReportSerializer(report).data)
