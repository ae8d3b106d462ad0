"""FIRE: steps that are due become notifications. Database only, and so exactly once.

Any number of processes may do it at once. Each finding is a transaction of its own: lock the
finding, claim its due steps, write events and notifications. After a gap everything that is due
fires together as one telling, at the level that is due now; never one message a missed step.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from findings.models import Audience, Event, Finding, Step
from findings.reach import Subject
from findings.services.clocks import bring_next_step_forward
from findings.services.timeline import database_now, record
from notifications.audience import Reach, Reached, reach
from notifications.models import Notification

log = logging.getLogger(__name__)

BATCH = 100

# On the step's own columns: a filter that crosses a join would be answered from the snapshot of
# before somebody else's commit.
CLAIM = """
    UPDATE findings_step SET fired_at = %(at)s
    WHERE finding_id = %(finding)s AND clock_id = ANY(%(clocks)s)
        AND fired_at IS NULL AND cancelled_at IS NULL AND falls_at <= %(at)s
    RETURNING *
"""


@dataclass(frozen=True)
class Fired:
    """What one pass did."""

    steps: int = 0
    notifications: int = 0
    # Findings that an error kept from escalating; the watchdog shows their steps as overdue.
    failed: int = 0

    def __add__(self, other: "Fired") -> "Fired":
        return Fired(
            self.steps + other.steps,
            self.notifications + other.notifications,
            self.failed + other.failed,
        )


def fire_due_steps(*, limit: int = 1000) -> Fired:
    """One pass over what is due, at most `limit` findings: the most severe and overdue first."""
    total = Fired()
    seen: set[int] = set()
    while len(seen) < limit and (batch := _due_findings(seen)):
        seen.update(batch)
        for finding_id in batch:
            total += _fire_alone(finding_id)
    return total


def _due_findings(seen: set[int]) -> list[int]:
    due = Step.objects.due().exclude(finding_id__in=seen).as_told()
    return list(dict.fromkeys(due.values_list("finding_id", flat=True)[:BATCH]))


def _fire_alone(finding_id: int) -> Fired:
    """One finding. Whatever is wrong with it stops no other."""
    try:
        with transaction.atomic():
            finding = (
                Finding.objects.select_for_update(no_key=True, skip_locked=True)
                .filter(pk=finding_id)
                .first()
            )
            # Somebody is at it now: a person who answers, or another process that fires.
            return fire_finding(finding, at=database_now()) if finding else Fired()
    except Exception as error:
        if not connection.in_atomic_block and not connection.is_usable():
            raise
        # By type: the text of an error may quote a row.
        log.error(
            "finding not escalated",
            extra={"finding": finding_id, "error": type(error).__name__},
        )
        return Fired(failed=1)


def fire_finding(finding: Finding, *, at: datetime) -> Fired:
    """Fire whatever of a finding is due at `at` (UTC). The caller holds the finding's lock."""
    climbed = _climb(finding, at)
    ladder = [rung for rung in climbed if asks_for_an_answer(rung.step)]
    news = [rung for rung in climbed if not asks_for_an_answer(rung.step)]
    return Fired(len(climbed), _tell(finding, ladder, at) + _tell(finding, news, at))


@dataclass(frozen=True)
class _Rung:
    """A step that has fired, with whom it reaches."""

    step: Step
    reach: Reach


def _climb(finding: Finding, at: datetime) -> list[_Rung]:
    """Everything that is due; and as long as the highest step reaches nobody, the next one too."""
    subject = Subject.of(finding)
    climbed: list[_Rung] = []
    while due := _claim(finding, at):
        rungs = [_Rung(step, reach(subject, step.audience)) for step in due]
        highest = rungs[-1]
        for rung in rungs:
            _record_fired(finding, rung, highest.step, at)
        climbed += rungs
        if highest.reach.told or not asks_for_an_answer(highest.step):
            break
        bring_next_step_forward(finding=finding, because="Nobody could be told.", at=at, by=None)
    return climbed


def asks_for_an_answer(step: Step) -> bool:
    """Of the ladder or to a new owner; not what only tells somebody that a message failed."""
    return step.level > 0 or step.audience == Audience.OWNER


def _claim(finding: Finding, at: datetime) -> list[Step]:
    """The due steps of the running clocks, now fired and ours; the highest comes last."""
    running = finding.clocks.filter(stopped_at__isnull=True).values_list("pk", flat=True)
    claimed = Step.objects.raw(CLAIM, {"at": at, "finding": finding.pk, "clocks": list(running)})
    return sorted(claimed, key=height)


def height(step: Step) -> tuple[bool, int, datetime]:
    """Of the steps that are due together the highest is the one that people hear of."""
    return asks_for_an_answer(step), step.level, step.falls_at


def _record_fired(finding: Finding, rung: _Rung, highest: Step, at: datetime) -> None:
    step = rung.step
    data = {
        "level": step.level,
        "audience": step.audience,
        "words": step.words,
        "due_at": step.due_at,
        "fired_at": at,
        "late_seconds": int((at - step.falls_at).total_seconds()),
        "told": [str(one.person) for one in rung.reach.told],
    }
    if rung.reach.reasons:
        data["not_told"] = rung.reach.reasons
    if step.pk != highest.pk and asks_for_an_answer(step):
        data["overtaken_by" if step.falls_at < highest.falls_at else "together_with"] = (
            highest.level
        )
    record(finding=finding, kind=Event.Kind.STEP_FIRED, by=None, at=at, **data)
    if not rung.reach.told:
        record(
            finding=finding,
            kind=Event.Kind.STEP_UNREACHABLE,
            by=None,
            at=at,
            level=step.level,
            audience=step.audience,
            because=rung.reach.reasons,
        )


def _tell(finding: Finding, climbed: list[_Rung], at: datetime) -> int:
    """One notification for each person and route, all on the highest of these steps."""
    if not climbed:
        return 0
    told: dict[int, Reached] = {one.person.pk: one for rung in climbed for one in rung.reach.told}
    step = climbed[-1].step
    made = Notification.objects.bulk_create(
        Notification(
            step=step,
            finding=finding,
            recipient=one.person,
            route=route,
            channel=route.channel,
            priority=step.priority,
            created_at=at,
            next_attempt_at=at,
        )
        for one in told.values()
        for route in one.routes
    )
    return len(made)
