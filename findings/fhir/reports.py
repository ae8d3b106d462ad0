"""DiagnosticReport: in from senders, out to whoever may read it.

The resource is the examination's report, its versions are ours: `versionId` counts them as they
arrived, and the current one is the one that was verified last (docs/fhir.md).
"""

from typing import Any

from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.http import Http404
from django.shortcuts import get_object_or_404
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.access import person_of, saw
from findings.api.reports import sending
from findings.fhir import names, writing
from findings.fhir.access import FhirView, resource_of, versioned
from findings.fhir.arriving import (
    NAME,
    answer,
    by_public_id,
    file,
    read_as,
    replaced,
    sender_of,
    unless_of,
)
from findings.fhir.names import Json, address
from findings.fhir.outcome import Issue, Refused
from findings.fhir.patients import params as patient_params
from findings.fhir.search import (
    Param,
    PostedSearch,
    SearchView,
    moments,
    system_and_value,
    words,
)
from findings.models import Examination, Finding, Person, Report, ReportIdentifier, ReportStatus
from findings.services.submissions import Submission

# A report is not as it should be to one person and as it is to another: the version says.
_RANK = Case(
    *(When(status=value, then=Value(rank)) for rank, value in enumerate(ReportStatus.values)),
    output_field=IntegerField(),
)


def readable(person: Person) -> QuerySet[Report]:
    """Every version of the reports that this person may read."""
    return Report.objects.filter(examination__in=Examination.objects.visible_to(person))


def read_with_task(person: Person) -> QuerySet[Report]:
    """As above; and those to which a Task leads that they may read because they were told of it."""
    tasks = Finding.objects.visible_to(person, or_told=True)
    led_to = Report.objects.filter(examination__in=tasks.values("examination"))
    return readable(person) | led_to


def current_of(reports: QuerySet[Report], upto: int) -> QuerySet[Report]:
    """Of each examination the version that was the one to read when `upto` was the newest row.

    Rows are never changed, so that every page of one search sees the same. Nearly always it is the
    one to read now; only where that came later the others have to be compared.
    """
    better = (
        Report.objects.filter(examination=OuterRef("examination"), pk__lte=upto)
        .annotate(rank=_RANK)
        .filter(
            Q(reported_at__gt=OuterRef("reported_at"))
            | Q(reported_at=OuterRef("reported_at"), rank__gt=OuterRef("rank"))
            | Q(
                reported_at=OuterRef("reported_at"),
                rank=OuterRef("rank"),
                version__gt=OuterRef("version"),
            )
        )
    )
    is_current = Q(examination__current_report=F("pk"))
    was_current = Q(examination__current_report__gt=upto) & ~Exists(better)
    return reports.filter(pk__lte=upto).annotate(rank=_RANK).filter(is_current | was_current)


def _identified(said: str) -> Q:
    """By accession, or by an identifier of the report itself."""
    system, value = system_and_value(said)
    named = ReportIdentifier.objects.filter(value=value)
    if system is None:
        by_accession = Q(examination__accession=value)
        return by_accession | Q(examination__in=named.values("examination"))
    if whose := sender_of(system):
        return Q(examination__accession=value, examination__sender=whose)
    return Q(examination__in=named.filter(system=system).values("examination"))


def _by_id(said: str) -> Q:
    return by_public_id(said, "examination__public_id")


SEARCHED = (
    Param("_id", "token", _by_id, "The report's id."),
    Param(
        "identifier",
        "token",
        _identified,
        "The accession, or an identifier of the report: value, or system|value.",
        ("based-on:identifier",),
    ),
    *patient_params("examination__patient", "subject"),
    Param(
        "status",
        "token",
        words("status", {theirs: [ours.value] for theirs, ours in names.STATUSES.items()}),
        "As FHIR has it.",
    ),
    Param(
        "date",
        "date",
        moments("done_at"),
        "When the images were made; when the report was issued where nobody said.",
    ),
    Param("issued", "date", moments("reported_at"), "When this version was verified."),
    Param("_lastUpdated", "date", moments("received_at"), "When this version arrived."),
)


