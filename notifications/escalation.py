"""What it means that a finding fires: its due steps become lines and notifications.

So does an examination that waits for its report, and an improvement, but for the lines: they have
no timeline, and their steps say by themselves when they fired and, by their messages, whom they
told.

After a gap everything that is due fires together as one telling, at the level that is due now;
never one message a missed step. Which findings are due, and many of them at once: `firing.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from findings.columns import columns
from findings.models import Audience, Clock, Event, Examination, Finding, Improvement, Person, Step
from findings.models.clock import ClockQuerySet
from findings.reach import Subject, waiting
from findings.services.clocks import bring_next_step_forward, climb_on
from findings.services.timeline import Line, record_all
from notifications.audience import Reach, Reached, reach
from notifications.models import Channel, Route, first_ways
from notifications.quiet import held_until

# On the step's own columns: a filter that crosses a join would be answered from the snapshot of
# before somebody else's commit.
CLAIM = """
    UPDATE findings_step SET fired_at = %(at)s
    WHERE clock_id = %(clock)s AND fired_at IS NULL AND cancelled_at IS NULL AND falls_at <= %(at)s
    RETURNING *
"""


@dataclass(frozen=True)
class Fired:
    """What one pass did."""

    steps: int = 0
    notifications: int = 0
    # What an error kept from escalating; the watchdog shows their steps as overdue.
    failed: int = 0
    # Steps that ask for an answer and reach nobody.
    unreached: int = 0

    def __add__(self, other: "Fired") -> "Fired":
        return Fired(
            self.steps + other.steps,
            self.notifications + other.notifications,
            self.failed + other.failed,
            self.unreached + other.unreached,
        )


def fire_finding(finding: Finding, *, at: datetime) -> Fired:
    """Fire whatever of a finding is due at `at` (UTC). The caller holds the finding's lock."""
    return _fire(Subject.of(finding), finding.clocks.all(), at)


def fire_examination(examination: Examination, *, at: datetime) -> Fired:
    """As `fire_finding`, of one that waits for its report."""
    return _fire(waiting([examination])[examination.pk], examination.clocks.all(), at)


def fire_improvement(improvement: Improvement, *, at: datetime) -> Fired:
    """As `fire_finding`, of one that is not done yet."""
    return _fire(Subject.improving(improvement), improvement.clocks.all(), at)


def fire_subject(one: Finding | Examination | Improvement, *, at: datetime) -> Fired:
    """Whichever it is."""
    if isinstance(one, Finding):
        return fire_finding(one, at=at)
    if isinstance(one, Examination):
        return fire_examination(one, at=at)
    return fire_improvement(one, at=at)


def _fire(subject: Subject, clocks: ClockQuerySet, at: datetime) -> Fired:
    fired = Fired()
    for clock in clocks.running().order_by("pk"):
        climbed = _climb(subject, clock, at)
        told = notify(tellings(climbed), at)
        fired += Fired(len(climbed), told, unreached=unreached(climbed))
    return fired


@dataclass(frozen=True)
class Rung:
    """A step that has fired, with whom it reaches."""

    step: Step
    reach: Reach


def _climb(subject: Subject, clock: Clock, at: datetime) -> list[Rung]:
    """Everything of one promise that is due; and as long as the highest step reaches nobody, the
    next one too."""
    climbed: list[Rung] = []
    while due := _claim(clock, at):
        subject = replace(subject, done_by=given_back(due).get(clock.pk, subject.done_by))
        rungs = [Rung(step, reach(subject, step.audience, at)) for step in due]
        highest = rungs[-1]
        record_all(lines_of(rungs, at), at=at)
        climbed += rungs
        if not unreached([highest]):
            break
        bring_forward(clock, "Nobody could be told.", at)
    return climbed


def bring_forward(clock: Clock, because: str, at: datetime) -> None:
    """Its next step falls now, and the timeline of its finding says why."""
    if clock.finding is None:
        climb_on(clock, at)
    else:
        bring_next_step_forward(finding=clock.finding, because=because, at=at, by=None, clock=clock)


def asks_for_an_answer(step: Step) -> bool:
    """Of the ladder or to a new owner; not what only tells somebody that a message failed."""
    return step.level > 0 or step.audience == Audience.OWNER


def unreached(rungs: Iterable[Rung]) -> int:
    """How many of them ask for an answer and reach nobody."""
    return sum(asks_for_an_answer(rung.step) and not rung.reach.told for rung in rungs)


