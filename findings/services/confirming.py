"""Whoever can answer what an alert code proposes is told of it, before its limit runs out.

By a clock of the examination that ends when the first of its open proposals is flagged unanswered:
the radiologist who reported it hears at once, then the radiologists of the site, then the
coordinators (docs/adr/0024). A rule without steps tells nobody, and starts no clock.

Every caller holds the examination's lock.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from findings import doorbell
from findings.models import Audience, Clock, Examination, Proposal, Rule, Step
from findings.services.clocks import planned_steps, stop_without_line
from findings.services.policy import PolicyError, rule_to_promise
from findings.services.policy_checks import CONFIRM_POLICIES, CONFIRM_POLICY
from findings.states import ClockKind
from findings.timetable import PlannedStep, still_to_tell

Because = Clock.StoppedBecause


def rule_of(category: str) -> Rule:
    """How long an alert code of this category may wait. Raises `PolicyError` where no limit is in
    force."""
    return rule_to_promise(CONFIRM_POLICIES.get(category, CONFIRM_POLICY))


def begin_telling(examination: Examination, *, at: datetime) -> None:
    """Something was proposed: let its clock start, or an earlier limit hold."""
    _fit(examination, examination.clocks.running(ClockKind.CONFIRM).first(), at)


def go_on_telling(examination: Examination, *, at: datetime) -> None:
    """Something was answered: let its clock stop, or the limit of what is left hold."""
    if running := examination.clocks.running(ClockKind.CONFIRM).first():
        _fit(examination, running, at)


def _fit(examination: Examination, running: Clock | None, at: datetime) -> None:
    proposals = examination.proposals.open().select_related("category", "report__reported_by")
    first = proposals.order_by("due_at", "pk").first()
    told: Counter[str] = Counter()
    if running is not None:
        if first is not None and first.due_at == running.due_at:
            return
        is_nearer = first is not None and first.due_at < running.due_at
        stop_without_line(running, Because.NEARER if is_nearer else Because.ANSWERED, at)
        if not is_nearer:  # they know of this one, too
            fired = running.steps.filter(fired_at__isnull=False, level__gt=0)
            told.update(fired.values_list("audience", flat=True))
    if first is not None and first.due_at > at:
        _start(first, told, at)


def _start(proposal: Proposal, told: Counter[str], at: datetime) -> None:
    examination = proposal.examination
    try:
        rule = rule_of(proposal.category_id)
    except PolicyError:
        return  # it is flagged in the next round
    given: dict[str, Any] = {"started_at": proposal.proposed_at, "due_at": proposal.due_at}
    ladder = planned_steps(
        rule=rule, kind=ClockKind.CONFIRM, from_at=at, site=examination.site, **given
    )
    if not ladder:
        return
    clock = Clock.objects.create(
        examination=examination, kind=ClockKind.CONFIRM, rule=rule, **given
    )
    whom = [(step, _audience(step, proposal)) for step in still_to_tell(ladder, told, at)]
    Step.objects.bulk_create(
        Step(
            clock=clock,
            examination=examination,
            level=step.level,
            audience=audience,
            words=step.words,
            due_at=step.due_at,
            priority=proposal.category.priority,
            may_wait=proposal.category.held_at_night,
        )
        for step, audience in whom
    )
    doorbell.ring_after_commit()


def _audience(step: PlannedStep, proposal: Proposal) -> str:
    """Where we do not know who reported it, whoever can answer hears in their place."""
    reporter = proposal.report.reported_by
    if step.audience == Audience.RADIOLOGIST and (reporter is None or not reporter.is_active):
        return Audience.RADIOLOGISTS
    return step.audience
