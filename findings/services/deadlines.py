"""Which deadline holds: the one place where that is decided.

A deadline can get nearer, never farther, without a coordinator's reason: neither when the category
changes, nor when the finding goes to another person or team. The database keeps it, too: a clock
that replaces another is never due later (models/clock.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from findings.models import Audience, Category, Clock, Finding, Person, Rule
from findings.services.calendars import calendar
from findings.services.clocks import planned_steps, start_clock, tell_first_step_now
from findings.services.flag import acknowledge_limit, act_limit
from findings.services.policy import PolicyError, rule_to_promise
from findings.states import ClockKind
from findings.timetable import PlannedStep, parse_duration


@dataclass(frozen=True)
class Promised:
    """A limit with the rule that gives it."""

    rule: Rule
    due_at: datetime


def nearest(promises: Iterable[Promised]) -> Promised:
    return min(promises, key=lambda one: one.due_at)


def categories_that_hold(finding: Finding) -> Sequence[Category]:
    """Its category; and since the limits began to count each one that it had before, back to where
    a coordinator let the later limit hold."""
    holding = [finding.category]
    changes = finding.category_changes.filter(changed_at__gte=finding.counts_from)
    for change in changes.select_related("before").order_by("-changed_at", "-pk"):
        if change.later_because:
            break
        holding.append(change.before)
    return holding


def promised_action(finding: Finding, categories: Iterable[Category] | None = None) -> Promised:
    """By when it must be acted on, under these categories or those that hold."""
    rules = _rules(finding, categories)
    return nearest(Promised(rule, act_limit(finding, rule)) for rule in rules)


def limit_to_act(finding: Finding, rule: Rule | None = None) -> datetime | None:
    """As `promised_action`, for a page; None where no limit is in force. `rule`: that of its
    category, where that never changed and somebody has read it already."""
    try:
        return act_limit(finding, rule) if rule else promised_action(finding).due_at
    except PolicyError:
        return None


def promised_answer(
    finding: Finding, start: datetime, categories: Iterable[Category] | None = None
) -> Promised:
    """By when it must be acknowledged where that counts from `start`."""
    rules = _rules(finding, categories)
    return nearest(Promised(rule, acknowledge_limit(rule, start, finding.site)) for rule in rules)


def _rules(finding: Finding, categories: Iterable[Category] | None) -> list[Rule]:
    wanted = categories_that_hold(finding) if categories is None else categories
    return [rule_to_promise(one) for one in dict.fromkeys(one.local_policy_id for one in wanted)]


def ask_the_next_owner(
    *, finding: Finding, stopped: Sequence[Clock], at: datetime, by: Person | None
) -> Clock:
    """Start the clock to acknowledge of whoever holds the finding now, due no later than what its
    owner before had promised (`stopped`). The caller holds the lock."""
    promised = promised_answer(finding, at)
    rule, started_at, due_at, ladder = promised.rule, at, promised.due_at, None
    before = stopped[0] if stopped else None
    if before is not None and before.due_at < due_at:
        # It may have passed already: then it is as late as it is, whoever holds it.
        due_at = before.due_at
        started_at = at if at < due_at else before.started_at
        ladder = _ladder_to(finding, rule, due_at, at)
    clock = start_clock(
        finding=finding,
        kind=ClockKind.ACKNOWLEDGE,
        rule=rule,
        started_at=started_at,
        due_at=due_at,
        at=at,
        by=by,
        replaces=before,
        ladder=ladder,
    )
    tell_first_step_now(clock=clock, because="Somebody else holds it.", at=at, by=by)
    return clock


def ask_as_before(
    *, finding: Finding, stopped: Sequence[Clock], at: datetime, by: Person | None
) -> Clock:
    """Go on with the last clock to acknowledge, which an answer had stopped that is taken back: its
    limit, or a nearer one if the category has changed since, and its steps that had not fired. The
    caller holds the lock; `stopped` is the clock to act."""
    asked = finding.clocks.filter(kind=ClockKind.ACKNOWLEDGE).latest("pk")
    rule, due_at = asked.rule, min(asked.due_at, stopped[0].due_at)
    unfired = asked.steps.filter(cancelled_at__isnull=False, level__gt=0).order_by("level")
    ladder: Sequence[PlannedStep] = [
        PlannedStep(step.level, step.due_at, Audience(step.audience), step.words)
        for step in unfired
    ]
    promised = promised_answer(finding, asked.started_at)
    if promised.due_at < due_at:
        rule, due_at = promised.rule, promised.due_at
        ladder = _ladder_to(finding, rule, due_at, at)
    return start_clock(
        finding=finding,
        kind=ClockKind.ACKNOWLEDGE,
        rule=rule,
        started_at=asked.started_at,
        due_at=due_at,
        at=at,
        by=by,
        replaces=stopped[0],
        ladder=ladder,
    )


def _ladder_to(
    finding: Finding, rule: Rule, due_at: datetime, at: datetime
) -> Sequence[PlannedStep]:
    """The rule's ladder as if its limit had always been this one, so that nobody hears later than
    the limit asks for; what would have fallen before falls at once."""
    days = calendar(rule.calendar, finding.site)
    within = parse_duration(rule.within(ClockKind.ACKNOWLEDGE))
    return planned_steps(
        rule=rule,
        kind=ClockKind.ACKNOWLEDGE,
        started_at=days.add(due_at, within.backwards),
        due_at=due_at,
        from_at=at,
        site=finding.site,
    )
