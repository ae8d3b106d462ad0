"""Improvements: asked for after a review, done by their day, and checked against a measure.

Each has a clock of its own, which climbs the same ladder as a finding's: to its owner, then to the
governance leads (docs/adr/0044). Every writer locks the improvement first.
"""

from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from findings import doorbell
from findings.learning_rules import (
    check_can_ask_for_improvement,
    check_can_check_improvement,
    check_can_end_improvement,
    check_can_give_improvement,
    check_can_give_up_improvement,
)
from findings.measures import MEASURES
from findings.models import Clock, Improvement, ImprovementChange, Person, Review, Step
from findings.models.clock import IMPROVE_PRIORITY
from findings.services.clocks import planned_steps, stop_without_line
from findings.services.policy import PolicyError, rule_to_promise
from findings.services.policy_checks import IMPROVE_POLICY
from findings.services.timeline import database_now, lock
from findings.states import ClockKind

Because = Clock.StoppedBecause


class Ended(Exception):
    """Somebody was first. The message is a sentence that says who."""


@transaction.atomic
def ask_for_improvement(
    *,
    by: Person,
    what: str,
    owner: Person,
    due_on: date,
    measure: str,
    review: Review | None = None,
    at: datetime | None = None,
) -> Improvement:
    """What is to change, by whom and until which day, and the measure that is to get better."""
    check_can_ask_for_improvement(by)
    at = at or database_now()
    if measure not in MEASURES:
        raise ValueError("Choose one of the measures of this application.")
    if not owner.is_active:
        raise ValueError(f"{owner} no longer works here.")
    if due_on < timezone.localdate(at):
        raise ValueError("The day has to be today or later.")
    improvement = Improvement.objects.create(
        organisation_id=by.organisation_id,
        review=review,
        what=what.strip(),
        owner=owner,
        due_on=due_on,
        measure=measure,
        asked_at=at,
        asked_by=by,
    )
    start_clock(improvement, at)
    return improvement


def start_clock(improvement: Improvement, at: datetime) -> Clock | None:
    """Its promise, until the end of its day. None where the trust has not signed the ladder: then
    nobody is told by a message, and its page says so."""
    try:
        rule = rule_to_promise(IMPROVE_POLICY)
    except PolicyError:
        return None
    started_at, due_at = improvement.asked_at, _end_of(improvement.due_on)
    kind = ClockKind.IMPROVE
    clock = Clock.objects.create(
        improvement=improvement, kind=kind, rule=rule, started_at=started_at, due_at=due_at
    )
    ladder = planned_steps(rule=rule, kind=kind, from_at=at, started_at=started_at, due_at=due_at)
    Step.objects.bulk_create(
        Step(
            clock=clock,
            improvement=improvement,
            level=step.level,
            audience=step.audience,
            words=step.words,
            priority=IMPROVE_PRIORITY,
            may_wait=True,
            due_at=step.due_at,
        )
        for step in ladder
    )
    doorbell.ring_after_commit()
    return clock


def without_clock() -> QuerySet[Improvement]:
    """Open ones that no clock counts down: asked for before the trust signed the ladder."""
    running = Clock.objects.running(ClockKind.IMPROVE).filter(improvement=OuterRef("pk"))
    return Improvement.objects.open().filter(~Exists(running))


@transaction.atomic
def start_missing_clock(improvement: Improvement) -> Clock | None:
    """Doing it twice changes nothing."""
    improvement = lock(improvement)
    if not improvement.is_open or improvement.clocks.running().exists():
        return None
    return start_clock(improvement, database_now())


@transaction.atomic
def carry_out(
    *,
    improvement: Improvement,
    by: Person,
    evidence: str,
    in_force_on: date,
    at: datetime | None = None,
) -> Improvement:
    """It is done, and where that can be seen. What was before `in_force_on` is compared with what
    came after."""
    improvement = _lock_open(improvement)
    check_can_end_improvement(by, improvement)
    if in_force_on > timezone.localdate(at):
        raise ValueError("It has to be in force before it is done.")
    return _end(improvement, by, Improvement.Outcome.DONE, evidence, in_force_on, at)


@transaction.atomic
def give_up(*, improvement: Improvement, by: Person, because: str) -> Improvement:
    """It will not be done, and why."""
    improvement = _lock_open(improvement)
    check_can_give_up_improvement(by, improvement)
    return _end(improvement, by, Improvement.Outcome.GIVEN_UP, because, None, None)


@transaction.atomic
def give_to(*, improvement: Improvement, by: Person, to: Person, because: str) -> Improvement:
    """Somebody else owns it from now on, and hears of it at the next step. Its day stays."""
    improvement = _lock_open(improvement)
    check_can_give_improvement(by, improvement)
    if to.pk == improvement.owner_id:
        raise ValueError(f"{to} owns it already.")
    if not to.is_active:
        raise ValueError(f"{to} no longer works here.")
    ImprovementChange.objects.create(
        improvement=improvement, before=improvement.owner, after=to, because=because.strip(), by=by
    )
    improvement.owner = to
    improvement.save(update_fields=["owner"])
    return improvement


@transaction.atomic
def check(
    *, improvement: Improvement, by: Person, worked: str, note: str, at: datetime | None = None
) -> Improvement:
    """Somebody looked at the measure, before and after, and says whether it worked: once."""
    improvement = lock(improvement)
    check_can_check_improvement(by, improvement)
    if improvement.checked_at:
        raise Ended(f"{improvement.checked_by} has said already whether it worked.")
    assert improvement.ended_at is not None, "only what is done is checked"
    improvement.checked_at = max(at or database_now(), improvement.ended_at)
    improvement.checked_by, improvement.worked = by, worked
    improvement.check_note = note.strip()
    improvement.save(update_fields=["checked_at", "checked_by", "worked", "check_note"])
    return improvement


def _lock_open(improvement: Improvement) -> Improvement:
    improvement = lock(improvement)
    if not improvement.is_open:
        how = improvement.get_outcome_display().lower()
        raise Ended(f"{improvement.ended_by} has recorded already that it is {how}.")
    return improvement


def _end(
    improvement: Improvement,
    by: Person,
    outcome: Improvement.Outcome,
    evidence: str,
    in_force_on: date | None,
    at: datetime | None,
) -> Improvement:
    at = max(at or database_now(), improvement.asked_at)
    improvement.ended_at, improvement.ended_by, improvement.outcome = at, by, outcome
    improvement.evidence, improvement.in_force_on = evidence.strip(), in_force_on
    improvement.save(update_fields=["ended_at", "ended_by", "outcome", "evidence", "in_force_on"])
    is_done = outcome == Improvement.Outcome.DONE
    for clock in improvement.clocks.running():
        stop_without_line(clock, Because.ANSWERED if is_done else Because.GIVEN_UP, at)
    return improvement


def _end_of(day: date) -> datetime:
    """The first moment after a day in local time."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
