"""Clocks and steps: starting a promise, stopping it, and bringing its next step nearer."""

from collections.abc import Collection, Sequence
from datetime import datetime

from findings import doorbell, news
from findings.models import (
    Audience,
    Clock,
    Event,
    Finding,
    Pause,
    Person,
    Question,
    Recommendation,
    Rule,
    Site,
    Step,
)
from findings.services.calendars import calendar
from findings.services.timeline import record
from findings.states import BY_STATE, CLOCK_OF, ClockKind, State
from findings.timetable import Calendar, PlannedStep, steps

# What a step says in the timeline where it tells of a correction; its message says so, too.
REPORT_CHANGED = "the report has changed"


def planned_steps(
    *,
    rule: Rule,
    kind: ClockKind,
    started_at: datetime,
    due_at: datetime,
    from_at: datetime,
    site: Site | None = None,
    days: Calendar | None = None,
) -> Sequence[PlannedStep]:
    """The ladder of a rule with its moments: what will be promised, or was."""
    return steps(
        [rung for rung in rule.rungs.all() if rung.clock == kind],
        started_at=started_at,
        due_at=due_at,
        calendar=days or calendar(rule.calendar, site),
        from_at=from_at,
    )


def start_clock(
    *,
    finding: Finding,
    kind: ClockKind,
    rule: Rule,
    started_at: datetime,
    due_at: datetime,
    at: datetime,
    by: Person | None,
    replaces: Clock | None = None,
    later_because: str = "",
    ladder: Sequence[PlannedStep] | None = None,
    question: Question | None = None,
) -> Clock:
    """Start a promise and write out every step of it as a row.

    `replaces`: the stopped clock in whose stead it runs; the database refuses a later limit unless
    `later_because` says why. `ladder`: the steps where they are not simply those of the rule.
    """
    clock = Clock.objects.create(
        finding=finding,
        kind=kind,
        question=question,
        rule=rule,
        started_at=started_at,
        due_at=due_at,
        replaces=replaces,
        later_because=later_because,
    )
    if ladder is None:
        ladder = planned_steps(
            rule=rule,
            kind=kind,
            started_at=started_at,
            due_at=due_at,
            from_at=at,
            site=finding.site,
        )
    Step.objects.bulk_create(_step(clock, finding, step) for step in ladder)
    record(
        finding=finding,
        kind=Event.Kind.CLOCK_STARTED,
        by=by,
        at=at,
        clock=kind,
        due_at=due_at,
        policy=str(rule),
        steps=len(ladder),
    )
    doorbell.ring_after_commit()
    return clock


def _step(clock: Clock, finding: Finding, planned: PlannedStep) -> Step:
    return Step(
        clock=clock,
        finding=finding,
        level=planned.level,
        audience=planned.audience,
        words=planned.words,
        priority=finding.category.priority,
        may_wait=finding.category.held_at_night,
        due_at=planned.due_at,
    )


def stop_clocks(
    *,
    finding: Finding,
    because: Clock.StoppedBecause,
    at: datetime,
    by: Person | None,
    kinds: Collection[ClockKind] | None = None,
    question: Question | None = None,
) -> list[Clock]:
    """Stop what runs of these kinds and cancel its unfired steps; which did. Without `kinds`: the
    clocks that follow the state, since the others go on whoever holds the finding; or that of one
    `question`."""
    if question is None:
        running = list(finding.clocks.running(*(kinds or _of_state(finding))))
    else:
        running = list(finding.clocks.running(ClockKind.ANSWER).filter(question=question))
    Clock.objects.filter(pk__in=[clock.pk for clock in running]).update(
        stopped_at=at, stopped_because=because
    )
    stopped = [clock.pk for clock in running]
    Step.objects.filter(clock__in=stopped).unfired().update(cancelled_at=at)
    Pause.objects.open().filter(clock__in=stopped).update(ended_at=at)
    for clock in running:
        record(
            finding=finding,
            kind=Event.Kind.CLOCK_STOPPED,
            by=by,
            at=at,
            clock=clock.kind,
            because=because,
            due_at=clock.due_at,
        )
    return running


def _of_state(finding: Finding) -> Collection[ClockKind]:
    """A recommended examination is awaited in every state until somebody says what became of it."""
    if open_recommendation(finding) is None:
        return BY_STATE
    return [kind for kind in BY_STATE if kind != ClockKind.FOLLOW_UP]


