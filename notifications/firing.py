"""FIRE: whatever is due becomes notifications. Database only, and so exactly once.

Any number of processes may do it at once. A batch of findings, of examinations that wait for a
report and of improvements is one transaction: lock them, the most severe and overdue first, passing
over whatever somebody else holds; ask who is told; claim the steps; write lines and notifications.
What a batch cannot do is done alone, a transaction for each: one whose step reaches nobody, and all
of a batch in which anything is wrong. So nothing that is wrong with one stops another.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache

from django.db import connection, transaction

from findings import doorbell
from findings.columns import column
from findings.models import (
    Audience,
    Examination,
    Improvement,
    Organisation,
    Person,
    Step,
    Team,
)
from findings.models.about import About
from findings.reach import READ_BEFORE, Subject, waiting
from findings.services.one_by_one import pass_over
from findings.services.timeline import database_now, lock_if_free, record_all
from notifications.audience import reaches
from notifications.escalation import (
    Fired,
    Rung,
    fire_subject,
    given_back,
    height,
    lines_of,
    notify,
    tellings,
    unreached,
)
from notifications.roll import Question

log = logging.getLogger(__name__)

# A pass begins with a few: the most severe wait for nobody else's lines to be written.
FIRST_BATCH, BATCH = 50, 500
# Seconds. A pass ends before a worker's time limit, however much is due.
PASS = 20.0

# In the order in which people are told: the priority of a step, and when it falls.
Place = tuple[int, datetime]

# The join only finds the findings: a step may have changed since the snapshot, and is claimed below
# on its own columns, under the finding's lock.
TAKE = """
    SELECT s.priority, s.falls_at, f.id, f.owner_person_id, f.owner_team_id, f.team_id,
        f.flagged_by_id, f.organisation_id
    FROM findings_step s JOIN findings_finding f ON f.id = s.finding_id
    WHERE s.fired_at IS NULL AND s.cancelled_at IS NULL AND s.falls_at <= statement_timestamp()
        AND NOT f.id = ANY(%s)
    ORDER BY s.priority, s.falls_at LIMIT %s
    FOR NO KEY UPDATE OF f SKIP LOCKED
"""
# By an index of these steps alone: findings are taken as if there were none.
TAKE_EXAMINATIONS = """
    SELECT s.priority, s.falls_at, e.id
    FROM findings_step s JOIN findings_examination e ON e.id = s.examination_id
    WHERE s.fired_at IS NULL AND s.cancelled_at IS NULL AND s.falls_at <= statement_timestamp()
        AND s.examination_id IS NOT NULL AND NOT e.id = ANY(%s)
    ORDER BY s.priority, s.falls_at LIMIT %s
    FOR NO KEY UPDATE OF e SKIP LOCKED
"""
TAKE_IMPROVEMENTS = """
    SELECT s.priority, s.falls_at, i.id
    FROM findings_step s JOIN findings_improvement i ON i.id = s.improvement_id
    WHERE s.fired_at IS NULL AND s.cancelled_at IS NULL AND s.falls_at <= statement_timestamp()
        AND s.improvement_id IS NOT NULL AND NOT i.id = ANY(%s)
    ORDER BY s.priority, s.falls_at LIMIT %s
    FOR NO KEY UPDATE OF i SKIP LOCKED
"""

CLAIM_ALL = """
    UPDATE findings_step SET fired_at = %s
    WHERE id = ANY(%s::bigint[]) AND fired_at IS NULL AND cancelled_at IS NULL AND falls_at <= %s
