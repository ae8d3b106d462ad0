"""Contributory causes that the rows themselves suggest. A person says whether it was one."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from findings.models import Cause, Event, Review
from findings.states import ClockKind
from findings.words import plural

Kind = Event.Kind
# As the step to a team says it (services/leavers.py).
OWNER_LEFT = "the owner has left, and the team holds it"


class Suggested(NamedTuple):
    """A cause, and what in the rows speaks for it, in a sentence."""

    cause: Cause
    because: str


def suggested_causes(review: Review, events: Sequence[Event]) -> list[Suggested]:
    """Of what nobody has answered yet. `events`: the timeline of its finding, if it has one."""
    answered = {one.cause_id for one in review.found_causes.all() if one.undone_at is None}
    broken = {one.clock.kind for one in review.breaches.all()}
    because = dict(_found(events, broken))
    causes = Cause.objects.of(review.organisation_id).filter(code__in=because)
    shared = [one for one in causes if one.organisation_id is None]
    return [Suggested(one, because[one.code]) for one in shared if one.pk not in answered]


def _found(events: Sequence[Event], broken: set[str]) -> Iterator[tuple[str, str]]:
    kinds = [event.kind for event in events]
    if any(event.data.get("words") == OWNER_LEFT for event in events):
        yield "owner_left", "Its owner left while it was open, and the team got it."
    if count := kinds.count(Kind.STEP_UNREACHABLE):
        yield "cover_gap", f"{plural(count, 'step')} of its ladder reached nobody."
    if count := _corrected_after_acknowledgement(kinds):
        yield (
            "corrected_report",
            f"It was opened again after it was acknowledged: {plural(count, 'time')}.",
        )
    if (count := kinds.count(Kind.DECLINED)) > 1:
        yield "wrong_recipient", f"It was declined {count} times."
    if count := kinds.count(Kind.SEND_FAILED):
        yield "not_delivered", f"{plural(count, 'message')} about it could not be delivered."
    if Kind.PATIENT_CHANGED in kinds:
        yield "patient_moved", "The patient was discharged or moved, or died, while it was open."
    if Kind.ACKNOWLEDGED in kinds and ClockKind.ACT in broken:
        yield "acknowledged_not_done", "It was acknowledged, and nothing was recorded in time."


def _corrected_after_acknowledgement(kinds: Sequence[str]) -> int:
    if Kind.ACKNOWLEDGED not in kinds:
        return 0
    return kinds[kinds.index(Kind.ACKNOWLEDGED) :].count(Kind.REOPENED)
