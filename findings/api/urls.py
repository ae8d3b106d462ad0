"""Addresses of the JSON API, under /api/v1/."""

from django.urls import path

import findings.addresses
import findings.api.schema  # noqa: F401  registers itself
from findings.api import findings as cases
from findings.api import measures, reports

urlpatterns = [
    path("reports/", reports.Reports.as_view(), name="api-reports"),
    path("reports/<uuid:public_id>/", reports.OneReport.as_view(), name="api-report"),
    path("findings/", cases.Findings.as_view(), name="api-findings"),
    path("findings/<reference:reference>/", cases.OneFinding.as_view(), name="api-finding"),
    path(
        "findings/<reference:reference>/events/",
        cases.FindingEvents.as_view(),
        name="api-finding-events",
    ),
    path(
        "findings/<reference:reference>/acknowledge/",
        cases.Acknowledge.as_view(),
        name="api-acknowledge",
    ),
    path("findings/<reference:reference>/decline/", cases.Decline.as_view(), name="api-decline"),
    path("measures/", measures.Measures.as_view(), name="api-measures"),
    path("measures/<slug:code>/", measures.OneMeasure.as_view(), name="api-measure"),
    path("measures/<slug:code>/rows/", measures.MeasureRows.as_view(), name="api-measure-rows"),
]
