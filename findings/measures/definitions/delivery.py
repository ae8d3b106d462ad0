"""Do the steps reach somebody, and do the messages arrive."""

from django.db.models import Exists, Q

from findings.measures.cases import LINES
from findings.measures.measure import Measure
from findings.measures.telling import came_back
from findings.models import Event

Kind = Event.Kind


def _ended() -> Q:
    """One line for each message that left or was given up, but for what is only shown here: what
    came back had left before."""
    failed = (
        Q(kind=Kind.SEND_FAILED)
        & ~Q(data__contains={"again": True})
        & ~Q(data__contains={"came_back": True})
    )
    return (Q(kind=Kind.SENT) | failed) & ~Q(data__contains={"channel": "in_app"})


def _did_not_arrive() -> Q:
    return Q(kind=Kind.SEND_FAILED) | Q(Exists(came_back()))


MEASURES = (
    Measure(
        code="unreached",
        name="Steps that reached nobody",
        question="How often is there nobody whom a step could tell?",
        numerator="Those for which nobody could be reached.",
        denominator="Steps of ladders that fired in the period.",
        exclusions="None.",
        clock="None: a share of steps.",
        source="A measure of our own: a silence here is what this application is against",
        cases=LINES,
        at="at",
        counted=lambda now: Q(kind=Kind.STEP_FIRED),
        met=lambda now: Q(data__told=[]),
        good="down",
        target=0,
        target_source="Our own: every step should reach somebody",
    ),
    Measure(
        code="undelivered",
        name="Messages that did not arrive",
        question="How often does a message not arrive?",
        numerator="Those that were refused for good, given up, or came back.",
        denominator="Messages by e-mail, text message or the trust's messaging that left or were"
        " given up in the period.",
        exclusions="What is shown in this application, and tries after which another followed.",
        clock="None: a share of messages.",
        source="A measure of our own; receipts are read, not assumed",
        cases=LINES,
        at="at",
        counted=lambda now: _ended(),
        met=lambda now: _did_not_arrive(),
        good="down",
        also_by=("route",),
    ),
)
