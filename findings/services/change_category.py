"""Another category for a finding: what is promised from then on, shown before it is saved.

For each promise the old limit and the new one, counted from the same start, and the nearer of the
two holds; a coordinator may let the later one hold, with a reason. Where the new one holds, its
clock takes the place of the old one: what has fired does not fire again, what would have fired by
now falls at once. Everything unfired is told in the order of the new category.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db import transaction

from findings.models import Category, CategoryChange, Clock, Event, Finding, Person, Rule, Step
from findings.rules import NotAllowed, can_let_be_later, check_can_change_category
from findings.services.clocks import (
    clock_of_state,
    planned_steps,
    start_clock,
    stop_clocks,
    tell_owner_now,
)
from findings.services.deadlines import promised_action
from findings.services.flag import acknowledge_limit, act_limit, follow_up_date
from findings.services.policy import check_may_promise, limit_at, rule_in_force, rule_to_promise
from findings.services.tell_patient import hold_if_died, start_patient_clock
from findings.services.timeline import lock, moment, move, record
from findings.states import ClockKind, Move, State
from findings.timetable import still_to_tell


@dataclass(frozen=True)
class Foreseen:
    """One promise, and what another category means for it."""

    kind: ClockKind
    old_due_at: datetime
    new_due_at: datetime
    new_rule: Rule
    # None for the time to act while an answer is still awaited: no clock runs for it yet.
    clock: Clock | None

    @property
    def is_later(self) -> bool:
        return self.new_due_at > self.old_due_at

    def changes(self, may_be_later: bool) -> bool:
        """Whether the new limit holds from now on, and is another one."""
        return self.new_due_at != self.old_due_at and (may_be_later or not self.is_later)

    def holds(self, may_be_later: bool) -> datetime:
        return self.new_due_at if self.changes(may_be_later) else self.old_due_at


class Standing:
    """What is promised now, and may change: read once for any number of categories."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding

    @cached_property
    def clock(self) -> Clock:
        return clock_of_state(self.finding)

    @cached_property
    def act_by(self) -> datetime:
        is_acting = self.finding.state == State.ACKNOWLEDGED
        return self.clock.due_at if is_acting else promised_action(self.finding).due_at

    @cached_property
    def of_patient(self) -> Clock | None:
        running = self.finding.clocks.running(ClockKind.TELL_PATIENT)
        return running.select_related("rule").first()

    @cached_property
    def _rules(self) -> dict[str, Rule]:
        every = Rule.objects.in_force().prefetch_related("signatures")
        return {rule.policy_id: rule for rule in every}

    def rule(self, policy_id: str) -> Rule:
        """As `rule_to_promise`."""
        rule = self._rules.get(policy_id) or rule_in_force(policy_id)
        check_may_promise(rule)
        return rule


def foresee_change(
    finding: Finding, category: Category, stands: Standing | None = None
) -> list[Foreseen]:
    """What this category would change of what is promised; an examination or a result that is
    awaited has its own date, whatever the category. Raises `PolicyError` where its limits may not
    start a clock."""
    stands = stands or Standing(finding)
    return [*_of_state(finding, category, stands), *_of_patient(finding, category, stands)]


def _of_state(finding: Finding, category: Category, stands: Standing) -> Iterator[Foreseen]:
    if finding.state == State.ACTED_ON:
        return
    clock, rule = stands.clock, stands.rule(category.local_policy_id)
    if finding.state == State.AWAITING:
        answer_by = acknowledge_limit(rule, clock.started_at, finding.site)
        yield Foreseen(ClockKind.ACKNOWLEDGE, clock.due_at, answer_by, rule, clock)
    acting = clock if finding.state == State.ACKNOWLEDGED else None
    yield Foreseen(ClockKind.ACT, stands.act_by, act_limit(finding, rule), rule, acting)


def _of_patient(finding: Finding, category: Category, stands: Standing) -> Iterator[Foreseen]:
    clock, policy_id = stands.of_patient, category.patient_policy_id
    if clock is None or not policy_id or policy_id == clock.rule.policy_id:
        return
    rule = stands.rule(policy_id)
    due_at = limit_at(rule, ClockKind.TELL_PATIENT, clock.started_at, finding.site)
    if due_at is not None:
        yield Foreseen(ClockKind.TELL_PATIENT, clock.due_at, due_at, rule, clock)