def open_recommendation(finding: Finding) -> Recommendation | None:
    """The further examination that is still awaited, if one is."""
    return finding.recommendations.filter(ended_at__isnull=True).first()


def clock_of_state(finding: Finding) -> Clock:
    """The running clock that its state asks for; an open finding always has it."""
    kind = CLOCK_OF[State(finding.state)]
    return finding.clocks.running(kind).get()


def bring_next_step_forward(
    *, finding: Finding, because: str, at: datetime, by: Person | None, clock: Clock | None = None
) -> Step | None:
    """Make the next step of a clock that is still to come fall now: of the one that its state
    asks for, unless another is given. None when the ladder is at its end.

    `because` is a sentence for the timeline.
    """
    step = climb_on(clock or clock_of_state(finding), at)
    if step is None:
        return None
    record(
        finding=finding,
        kind=Event.Kind.STEP_BROUGHT_FORWARD,
        by=by,
        at=at,
        level=step.level,
        audience=step.audience,
        due_at=step.due_at,
        because=because,
    )
    return step


def tell_first_step_now(*, clock: Clock, because: str, at: datetime, by: Person | None) -> None:
    """A first step that waits lets a flag be undone (docs/adr/0033). Whoever is asked again, or
    asked in somebody's place, hears at once: there is no flag to undo, and the news is new."""
    if not clock.steps.filter(falls_at__lte=at).exists():
        bring_next_step_forward(
            finding=clock.its_finding, because=because, at=at, by=by, clock=clock
        )


def climb_on(clock: Clock, at: datetime) -> Step | None:
    """The next step of this clock that is still to come falls now, whatever it is of; None at the
    end of its ladder. Of an examination no timeline says so: the step itself does."""
    to_come = clock.steps.unfired().filter(falls_at__gt=at)
    step = to_come.order_by("falls_at", "level").first()
    if step is not None:
        clock.steps.unfired().filter(pk=step.pk).update(brought_forward_to=at, waits_until=None)
        doorbell.ring_after_commit()
    return step


def stop_without_line(clock: Clock, because: Clock.StoppedBecause, at: datetime) -> None:
    """Of an examination or an improvement, which has no timeline that would say so."""
    # Our clock may have gone back since.
    clock.stopped_at, clock.stopped_because = max(at, clock.started_at), because
    clock.save(update_fields=["stopped_at", "stopped_because"])
    Step.objects.filter(clock=clock).unfired().update(cancelled_at=at)


def tell_owner_now(*, finding: Finding, words: str, at: datetime) -> None:
    """An extra step of the running clock, due now: the owner changed or the report did."""
    tell_now(finding=finding, audience=Audience.OWNER, words=words, at=at)


def tell_now(*, finding: Finding, audience: Audience, words: str, at: datetime) -> None:
    """An extra step of the clock of its state, due now, beside the ladder: its level is 0."""
    _step(clock_of_state(finding), finding, PlannedStep(0, at, audience, words)).save()
    doorbell.ring_after_commit()


def tell_of_wait(*, beside: Step, audience: Audience, words: str, at: datetime) -> None:
    """An extra step of a clock that is of no finding, due now, beside this one of its ladder."""
    another(beside, PlannedStep(0, at, audience, words)).save()
    doorbell.ring_after_commit()


def another(step: Step, planned: PlannedStep) -> Step:
    """A further step of the same clock, not saved yet."""
    return Step(
        clock_id=step.clock_id,
        finding_id=step.finding_id,
        examination_id=step.examination_id,
        improvement_id=step.improvement_id,
        level=planned.level,
        audience=planned.audience,
        words=planned.words,
        priority=step.priority,
        may_wait=step.may_wait,
        due_at=planned.due_at,
    )


def tell_news(
    *,
    finding: Finding,
    clock: Clock,
    audience: Audience,
    words: str,
    at: datetime,
    by: Person | None = None,
) -> None:
    """Tell what nobody has to act on, now and in this transaction: an extra step of a clock that
    still runs, fired as it is made. Nobody to tell: no step. `by` did it and is not told.

    The caller holds the finding's lock.
    """
    news.tell(_step(clock, finding, PlannedStep(0, at, audience, words)), by)