"""


def fire_due_steps(*, limit: int = 100_000, told: Callable[[], object] = lambda: None) -> Fired:
    """One pass over what is due, at most `limit` findings: the most severe and overdue first.

    `told` is called whenever there is something new to send: it need not wait for the whole pass.
    What reached nobody is looked into at once: it may belong in the coordinators' queue.
    """
    total, left, size = Fired(), limit, min(FIRST_BATCH, BATCH)
    # Looked at and perhaps still due: what failed, or what nothing could be claimed of.
    seen: set[About] = set()
    ends = time.monotonic() + PASS
    while left > 0 and time.monotonic() < ends:
        taken, fired = _fire_some(min(size, left), seen)
        if not taken:
            break
        left, size = left - taken, min(2 * size, BATCH)
        total += fired
        if fired.notifications:
            told()
    if total.unreached:
        doorbell.look_again_after_commit()
    return total


def _fire_some(size: int, seen: set[About]) -> tuple[int, Fired]:
    """One batch, and alone what it leaves; how many findings and others were looked at."""
    batch = _Batch()
    try:
        with transaction.atomic():
            batch.take(size, seen)
            fired = batch.fire()
    except Exception as error:
        pass_over(log, "findings not escalated together", error, level=logging.WARNING)
        fired, batch.alone = Fired(), list(batch.subjects)
    seen.update(batch.alone)
    for about in batch.alone:
        fired += _fire_alone(about)
    return len(batch.subjects), fired


class _Batch:
    """What fires in one transaction."""

    def __init__(self) -> None:
        self.subjects: dict[About, Subject] = {}
        # Those that have to be fired one at a time.
        self.alone: list[About] = []

    def take(self, size: int, seen: Collection[About]) -> None:
        """Lock so many that have something due, in the order in which people are told.

        The first of all kinds together are among the first of each. What is locked and is not
        among them is free again in a moment.
        """
        findings = _taken(TAKE, [one.finding for one in seen if one.finding], size)
        known = [one.examination for one in seen if one.examination]
        examinations = _taken(TAKE_EXAMINATIONS, known, size)
        looked_at = [one.improvement for one in seen if one.improvement]
        improvements = _taken(TAKE_IMPROVEMENTS, looked_at, size)
        first = sorted(place for place, _ in (*findings, *examinations, *improvements))[:size]
        self.subjects = {
            **_findings([row for place, row in findings if place <= first[-1]]),
            **_examinations([pk for place, (pk,) in examinations if place <= first[-1]]),
            **_improvements([pk for place, (pk,) in improvements if place <= first[-1]]),
        }

    def fire(self) -> Fired:
        if not self.subjects:
            return Fired()
        at = database_now()
        promises = self._promises(at)
        self.alone = _unusual(self.subjects, promises)
        plain = [rungs for rungs in promises if rungs[0].step.about not in set(self.alone)]
        steps = [rung.step for rungs in plain for rung in rungs]
        _claim(steps, at)
        record_all((line for rungs in plain for line in lines_of(rungs, at)), at=at)
        told = notify((one for rungs in plain for one in tellings(rungs)), at)
        return Fired(len(steps), told, unreached=sum(unreached(rungs) for rungs in plain))

    def _promises(self, at: datetime) -> list[list[Rung]]:
        """The due steps of each running clock with whom they reach; the highest comes last."""
        every = list(self._due(at))
        knows = given_back(every)
        due: dict[About, dict[int, list[Step]]] = defaultdict(lambda: defaultdict(list))
        for step in every:
            due[step.about][step.clock_id].append(step)
        of_clocks = [
            sorted(steps, key=height) for about in self.subjects for steps in due[about].values()
        ]
        # Findings that share an owner and a team have the same answer: each question once.
        numbers: dict[tuple[Subject, str], int] = {}
        asked = [
            [numbers.setdefault(self._asked(step, knows), len(numbers)) for step in steps]
            for steps in of_clocks
        ]
        found = reaches([Question(whose, Audience(which), at) for whose, which in numbers])
        return [
            [Rung(step, found[number]) for step, number in zip(steps, its, strict=True)]
            for steps, its in zip(of_clocks, asked, strict=True)
        ]

    def _due(self, at: datetime) -> Iterator[Step]:
        running = Step.objects.unfired().of_running_clocks().filter(falls_at__lte=at)
        if findings := [one.finding for one in self.subjects if one.finding]:
            yield from running.filter(finding__in=findings).order_by("clock")
        if examinations := [one.examination for one in self.subjects if one.examination]:
            yield from running.filter(examination__in=examinations).order_by("clock")
        if improvements := [one.improvement for one in self.subjects if one.improvement]:
            yield from running.filter(improvement__in=improvements).order_by("clock")

    def _asked(self, step: Step, knows: dict[int, Person]) -> tuple[Subject, str]:
        subject = self.subjects[step.about]
        if gave_back := knows.get(step.clock_id):
            subject = replace(subject, done_by=gave_back)
        # Whose answer is in the finding's own offer, or in where its images were made.
        if step.audience in (Audience.OFFERED, Audience.OFFERED_BY, Audience.RADIOLOGISTS):
            subject = replace(subject, finding_id=step.finding_id)
        return subject, step.audience


def _taken(sql: str, seen: Sequence[int], size: int) -> list[tuple[Place, tuple[int, ...]]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(seen), size])
        return [(row[:2], row[2:]) for row in cursor.fetchall()]


def _findings(rows: Sequence[Sequence[int]]) -> dict[About, Subject]:
    people = Person.objects.in_bulk({pk for row in rows for pk in (row[1], row[4]) if pk})
    teams = Team.objects.in_bulk({pk for row in rows for pk in row[2:4] if pk})
    organisations = Organisation.objects.in_bulk({row[5] for row in rows})

    @cache
    def subject(owner: int, owner_team: int, team: int, flagged: int, whose: int) -> Subject:
        """The same for all findings that share it, so that it is asked about once."""
        return Subject(
            people.get(owner),
            teams.get(owner_team),
            teams[team],
            people[flagged],
            organisations[whose],
        )

    return {About(finding=pk): subject(*shared) for pk, *shared in rows}


def _examinations(ids: Sequence[int]) -> dict[About, Subject]:
    if not ids:
        return {}
    found = Examination.objects.select_related(*READ_BEFORE).in_bulk(set(ids))
    subjects = waiting(found.values())
    return {About(examination=pk): subjects[pk] for pk in ids}


def _improvements(ids: Sequence[int]) -> dict[About, Subject]:
    if not ids:
        return {}
    found = Improvement.objects.select_related("owner", "organisation").in_bulk(set(ids))
    return {About(improvement=pk): Subject.improving(found[pk]) for pk in ids}


def _unusual(subjects: Collection[About], promises: Sequence[Sequence[Rung]]) -> list[About]:
    """Where the highest step reaches nobody, so that the ladder climbs on; and where nothing is
    due of a clock that runs."""
    plain = set(subjects) & {rungs[0].step.about for rungs in promises}
    for rungs in promises:
        if unreached(rungs[-1:]):
            plain.discard(rungs[-1].step.about)
    return [about for about in subjects if about not in plain]


def _claim(steps: Sequence[Step], at: datetime) -> None:
    """They have fired, and by us: every writer locks the finding first, and we hold the locks."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_ALL, [at, column(step.pk for step in steps), at])
        if cursor.rowcount != len(steps):
            raise RuntimeError("A step changed under its finding's lock.")
    for step in steps:
        step.fired_at = at


def _fire_alone(about: About) -> Fired:
    """One finding, examination or improvement. Whatever is wrong with it stops no other."""
    try:
        with transaction.atomic():
            return _fire_if_free(about)
    except Exception as error:
        ((what, which),) = ((name, pk) for name, pk in about._asdict().items() if pk)
        pass_over(log, f"{what} not escalated", error, **{what: which})
        return Fired(failed=1)


def _fire_if_free(about: About) -> Fired:
    """Not while somebody is at it: a person who answers, or another process that fires."""
    one = lock_if_free(about)
    if one is None:
        return Fired()
    at = database_now()
    return fire_subject(one, at=at)
