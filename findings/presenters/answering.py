"""What a person is told after an answer, and when somebody else was first."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from findings.models import Event, Finding, Person
from findings.models.finding import FindingQuerySet
from findings.presenters.finding import PROMISES
from findings.presenters.timeline import Entry, entries
from findings.states import BY_STATE, ClockKind
from findings.words import due

Kind = Event.Kind
# What changes the question that a person was about to answer. Readings, messages and notes do not.
DECISIONS = (
    Kind.FLAGGED,
    Kind.ACKNOWLEDGED,
    Kind.DECLINED,
    Kind.HANDED_OVER,
    Kind.OFFERED,
    Kind.OFFER_ENDED,
    Kind.ACTED,
    Kind.PATIENT_TOLD,
    Kind.RECOMMENDED,
    Kind.MATCH_REFUSED,
    Kind.FOLLOWED_UP,
    Kind.PATIENT_CHANGED,
    Kind.PATIENT_CHANGE_UNDONE,
    Kind.CONFIRMED,
    Kind.CATEGORY_CHANGED,
    Kind.CLOSED,
    Kind.WITHDRAWN,
    Kind.REOPENED,
)


NOT_SAVED = "Nothing that you wrote has been saved."
KEPT = "Your answer came too late and changed nothing. It is kept in the timeline."


def last_decision(finding: Finding) -> int:
    """The number of the newest event that changes the question: what a form has seen."""
    newest = finding.events.filter(kind__in=DECISIONS).order_by("-number")
    return newest.values_list("number", flat=True).first() or 0


def with_seen(findings: FindingQuerySet) -> FindingQuerySet:
    """Each with its `last_decision` as `seen`: for the forms of a list."""
    newest = Event.objects.filter(finding=OuterRef("pk"), kind__in=DECISIONS).order_by("-number")
    return findings.annotate(seen=Coalesce(Subquery(newest.values("number")[:1]), 0))


def newest_decision(events: Sequence[Event]) -> int:
    """As `last_decision`, of events that have been read."""
    return max((event.number for event in events if event.kind in DECISIONS), default=0)


def changed_unread(finding: Finding, by: Person) -> bool:
    """Whether the report changed and this person has not read the finding since."""
    changed = finding.events.filter(kind=Kind.REOPENED).order_by("-number").first()
    return changed is not None and not (
        finding.events.filter(kind=Kind.READ, by=by, number__gt=changed.number).exists()
    )


@dataclass(frozen=True)
class Overtaken:
    """Why an answer was not taken: what happened since the page was opened."""

    title: str
    sentence: str
    since: list[Entry]


def overtaken(finding: Finding, seen: int, *, kept: bool = False) -> Overtaken:
    """`seen` is the newest decision that the page knew of, 0 where it did not say; the last one
    is shown at the least. `kept`: what was written stands in the timeline, and did not count."""
    decisions = finding.events.filter(kind__in=DECISIONS).select_related("by")
    since = list(decisions.filter(number__gt=seen).order_by("number")) if seen else []
    if not since:
        since = list(decisions.order_by("-number")[:1])
    return Overtaken(*_words(since, KEPT if kept else NOT_SAVED), since=entries(since))


def _words(since: Sequence[Event], became: str) -> tuple[str, str]:
    """`became`: of what was written."""
    if any(event.kind == Kind.REOPENED for event in since):
        return (
            "The report changed since you opened this page",
            f"Read what it says now before you answer. {became}",
        )
    first = since[0]
    if first.kind == Kind.FLAGGED:
        return "This page was out of date", f"{became} Answer again."
    who = f"{first.by} was first" if first.by else "This was answered in the meantime"
    return who, f"{became} Nothing has been overwritten."


def next_limit(finding: Finding) -> str:
    """Action due Wednesday 9 December at 16:40 (in 14 days): what is promised now, empty when it
    ended."""
    clock = finding.clocks.running(*BY_STATE).first()
    if clock is None:
        return ""
    return f"{PROMISES[ClockKind(clock.kind)]} {due(clock.due_at, timezone.now())}"
