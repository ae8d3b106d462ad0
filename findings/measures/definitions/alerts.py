"""How often radiologists flag, for whom, and whether it helped."""

from django.db.models import Exists, OuterRef, Q

from findings.measures.cases import FINDINGS, LINES, RATINGS, REPORTS
from findings.measures.measure import Measure
from findings.models import Audience, Event, Finding, Rating, Step
from findings.states import ClockKind

Kind = Event.Kind


def _has_finding() -> Q:
    return Q(Exists(Finding.objects.filter(examination=OuterRef("examination"))))


def _declined() -> Q:
    return Q(Exists(Event.objects.filter(finding=OuterRef("pk"), kind=Kind.DECLINED)))


def _climbed() -> Q:
    fired = Step.objects.filter(
        finding=OuterRef("pk"), clock__kind=ClockKind.ACKNOWLEDGE, fired_at__isnull=False
    )
    return Q(Exists(fired.exclude(audience=Audience.OWNER)))


def _opened_again() -> Q:
    later = Event.objects.filter(
        finding=OuterRef("finding"), kind=Kind.REOPENED, number__gt=OuterRef("number")
    )
    return Q(Exists(later))


MEASURES = (
    Measure(
        code="alerts",
        name="Reports with an alert",
        question="Is one report in a hundred flagged, or one in ten? Too few and too many are both"
        " a question to ask.",
        numerator="Those in which at least one finding was flagged.",
        denominator="Reports that were verified in the period, each examination once.",
        exclusions="Corrections and addenda of a report that was verified before.",
        clock="None: a share of reports.",
        source="Between 0.97 % (VA, Singh 2009) and 6.6 % (Brigham, 2010-13) elsewhere. A band to"
        " look at, no target; readers agree only moderately on what is a finding (kappa 0.62)",
        cases=REPORTS,
        at="reported_at",
        counted=lambda now: Q(),
        met=lambda now: _has_finding(),
        good=None,
    ),
    Measure(
        code="escalated",
        name="Went beyond the owner",
        question="How often must others be told because nobody has answered?",
        numerator="Those of which a step of the ladder told somebody other than the owner before it"
        " was acknowledged.",
        denominator="Findings flagged in the period.",
        exclusions="Findings that were withdrawn.",
        clock="From the flag until now.",
        source="A measure of our own; RCR AuditLive XR-510 audits that alerts are acted upon",
        cases=FINDINGS,
        at="flagged_at",
        counted=lambda now: Q(withdrawn_at__isnull=True),
        met=lambda now: _climbed(),
        good="down",
        also_by=("level",),
    ),
    Measure(
        code="declined",
        name="Declined",
        question="How often does an alert reach somebody whose patient it is not?",
        numerator="Those that somebody declined at least once.",
        denominator="Findings flagged in the period.",
        exclusions="Findings that were withdrawn.",
        clock="From the flag until now.",
        source="5 % at a London centre in 2017 (BMJ Leader)",
        cases=FINDINGS,
        at="flagged_at",
        counted=lambda now: Q(withdrawn_at__isnull=True),
        met=lambda now: _declined(),
        good="down",
    ),
    Measure(
        code="corrected",
        name="Corrected after the acknowledgement",
        question="How often does a report change after somebody relied on it?",
        numerator="Those after which the report changed and the finding was opened again.",
        denominator="Acknowledgements of the period.",
        exclusions="None.",
        clock="From the acknowledgement until now.",
        source="A measure of our own: no source asks for it",
        cases=LINES,
        at="at",
        counted=lambda now: Q(kind=Kind.ACKNOWLEDGED),
        met=lambda now: _opened_again(),
        good="down",
    ),
    Measure(
        code="useful",
        name="Alerts rated useful",
        question="Do those who act on alerts find them useful?",
        numerator="Those that said it was useful.",
        denominator="Ratings given in the period, the last of each person for each finding.",
        exclusions="Findings that nobody rated: nobody has to.",
        clock="None: a share of ratings.",
        source="A measure of our own: no source asks for it",
        cases=RATINGS,
        at="rated_at",
        counted=lambda now: Q(),
        met=lambda now: Q(useful=Rating.Useful.YES),
        also_by=("useful",),
    ),
)
