"""The promises of a finding: was somebody told, did they answer and act, was the patient told.

A promise is due in a period if its limit lies there, kept or not. One that is still open past its
limit is not kept; how long promises take is estimated with those that are open as "at least".
"""

from datetime import datetime

from django.db.models import F, Q
from django.db.models.functions import Least

from findings.measures import telling
from findings.measures.cases import FINDINGS, PROMISES
from findings.measures.measure import Measure
from findings.models import Clock
from findings.states import OPEN, ClockKind

ANSWERED = Q(stopped_because=Clock.StoppedBecause.ANSWERED)
RUNNING = Q(stopped_at__isnull=True)
# From the flag, whenever its clock was set anew; but of what was opened again since, a promise of
# before is as long as its own clock ran.
BEGAN = Least("started_at", "finding__counts_from")
# Ended before its limit with nothing owed any more: withdrawn, corrected, handed over.
LEFT_OUT = "Promises that were withdrawn, corrected or handed over before their limit."
LIMIT = "until its limit, as the policy in force at the time promised it"


def _promise(
    code: str, kind: ClockKind, name: str, *, done: Q = ANSWERED, **said: object
) -> Measure:
    """Of promises of one kind: those that were owed at their limit, and of these those kept."""
    owed = RUNNING | Q(stopped_at__gte=F("due_at")) | done
    given = {
        "exclusions": LEFT_OUT,
        "cases": PROMISES,
        "at": "due_at",
        "counted": lambda now: Q(kind=kind) & owed,
        "met": lambda now: done & Q(stopped_at__lte=F("due_at")),
        "is_open": RUNNING,
        "since": "finding__counts_from",
        "took": (BEGAN, "stopped_at", done),
    }
    return Measure(code=code, name=name, **(given | said))  # type: ignore[arg-type]


def _tell_by_passed(now: datetime) -> Q:
    """But for those that were withdrawn before."""
    return Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("tell_by"))


MEASURES = (
    Measure(
        code="told",
        name="Told in time",
        question="Was somebody told of the finding as soon as the trust's policy asks?",
        numerator="Findings of which somebody was told by then: the first message that left by"
        " e-mail, text message or the trust's messaging and did not come back, the first telephone"
        " call, or an acknowledgement. What is only shown in this application does not count.",
        denominator="Findings whose time to tell somebody ended in the period.",
        exclusions="Findings that were withdrawn before it ended, and those of a category for which"
        " the policy gives no such time.",
        clock="From the flag to the time that the policy gives for its category.",
        source="RCR BFCR(16)4, standards 2 and 5; the times are the trust's own",
        cases=FINDINGS,
        at="tell_by",
        counted=_tell_by_passed,
        met=lambda now: telling.told_by_then(),
    ),
    _promise(
        "acknowledged",
        ClockKind.ACKNOWLEDGE,
        "Acknowledged in time",
        question="Does whoever has to act say in time that it is theirs?",
        numerator="Promises that were answered by their limit.",
        denominator="Promises to acknowledge a finding whose limit fell in the period.",
        clock=f"From the flag, or the correction that opened it again, {LIMIT}.",
        source="RCR BFCR(16)4, standard 6; the limits are the trust's own",
    ),
    _promise(
        "acted",
        ClockKind.ACT,
        "Acted on in time",
        question="Is what was acknowledged acted on in time?",
        numerator="Promises for which an action was recorded by the limit.",
        denominator="Promises to act on a finding whose limit fell in the period.",
        clock=f"From the flag {LIMIT}; 24 hours for an urgent finding is national.",
        source="RCR BFCR(16)4, standards 1 and 5; RCR BFCR(12)11 for urgent findings",
    ),
    _promise(
        "acknowledged_not_acted",
        ClockKind.ACT,
        "Acknowledged and not acted on",
        question="How often does an acknowledgement lead to nothing?",
        numerator="Those for which no action was recorded by now.",
        denominator="Promises to act on an acknowledged finding whose limit fell in the period.",
        clock=f"From the flag {LIMIT}.",
        source="Singh 2009: follow-up failed as often after an acknowledgement as without one",
        met=lambda now: RUNNING,
        good="down",
        took=None,
    ),
    _promise(
        "patient_told",
        ClockKind.TELL_PATIENT,
        "Patient told in time",
        question="Does the patient hear of it, from a person, within 21 days?",
        numerator="Promises for which it was recorded by the limit that the patient was told, or"
        " why not.",
        denominator="Promises to tell the patient whose limit fell in the period.",
        clock="From the flag to 21 days after it, which is national guidance.",
        source="NHS England, results release in patient engagement portals: 21 days",
    ),
    _promise(
        "followed_up",
        ClockKind.FOLLOW_UP,
        "Followed up in time",
        # To close a finding asks what became of it.
        done=Q(stopped_because__in=(Clock.StoppedBecause.ANSWERED, Clock.StoppedBecause.CLOSED)),
        question="Is the examination that the radiologist recommended done, or ruled out, in time?",
        numerator="Those for which it was said by the limit what became of it.",
        denominator="Results and recommended examinations awaited by a day in the period.",
        clock="From when it was recommended, or asked for, to the day that was given for it.",
        source="RADAR (Brigham and Women's Hospital): 84 % after a closed loop, 64 % before",
    ),
    _promise(
        "answered",
        ClockKind.ANSWER,
        "Questions answered in time",
        question="Does the radiologist answer what the clinicians ask?",
        numerator="Questions that were answered by their limit.",
        denominator="Questions to the radiologist whose limit fell in the period.",
        exclusions="Questions that were taken back, and all where the trust has no limit.",
        clock=f"From the question {LIMIT}.",
        source="A measure of our own: no source asks for it",
        since="started_at",
        took=(F("started_at"), "stopped_at", ANSWERED),
        if_none="None: the trust has no limit for answers, or nobody asked.",
    ),
    Measure(
        code="closed",
        name="Closed with an outcome",
        question="Is it known what became of it?",
        numerator="Those that are closed by now, which asks for an outcome.",
        denominator="Findings flagged in the period.",
        exclusions="Findings that were withdrawn.",
        clock="From the flag until now: what was flagged lately is mostly open, and rightly.",
        source="NHSE 2016 discharge standards, standard 8: compliance is monitored",
        cases=FINDINGS,
        at="flagged_at",
        counted=lambda now: Q(withdrawn_at__isnull=True),
        met=lambda now: Q(closed_at__isnull=False),
        is_open=Q(state__in=OPEN),
        since="flagged_at",
        took=(F("flagged_at"), "closed_at", Q(closed_at__isnull=False)),
        also_by=("state", "outcome"),
    ),
)
