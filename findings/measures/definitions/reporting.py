"""Are examinations reported in time, and are reports read."""

from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from findings.measures.cases import EXAMINATIONS, FINDINGS, VERIFIED, WAITS
from findings.measures.measure import Measure
from findings.models import Clock, Event, NoReport, Report

NATIONAL_LIMIT = timedelta(days=28)


def _in_28_days() -> Q:
    return Q(
        Exists(
            Report.objects.filter(
                examination=OuterRef("pk"),
                status__in=VERIFIED,
                reported_at__lte=OuterRef("performed_at") + NATIONAL_LIMIT,
            )
        )
    )


def _no_report() -> QuerySet[NoReport]:
    return NoReport.objects.standing().filter(examination=OuterRef("pk"))


def _unreported() -> Q:
    return ~Q(current_report__status__in=VERIFIED) | Q(current_report__isnull=True)


def _read_by_its_holder() -> Q:
    read = Event.objects.filter(finding=OuterRef("pk"), kind=Event.Kind.READ)
    theirs = Q(by=OuterRef("owner_person")) | Q(by__memberships__team=OuterRef("team"))
    return Q(acknowledged_at__isnull=False) | Q(Exists(read.filter(theirs)))


MEASURES = (
    Measure(
        code="reported",
        name="Reported within 28 days",
        question="Is every examination reported within four weeks?",
        numerator="Those with a verified report by then.",
        denominator="Examinations that were 28 days old in the period.",
        exclusions="Those of which it was said that no report is to be expected, and those of which"
        " nobody said when the images were made.",
        clock="From when the images were made to 28 days later.",
        source="NHS England, Diagnostic imaging reporting turnaround times (August 2023)",
        cases=EXAMINATIONS,
        at="performed_at",
        after=NATIONAL_LIMIT,
        counted=lambda now: ~Q(Exists(_no_report())),
        met=lambda now: _in_28_days(),
        is_open=_unreported(),
        since="performed_at",
        target=100,
        target_source="NHS England, as the Royal College of Radiologists describes it",
    ),
    Measure(
        code="reported_pathway",
        name="Reported within the trust's own limit",
        question="Is every examination reported as soon as the trust has promised for its kind of"
        " referral?",
        numerator="Those with a verified report by the limit.",
        denominator="Examinations that were known to wait for their report, whose own limit fell in"
        " the period.",
        exclusions="Those under the national limit alone.",
        clock="From when the images were made to the limit that the trust has signed for"
        " in-patients, emergencies or suspected cancer.",
        source="The trust's own policy: the national numbers by pathway were not available",
        cases=WAITS,
        at="due_at",
        counted=lambda now: (
            Q(rule__policy_id__startswith="DEF-TAT-")
            & (
                Q(stopped_at__isnull=True)
                | Q(stopped_at__gte=F("due_at"))
                | Q(stopped_because=Clock.StoppedBecause.REPORTED)
            )
        ),
        met=lambda now: Q(
            stopped_because=Clock.StoppedBecause.REPORTED, stopped_at__lte=F("due_at")
        ),
        is_open=Q(stopped_at__isnull=True),
        since="started_at",
        took=(F("started_at"), "stopped_at", Q(stopped_because=Clock.StoppedBecause.REPORTED)),
        if_none="None: the trust has entered no limits of its own, or none fell in this time.",
    ),
    Measure(
        code="read",
        name="Flagged reports read",
        question="Does somebody who could act open the report?",
        numerator="Findings that whoever holds them, or somebody of the team, has opened here or"
        " acknowledged.",
        denominator="Findings flagged in the period.",
        exclusions="Findings that were withdrawn. Reports without a finding: whether they were read"
        " in another system is not known here.",
        clock="From the flag until now.",
        source="RCR AuditLive XR-508, Assessing if radiology reports are read",
        cases=FINDINGS,
        at="flagged_at",
        counted=lambda now: Q(withdrawn_at__isnull=True),
        met=lambda now: _read_by_its_holder(),
        target=100,
        target_source="RCR AuditLive XR-508 (an audit template)",
    ),
)