def change_category(
    *,
    finding: Finding,
    by: Person,
    category: Category,
    because: str,
    later_because: str = "",
    primary_site: str = "",
    at: datetime | None = None,
) -> Finding:
    """Give a finding another category. Its owner is told at once.

    `later_because`: a coordinator's reason why a later limit may hold; empty, the nearer holds.
    Raises `NotAllowed`, `MoveRefused`, `PolicyError`, and ValueError for what is missing.
    """
    with transaction.atomic():
        finding = lock(finding)
        check_can_change_category(by, finding)
        _check(finding, by, category, because, later_because, primary_site)
        at = at or moment(finding)
        move(finding, Move.CHANGE_CATEGORY)
        foreseen = foresee_change(finding, category)
        change = CategoryChange.objects.create(
            finding=finding,
            before=finding.category,
            after=category,
            because=because.strip(),
            later_because=later_because.strip(),
            changed_by=by,
            changed_at=at,
        )
        _take_over(finding, category, primary_site)
        _record(change, foreseen)
        for one in foreseen:
            if one.clock is not None and one.changes(bool(change.later_because)):
                _replace(one.clock, one, change, finding)
        _go_with(finding, category)
        _start_what_is_missing(finding, at, by)
        tell_owner_now(finding=finding, words=_news(change), at=at)
    return finding


def _check(
    finding: Finding,
    by: Person,
    category: Category,
    because: str,
    later_because: str,
    primary_site: str,
) -> None:
    if not because.strip():
        raise ValueError("Changing the category needs a reason.")
    if category.pk == finding.category_id:
        raise ValueError("It has this category already.")
    if later_because.strip() and not can_let_be_later(by, finding):
        raise NotAllowed("Only a coordinator can let a later limit hold.")
    if category.asks_primary_site and not (primary_site.strip() or finding.primary_site):
        raise ValueError("This category needs the suspected primary site, or unknown.")


def _take_over(finding: Finding, category: Category, primary_site: str) -> None:
    finding.category = category
    finding.primary_site = primary_site.strip() or finding.primary_site
    rule = rule_to_promise(category.local_policy_id)
    finding.recommended_on = finding.recommended_on or follow_up_date(rule, finding.counts_from)
    finding.save()


def _record(change: CategoryChange, foreseen: Sequence[Foreseen]) -> None:
    record(
        finding=change.finding,
        kind=Event.Kind.CATEGORY_CHANGED,
        by=change.changed_by,
        at=change.changed_at,
        before=change.before_id,
        after=change.after_id,
        because=change.because,
        later_because=change.later_because,
        limits=[
            {
                "clock": one.kind,
                "old": one.old_due_at,
                "new": one.new_due_at,
                "holds": one.holds(bool(change.later_because)),
            }
            for one in foreseen
        ],
    )


def _replace(clock: Clock, new: Foreseen, change: CategoryChange, finding: Finding) -> None:
    """The new limit from the old start; what has been told on the way here is not told again."""
    at, by = change.changed_at, change.changed_by
    told = Counter(_told(clock))
    news = list(clock.steps.unfired().filter(level=0))
    because = Clock.StoppedBecause.CATEGORY
    stop_clocks(finding=finding, because=because, at=at, by=by, kinds=[new.kind])
    ladder = planned_steps(
        rule=new.new_rule,
        kind=new.kind,
        started_at=clock.started_at,
        due_at=new.new_due_at,
        from_at=at,
        site=finding.site,
    )
    start_clock(
        finding=finding,
        kind=new.kind,
        rule=new.new_rule,
        started_at=clock.started_at,
        due_at=new.new_due_at,
        at=at,
        by=by,
        replaces=clock,
        later_because=change.later_because if new.is_later else "",
        # An offer that nobody has heard of yet is still to be told.
        ladder=[*still_to_tell(ladder, told, at), *(step.planned for step in news)],
    )


def _told(clock: Clock | None) -> Iterator[str]:
    """The audiences of the steps of its ladder that have fired; and of those whose place it took
    when the category changed before."""
    while clock is not None:
        fired = clock.steps.filter(level__gt=0, fired_at__isnull=False)
        yield from fired.values_list("audience", flat=True)
        before = clock.replaces
        changed = Clock.StoppedBecause.CATEGORY
        clock = before if before and before.stopped_because == changed else None


def _go_with(finding: Finding, category: Category) -> None:
    """What is still to be told goes in the new category's order. What could not wait for the
    morning still cannot: that, too, gets nearer only."""
    unfired = Step.objects.unfired().filter(finding=finding)
    unfired.exclude(priority=category.priority).update(priority=category.priority)
    if not category.held_at_night:
        unfired.filter(may_wait=True).update(may_wait=False)


def _start_what_is_missing(finding: Finding, at: datetime, by: Person) -> None:
    """A category that asks for the patient to be told, after one that did not; and where a clock
    was replaced, what held it."""
    if finding.patient_told_at is None:
        start_patient_clock(finding=finding, at=at, by=by)
        hold_if_died(finding=finding, at=at)


def _news(change: CategoryChange) -> str:
    if change.after.priority < change.before.priority:
        return "the category changed, and it is more urgent"
    return "the category changed"
