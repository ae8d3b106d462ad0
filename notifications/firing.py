"""FIRE: whatever is due becomes notifications. Database only, and so exactly once.

Any number of processes may do it at once. A batch of findings is one transaction: lock them, the
most severe and overdue first, passing over whatever somebody else holds; ask who is told; claim
the steps; write lines and notifications. What a batch cannot do is done alone, a transaction for
each finding: one whose step reaches nobody, and all of a batch in which anything is wrong. So
nothing that is wrong with one stops another.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import connection, transaction

from findings.models import Audience, Finding, Organisation, Person, Step, Team
from findings.reach import Subject
from findings.services.one_by_one import pass_over
from findings.services.timeline import database_now, record_all
from notifications.audience import reaches
from notifications.escalation import (
    Fired,
    Rung,
    asks_for_an_answer,
    fire_finding,
    height,
    lines_of,
    notify,
    tellings,
)
from notifications.roll import Question

log = logging.getLogger(__name__)

# A pass begins with a few: the most severe wait for nobody else's lines to be written.
FIRST_BATCH, BATCH = 50, 500
# Seconds. A pass ends before a worker's time limit, however much is due.
PASS = 20.0

# The join only finds the findings: a step may have changed since the snapshot, and is claimed below
# on its own columns, under the finding's lock.
TAKE = """
    SELECT f.id, f.owner_person_id, f.owner_team_id, f.team_id, f.flagged_by_id, f.organisation_id
    FROM findings_step s JOIN findings_finding f ON f.id = s.finding_id
    WHERE s.fired_at IS NULL AND s.cancelled_at IS NULL AND s.falls_at <= statement_timestamp()
        AND NOT f.id = ANY(%s)
    ORDER BY s.priority, s.falls_at LIMIT %s
    FOR NO KEY UPDATE OF f SKIP LOCKED
"""


def fire_due_steps(*, limit: int = 100_000, told: Callable[[], object] = lambda: None) -> Fired:
    """One pass over what is due, at most `limit` findings: the most severe and overdue first.

    `told` is called whenever there is something new to send: it need not wait for the whole pass.
    """
    total, left, size = Fired(), limit, min(FIRST_BATCH, BATCH)
    # Looked at and perhaps still due: what failed, or what nothing could be claimed of.
    seen: set[int] = set()
    ends = time.monotonic() + PASS
    while left > 0 and time.monotonic() < ends:
        taken, fired = _fire_some(min(size, left), seen)
        if not taken:
            break
        left, size = left - taken, min(2 * size, BATCH)
        total += fired
        if fired.notifications:
            told()
    return total


def _fire_some(size: int, seen: set[int]) -> tuple[int, Fired]:
    """One batch, and alone what it leaves; how many findings were looked at."""
    batch = _Batch()
    try:
        with transaction.atomic():
            batch.take(size, seen)
            fired = batch.fire()
    except Exception as error:
        pass_over(log, "findings not escalated together", error, level=logging.WARNING)
        fired, batch.alone = Fired(), list(batch.subjects)
    seen.update(batch.alone)
    for finding_id in batch.alone:
        fired += _fire_alone(finding_id)
    return len(batch.subjects), fired


class _Batch:
    """Findings that fire in one transaction."""

    def __init__(self) -> None:
        self.subjects: dict[int, Subject] = {}
        # Those that have to be fired one at a time.
        self.alone: list[int] = []

    def take(self, size: int, seen: Collection[int]) -> None:
        """Lock so many findings that have something due, in the order in which people are told."""
        with connection.cursor() as cursor:
            cursor.execute(TAKE, [list(seen), size])
            rows = cursor.fetchall()
        people = Person.objects.in_bulk({pk for row in rows for pk in (row[1], row[4]) if pk})
        teams = Team.objects.in_bulk({pk for row in rows for pk in row[2:4] if pk})
        organisations = Organisation.objects.in_bulk({row[5] for row in rows})
        for pk, owner, owner_team, team, flagged_by, organisation in rows:
            self.subjects[pk] = Subject(
                people.get(owner),
                teams.get(owner_team),
                teams[team],
                people[flagged_by],
                organisations[organisation],
                pk,
            )

    def fire(self) -> Fired:
        if not self.subjects:
            return Fired()
        at = database_now()
        promises = self._promises(at)
        self.alone = _unusual(self.subjects, promises)
        plain = [rungs for rungs in promises if rungs[0].step.finding_id not in set(self.alone)]
        steps = [rung.step for rungs in plain for rung in rungs]
        _claim(steps, at)
        record_all((line for rungs in plain for line in lines_of(rungs, at)), at=at)
        return Fired(len(steps), notify((one for rungs in plain for one in tellings(rungs)), at))

    def _promises(self, at: datetime) -> list[list[Rung]]:
        """The due steps of each running clock with whom they reach; the highest comes last."""
        due: dict[int, dict[int, list[Step]]] = defaultdict(lambda: defaultdict(list))
        running = Step.objects.unfired().filter(
            finding__in=self.subjects, clock__stopped_at__isnull=True, falls_at__lte=at
        )
        for step in running.order_by("clock"):
            due[step.finding_id][step.clock_id].append(step)  # type: ignore[index]
        of_clocks = [
            sorted(steps, key=height) for pk in self.subjects for steps in due[pk].values()
        ]
        asked = {step.pk: self._question(step, at) for steps in of_clocks for step in steps}
        # Findings that share an owner and a team have the same answer: each question once.
        questions = list(dict.fromkeys(asked.values()))
        found = dict(zip(questions, reaches(questions), strict=True))
        return [[Rung(step, found[asked[step.pk]]) for step in steps] for steps in of_clocks]

    def _question(self, step: Step, at: datetime) -> Question:
        subject = self.subjects[step.finding_id]  # type: ignore[index]
        # Whose answer is in the finding's own offer.
        if step.audience not in (Audience.OFFERED, Audience.OFFERED_BY):
            subject = replace(subject, finding_id=None)
        return Question(subject, Audience(step.audience), at)


def _unusual(subjects: Collection[int], promises: Sequence[Sequence[Rung]]) -> list[int]:
    """Where the highest step reaches nobody, so that the ladder climbs on; and where nothing is
    due of a clock that runs."""
    plain = set(subjects) & {rungs[0].step.finding_id for rungs in promises}
    for rungs in promises:
        if asks_for_an_answer(rungs[-1].step) and not rungs[-1].reach.told:
            plain.discard(rungs[-1].step.finding_id)
    return [pk for pk in subjects if pk not in plain]


def _claim(steps: Sequence[Step], at: datetime) -> None:
    """They have fired, and by us: every writer locks the finding first, and we hold the locks."""
    mine = Step.objects.unfired().filter(pk__in=[step.pk for step in steps], falls_at__lte=at)
    if mine.update(fired_at=at) != len(steps):
        raise RuntimeError("A step changed under its finding's lock.")
    for step in steps:
        step.fired_at = at


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
        pass_over(log, "finding not escalated", error, finding=finding_id)
        return Fired(failed=1)