class Reports(SearchView):
    """Search, and create."""

    resource = NAME
    interactions: tuple[str, ...] = ("search-type", "create")
    params = SEARCHED
    sorts = {"_lastUpdated": "", "issued": "reported_at"}
    model = Report

    def rows(self, person: Person, upto: int) -> QuerySet[Report]:
        done_at = Coalesce("examination__performed_at", "reported_at")
        found = current_of(readable(person), upto).annotate(done_at=done_at)
        return writing.with_all_of_reports(found)

    def as_resources(self, rows: Any) -> Any:
        for row in rows:
            yield address(f"{NAME}/{row.examination.public_id}"), writing.report(row)

    def patients_of(self, rows: Any) -> list[int]:
        return [row.examination.patient_id for row in rows]

    def post(self, request: Request) -> Response:
        """A report: a new one, a new version of one, or one that was there already (200)."""
        sender, reporter = sending(person_of(request))
        # Whole, before it is believed; the parser reads it from here.
        body = request._request.body
        read = read_as(sender, resource_of(request, NAME), reporter)
        submission = Submission(read, unless=unless_of(request, sender))
        (filed,) = file(request, sender, [submission], body, may_wait=reporter is None)
        return answer(filed)


class ReportSearch(PostedSearch, Reports):
    """POST DiagnosticReport/_search."""

    interactions = ()


class OneReport(FhirView):
    """Read the version to read now, and send the next one."""

    resource = NAME
    interactions = ("read", "update")

    def get(self, request: Request, public_id: str) -> Response:
        rows = read_with_task(person_of(request)).filter(examination__public_id=public_id)
        return show(self, rows.filter(examination__current_report=F("pk")))

    def put(self, request: Request, public_id: str) -> Response:
        sender, reporter = sending(person_of(request))
        body = request._request.body
        sent = resource_of(request, NAME)
        if str(sent.get("id", "")).lower() != str(public_id):
            raise Refused(400, Issue("It has to be the id in the address.", f"{NAME}.id", "value"))
        said = request.headers.get("If-Match", "")
        examination, version = replaced(sender, public_id, said)
        read = read_as(sender, sent, reporter)
        submission = Submission(read, replaces=examination, version=version)
        (filed,) = file(request, sender, [submission], body, may_wait=reporter is None)
        return answer(filed, created=status.HTTP_200_OK)


class ReportHistory(FhirView):
    """Every version, the last that arrived first."""

    resource = NAME
    interactions = ("history-instance",)

    def get(self, request: Request, public_id: str) -> Response:
        found = readable(person_of(request)).filter(examination__public_id=public_id)
        rows = list(writing.with_all_of_reports(found).order_by("-version"))
        if not rows:
            raise Http404
        saw(self, [rows[0].examination.patient_id])
        return Response(
            {
                "resourceType": "Bundle",
                "type": "history",
                "total": len(rows),
                "link": [{"relation": "self", "url": address(f"{NAME}/{public_id}/_history")}],
                "entry": [_version(row) for row in rows],
            }
        )


def _version(row: Report) -> Json:
    where = f"{NAME}/{row.examination.public_id}"
    was_first = row.version == 1
    return {
        "fullUrl": address(where),
        "resource": writing.report(row),
        "request": {
            "method": "POST" if was_first else "PUT",
            "url": NAME if was_first else where,
        },
        "response": {
            "status": "201" if was_first else "200",
            "etag": f'W/"{row.version}"',
            "lastModified": row.received_at.isoformat(),
        },
    }


class ReportVersion(FhirView):
    """One version as it arrived."""

    resource = NAME
    interactions = ("vread",)

    def get(self, request: Request, public_id: str, version: int) -> Response:
        rows = readable(person_of(request)).filter(examination__public_id=public_id)
        return show(self, rows.filter(version=version))


def show(view: FhirView, rows: QuerySet[Report]) -> Response:
    """The one report, or 404 when it does not exist or is not this person's to read."""
    row = get_object_or_404(writing.with_all_of_reports(rows))
    saw(view, [row.examination.patient_id])
    return versioned(writing.report(row), row.version, row.received_at)
