"""Addresses under /fhir/R4/, without a slash at their end, as FHIR has them."""

from django.urls import path, register_converter

import findings.addresses  # noqa: F401  registers <reference:…>
from findings.fhir import audit, reports, supporting, tasks
from findings.fhir.capability import Metadata


class VersionConverter:
    """A version, or the number of a row: what fits into the database."""

    regex = r"[0-9]{1,9}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(VersionConverter, "version")

urlpatterns = [
    path("metadata", Metadata.as_view(), name="fhir-metadata"),
    path("DiagnosticReport", reports.Reports.as_view(), name="fhir-reports"),
    path("DiagnosticReport/_search", reports.ReportSearch.as_view(), name="fhir-report-search"),
    path("DiagnosticReport/<uuid:public_id>", reports.OneReport.as_view(), name="fhir-report"),
    path(
        "DiagnosticReport/<uuid:public_id>/_history",
        reports.ReportHistory.as_view(),
        name="fhir-report-history",
    ),
    path(
        "DiagnosticReport/<uuid:public_id>/_history/<version:version>",
        reports.ReportVersion.as_view(),
        name="fhir-report-version",
    ),
    path("Task", tasks.Tasks.as_view(), name="fhir-tasks"),
    path("Task/_search", tasks.TaskSearch.as_view(), name="fhir-task-search"),
    path("Task/<reference:reference>", tasks.OneTask.as_view(), name="fhir-task"),
    path("Patient", supporting.Patients.as_view(), name="fhir-patients"),
    path("Patient/_search", supporting.PatientSearch.as_view(), name="fhir-patient-search"),
    path("Patient/<uuid:public_id>", supporting.OnePatient.as_view(), name="fhir-patient"),
    path("ServiceRequest", supporting.Requests.as_view(), name="fhir-requests"),
    path("ServiceRequest/_search", supporting.RequestSearch.as_view(), name="fhir-request-search"),
    path("ServiceRequest/<uuid:public_id>", supporting.OneRequest.as_view(), name="fhir-request"),
    path("AuditEvent", audit.AuditEvents.as_view(), name="fhir-audit-events"),
    path("AuditEvent/_search", audit.AuditEventSearch.as_view(), name="fhir-audit-event-search"),
    path("AuditEvent/<version:pk>", audit.OneAuditEvent.as_view(), name="fhir-audit-event"),
]