# One look into the index for each, whatever the planner thinks of reading all events.
GAVE_BACK = """
    SELECT due.clock, gave.by_id
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[]) AS due (finding, at, clock)
    CROSS JOIN LATERAL (
        SELECT e.by_id FROM findings_event e
        WHERE e.finding_id = due.finding AND e.at = due.at AND e.by_id IS NOT NULL
            AND (e.kind = 'declined'
                OR (e.kind = 'handed_over' AND e.data -> 'taken_back' = 'true'::jsonb))
        ORDER BY e.number DESC LIMIT 1
    ) gave
"""


def given_back(due: Iterable[Step]) -> dict[int, Person]:
    """By clock: who gave the finding back, where one of these steps falls because of that, at the
    same moment. They know what they did, and it is for others to answer now."""
    fell = {
        (step.finding_id, step.falls_at): step.clock_id
        for step in due
        if step.finding_id and (step.brought_forward_to or not step.level)
    }
    if not fell:
        return {}
    # As arrays: nearly every first message is asked about, and thousands may fall due at once.
    rows = [(finding, at, clock) for (finding, at), clock in fell.items()]
    with connection.cursor() as cursor:
        cursor.execute(GAVE_BACK, columns(rows))
        found = dict(cursor.fetchall())
    people = Person.objects.in_bulk(set(found.values())) if found else {}
    return {clock: people[by] for clock, by in found.items()}


def _claim(clock: Clock, at: datetime) -> list[Step]:
    """The due steps of a running clock, now fired and ours; the highest comes last."""
    claimed = Step.objects.raw(CLAIM, {"at": at, "clock": clock.pk})
    return sorted(claimed, key=height)


def height(step: Step) -> tuple[bool, int, datetime]:
    """Of the steps that are due together the highest is the one that people hear of."""
    return asks_for_an_answer(step), step.level, step.falls_at


def lines_of(rungs: Sequence[Rung], at: datetime) -> Iterator[Line]:
    """What the timeline says of steps that fired together; the highest comes last."""
    highest = rungs[-1].step
    if highest.finding_id is None:
        return
    for rung in rungs:
        step = rung.step
        yield Line(highest.finding_id, Event.Kind.STEP_FIRED, _said(rung, highest, at))
        if not rung.reach.told:
            said = {"level": step.level, "audience": step.audience, "because": rung.reach.reasons}
            yield Line(highest.finding_id, Event.Kind.STEP_UNREACHABLE, said)


def _said(rung: Rung, highest: Step, at: datetime) -> dict[str, Any]:
    step = rung.step
    said = {
        "level": step.level,
        "audience": step.audience,
        "words": step.words,
        "due_at": step.due_at,
        "fired_at": at,
        "late_seconds": int((at - step.falls_at).total_seconds()),
        "told": [str(one.person) for one in rung.reach.told],
    }
    if rung.reach.reasons:
        said["not_told"] = rung.reach.reasons
    if step.pk != highest.pk and asks_for_an_answer(step):
        said["overtaken_by" if step.falls_at < highest.falls_at else "together_with"] = (
            highest.level
        )
    return said


class Telling(NamedTuple):
    """One person who is to hear of one step by one route."""

    step: Step
    route: Route


def tellings(climbed: Sequence[Rung]) -> Iterator[Telling]:
    """Of one promise: what asks for an answer, and beside it what is only news."""
    yield from _telling([rung for rung in climbed if asks_for_an_answer(rung.step)])
    yield from _telling([rung for rung in climbed if not asks_for_an_answer(rung.step)])


def _telling(climbed: Sequence[Rung]) -> Iterator[Telling]:
    """Each person once by each route, all on the highest of these steps."""
    told: dict[int, Reached] = {one.person.pk: one for rung in climbed for one in rung.reach.told}
    for one in told.values():
        step = climbed[-1].step
        for route in first_ways(one.routes, step.priority):
            yield Telling(step, route)


# Rows by the ten thousand: as objects they would take longer than all the rest.
NOTIFY = """
    INSERT INTO notifications_notification (public_id, step_id, finding_id, examination_id,
        improvement_id, recipient_id, route_id, channel, priority, held_until, status, created_at,
        next_attempt_at)
    SELECT gen_random_uuid(), step, finding, examination, improvement, recipient, route, channel,
        priority, held_until, 'queued', %s, coalesce(held_until, %s)
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
        %s::text[], %s::int[], %s::timestamptz[])
        AS t (step, finding, examination, improvement, recipient, route, channel, priority,
            held_until)
"""


def notify(told: Iterable[Telling], at: datetime) -> int:
    """Write the notifications, to be sent from now on or when the quiet hours end; how many."""
    morning = held_until(at)
    rows = [
        (
            *(step.pk, *step.about, route.person_id, route.pk, route.channel, step.priority),
            morning if step.may_wait and route.channel != Channel.IN_APP else None,
        )
        for step, route in told
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(NOTIFY, [at, at, *columns(rows)])
    return len(rows)
