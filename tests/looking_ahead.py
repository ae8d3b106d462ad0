"""What the page of coverage looks ahead for, asked for one part of it."""

from datetime import datetime

from findings.models import Examination, Finding, Organisation
from findings.models.finding import FindingQuerySet
from findings.services.coverage import Coverage, coverage_of_everything
from findings.services.duties import Duties


def coverage_of(findings: FindingQuerySet, now: datetime) -> list[Coverage]:
    """Every open one of these, with its next step and all those of the coming week."""
    return coverage_of_everything(findings, Examination.objects.none(), [], now).findings


def duties_of(organisation: Organisation, now: datetime) -> Duties:
    nothing = Finding.objects.none(), Examination.objects.none()
    (duties,) = coverage_of_everything(*nothing, [organisation], now).duties
    return duties
