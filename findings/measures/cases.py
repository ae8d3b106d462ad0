"""The kinds of rows that measures count, each of one trust."""

from django.db.models import Exists, OuterRef, QuerySet

from findings.measures.measure import Cases
from findings.models import (
    Clock,
    Event,
    Examination,
    Finding,
    Organisation,
    Rating,
    Report,
    ReportStatus,
)
from findings.states import ClockKind

VERIFIED = (ReportStatus.FINAL, ReportStatus.CORRECTED)

FINDINGS = Cases(
    of=lambda trust: Finding.objects.filter(organisation=trust),
    finding="",
    examination="examination__",
    radiologist="flagged_by",
    begun="flagged_at",
    noun="finding",
)
PROMISES = Cases(
    of=lambda trust: Clock.objects.filter(finding__organisation=trust),
    finding="finding__",
    examination="finding__examination__",
    radiologist="finding__flagged_by",
    begun="finding__flagged_at",
    noun="promise",
)
LINES = Cases(
    of=lambda trust: Event.objects.filter(finding__organisation=trust),
    finding="finding__",
    examination="finding__examination__",
    radiologist="finding__flagged_by",
    begun="finding__flagged_at",
    noun="line of a timeline",
    is_append_only=True,
)
RATINGS = Cases(
    of=lambda trust: Rating.objects.standing().filter(finding__organisation=trust),
    finding="finding__",
    examination="finding__examination__",
    radiologist="finding__flagged_by",
    begun="finding__flagged_at",
    noun="rating",
    every=lambda trust: Rating.objects.filter(finding__organisation=trust),
)
EXAMINATIONS = Cases(
    of=lambda trust: Examination.objects.filter(site__organisation=trust),
    finding=None,
    examination="",
    radiologist="current_report__reported_by",
    begun="performed_at",
    noun="examination",
)
WAITS = Cases(
    of=lambda trust: Clock.objects.filter(
        kind=ClockKind.REPORT_BY, examination__site__organisation=trust
    ),
    finding=None,
    examination="examination__",
    radiologist="examination__current_report__reported_by",
    begun="started_at",
    noun="examination",
)


def _first_verified(trust: Organisation) -> QuerySet[Report]:
    earlier = Report.objects.filter(
        examination=OuterRef("examination"), version__lt=OuterRef("version"), status__in=VERIFIED
    )
    verified = Report.objects.filter(status__in=VERIFIED, examination__site__organisation=trust)
    return verified.filter(~Exists(earlier))


# The first verified report of each examination: a correction is no second one.
REPORTS = Cases(
    of=_first_verified,
    finding=None,
    examination="examination__",
    radiologist="reported_by",
    begun="reported_at",
    noun="report",
    every=lambda trust: Report.objects.filter(examination__site__organisation=trust),
)
