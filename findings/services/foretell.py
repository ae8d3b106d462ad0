"""What a change would do to open findings, and to examinations that wait for their report: whom
their coming steps tell, before and after it.

The change is made, the question that the engine asks is asked again, and everything is taken back:
what is shown is what would happen. A change of people, leave, posts, rotas or teams moves no limit,
so that all there is to see is who would hear. What is new in a timeline by it (somebody leaves, and
the team is asked) is told of by whoever holds the finding then.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import Case, Q, When

from findings import reach
from findings.models import Audience, Examination, Finding, Person, Post, RotaEntry, Step
from findings.models.clock import REPORT_BY_PRIORITY, StepQuerySet
from findings.reach import Look, StepPreview, Subject
from findings.services.alike import (
    BY_WHOSE,
    Alike,
    Kind,
    Seen,
    Stretches,
    Told,
    Whose,
    alike,
    see,
)
from findings.services.concerns import AHEAD, Concern
from findings.services.coverage import HOLDER
from findings.services.duties import WATCHERS
from findings.services.taken_back import taken_back
from findings.states import ClockKind
from findings.timetable import PlannedStep

# The first of them are named; the others are as many as they are.
NAMED = 10
# What says who is told of a finding, and in words of what it is.
WHOSE = ("owner_person", "owner_team", "team", "flagged_by", "organisation", "category")


@dataclass(frozen=True)
class Difference:
    """One finding of which somebody else would hear, or an examination without a report: the first
    step of which then nobody would, or else the first for which it is so."""

    subject: Finding | Examination
    audience: str
    words: str
    due_at: datetime
    before: Told
    after: Told
    # Why nobody would; empty where somebody does.
    nobody_because: tuple[str, ...]

    @property
    def reaches_nobody(self) -> bool:
        return not self.after

    @property
    def priority(self) -> int:
        """An image that nobody has read comes after every category of what somebody has seen."""
        if isinstance(self.subject, Finding):
            return self.subject.category.priority
        return REPORT_BY_PRIORITY


class Number(NamedTuple):
    """How many there are of each."""

    findings: int
    waits: int


@dataclass(frozen=True)
class Foretold:
    """How many, of how many nobody would hear at some step, and the first of them: those of which
    nobody would, then the most severe."""

    differences: list[Difference]
    every: Number
    unreached: Number
    # Of all of it: saving asks for the same.
    fingerprint: str
    # Of what else was asked (`Concern.also`), once it is so.
    also: list[list[StepPreview]]


def foretell(
    concern: Concern, change: Callable[[], object], without: "Without | None" = None
) -> Foretold:
    """What the change would do; made for real and taken back. What it refuses, this refuses. A
    change by which a row is no longer there is not made: it is looked at without it."""
    before = Before(concern)
    if without is not None:
        return before.without(without)
    with taken_back():
        change()
        return before.foretold()


# Somebody who leaves, a post that is given up, a shift that is taken off.
Without = Person | Post | RotaEntry
# A step by what it is: where the change puts another in its place, that is another one.
Key = tuple[int, datetime, str, str]
Answers = dict[int, dict[Key, StepPreview]]
# One that the change may touch, as it is now, with its coming steps.
Asked = tuple[Examination, Subject, list[PlannedStep]]


class Before:
    """How it was, to be held against how it is once the change is made: of findings what is alike,
    and one by one only those that are named; of examinations each."""

    def __init__(self, concern: Concern) -> None:
        self.concern = concern
        now, self._last_step = _now()
        self.at = max(now, concern.since or now)
        self.until = concern.until or self.at + AHEAD
        self.stretches = Stretches(self.at)
        self._every, self._waits = self._alike(self.stretches), self._waiting()
        self._seen = see([one.kind for one in self._every], self._asks(self._waits))
        self._whose = {pk: one.kind.whose for one in self._every for pk in one.findings}
        self._of_waits = _by_step(self._waits, self._seen.others)

    def foretold(self) -> Foretold:
        """Now that it is made."""
        every = self._alike(Stretches(self.at, self.stretches.starts))
        # Nothing that is changed here changes what waits; but perhaps which team hears of it.
        subjects = reach.waiting(one for one, _, _ in self._waits) if self._waits else {}
        waits = [(one, subjects[one.pk], steps) for one, _, steps in self._waits]
        return self._compared(every, waits, see([one.kind for one in every], self._asks(waits)))

    def without(self, row: Without) -> Foretold:
        """As if it were made."""
        look = self._seen.look.without(row)
        every, waits = self._every, self._waits
        seen = see([one.kind for one in every], self._asks(waits), look)
        return self._compared(every, waits, seen)

    def _asks(self, waits: Sequence[Asked]) -> list[reach.Ask]:
        return [*((subject, steps) for _, subject, steps in waits), *self.concern.also]

    def _compared(self, every: Sequence[Alike], waits: Sequence[Asked], seen: Seen) -> Foretold:
        differ, unreached, said = self._different(every, seen.told)
        of_waits = self._waits_that_differ(waits, _by_step(waits, seen.others))
        held = {pk for one in every for pk in one.findings if one.is_held}
        named = [*self._named(differ, unreached, held, seen.look), *of_waits]
        named.sort(key=lambda one: (bool(one.after), one.priority))
        said |= {(one.audience, _ids(one.after)) for one in of_waits}
        waiting = [one.subject.pk for one in of_waits]
        return Foretold(
            named[:NAMED],
            Number(len(differ), len(of_waits)),
            Number(len(unreached), sum(one.reaches_nobody for one in of_waits)),
            _fingerprint(sorted(differ), sorted(unreached), waiting, sorted(said)),
            seen.others[len(waits) :],
        )

    # --- Findings ---

    def _alike(self, stretches: Stretches) -> list[Alike]:
        """What is to be asked about the findings, as it is now."""
        held = self.concern.findings.open()
        return alike(self._coming(), held if self.concern.of_holder else held.none(), stretches)

    def _coming(self) -> StepQuerySet:
        concern = self.concern
        touched = Q(finding__in=concern.findings.open()) & concern.steps
        touched |= Q(finding__in=concern.watched.open(), audience__in=WATCHERS)
        # What the change adds is no step of before.
        steps = Step.objects.filter(touched, pk__lte=self._last_step)
        return steps.filter(falls_at__gte=self.at, falls_at__lt=self.until)

    def _different(
        self, every: Sequence[Alike], told: dict[Kind, Told]
    ) -> tuple[set[int], set[int], set[tuple[str, tuple[int, ...]]]]:
        """Of which findings (ids) somebody else would hear, of which of them nobody would at some
        step, and who then would."""
        differ, unreached = set[int](), set[int]()
        said = set[tuple[str, tuple[int, ...]]]()
        now = {pk: one.kind.whose for one in every for pk in one.findings}
        moved = {pk for pk, whose in now.items() if self._whose.get(pk) != whose}
        for kind, findings, _ in every:
            then = told[kind]
            changed = {pk for pk in moved.intersection(findings) if self._differs(pk, kind, then)}
            if _differ(self._seen.told.get(self._kind_before(kind, kind.whose)), then):
                changed |= set(findings) - moved
            if changed:
                differ |= changed
                said.add((kind.audience, _ids(then)))
                if not then:
                    unreached |= changed
        return differ, unreached, said

    def _differs(self, pk: int, kind: Kind, then: Told) -> bool:
        """Of one that somebody else holds than before, or that was none of these."""
        if (whose := self._whose.get(pk)) is None:
            return False
        return _differ(self._seen.told.get(self._kind_before(kind, whose)), then)

    def _kind_before(self, kind: Kind, whose: Whose) -> Kind:
        """The change may have cut the time more often."""
        return kind._replace(whose=whose, since=self.stretches.start(kind.since))

    def _named(
        self, differ: set[int], unreached: set[int], held: set[int], look: Look
    ) -> list[Difference]:
        """The first of these, each with the step of which it is true."""
        if not differ:
            return []
        rank = Case(When(pk__in=unreached, then=0), default=1)
        rows = Finding.objects.filter(pk__in=differ).select_related(*WHOSE)
        found = list(rows.order_by(rank, "category__priority", "pk")[:NAMED])
        steps = _planned(self._coming().filter(finding__in=found), "finding")
        holder = PlannedStep(0, self.at, Audience.OWNER, HOLDER)
        asks = [
            (Subject.of(one), [holder, *steps[one.pk]] if one.pk in held else steps[one.pk])
            for one in found
        ]
        pairs = (
            (finding, [(self._was_told(finding.pk, one.step), one) for one in shown])
            for finding, shown in zip(found, look.again(asks), strict=True)
        )
        return [one for one in (_difference(*pair) for pair in pairs) if one]

    def _was_told(self, pk: int, step: PlannedStep) -> Told | None:
        itself = None if step.audience in BY_WHOSE else pk
        start = self.stretches.start(step.due_at)
        return self._seen.told.get(Kind(self._whose[pk], step.audience, start, itself))

    # --- Examinations ---

    def _waiting(self) -> list[Asked]:
        rows = self.concern.waits.waiting().select_related(*reach.READ_BEFORE)
        waits = {one.pk: one for one in rows.order_by("pk")}
        if not waits:
            return []
        subjects = reach.waiting(waits.values())
        coming = Step.objects.filter(self.concern.steps, clock__examination__in=list(waits))
        coming = coming.filter(falls_at__gte=self.at, falls_at__lt=self.until)
        steps = _planned(coming, "clock__examination")
        return [(one, subjects[pk], steps[pk]) for pk, one in waits.items() if steps[pk]]

    def _waits_that_differ(self, waits: Sequence[Asked], after: Answers) -> list[Difference]:
        pairs = []
        for examination, _, _ in waits:
            before = self._of_waits[examination.pk]
            steps = after[examination.pk].items()
            told = [(reach.told(before[key]) if key in before else None, one) for key, one in steps]
            pairs.append((examination, told))
        return [one for one in (_difference(*pair) for pair in pairs) if one]


NOW = "SELECT clock_timestamp(), coalesce((SELECT max(id) FROM findings_step), 0)"


def _now() -> tuple[datetime, int]:
    """By the database's clock, and the newest step (id)."""
    with connection.cursor() as cursor:
        cursor.execute(NOW)
        now, last = cursor.fetchone()
        return now, last


def _planned(steps: StepQuerySet, of: str) -> dict[int, list[PlannedStep]]:
    """The unfired ones among these."""
    coming = steps.unfired().of_running_clocks().exclude(clock__kind=ClockKind.CONFIRM)
    found: dict[int, list[PlannedStep]] = defaultdict(list)
    for pk, *step in coming.values_list(of, "level", "falls_at", "audience", "words"):
        found[pk].append(PlannedStep(*step))
    return found


def _by_step(waits: Sequence[Asked], answers: Sequence[Sequence[StepPreview]]) -> Answers:
    """What else was asked comes after them."""
    return {
        one.pk: {_key(step.step): step for step in steps}
        for (one, _, _), steps in zip(waits, answers, strict=False)
    }


def _key(step: PlannedStep) -> Key:
    return step.level, step.due_at, step.audience, step.words


def _difference(
    subject: Finding | Examination, steps: Iterable[tuple[Told | None, StepPreview]]
) -> Difference | None:
    """The first step of which nobody would hear any more; or the first of which others would."""
    found = [(was, then) for was, then in steps if _differ(was, reach.told(then))]
    found.sort(key=lambda one: (bool(reach.told(one[1])), one[1].step.due_at, one[1].step.level))
    for was, then in found[:1]:
        is_now, step = reach.told(then), then.step
        because = () if is_now else tuple(then.reasons)
        return Difference(
            subject, step.audience, step.words, step.due_at, was or (), is_now, because
        )
    return None


def _differ(was: Told | None, then: Told) -> bool:
    """None: it was no step before, and is none of these."""
    return was is not None and {one.pk for one in was} != {one.pk for one in then}


def _ids(told: Told) -> tuple[int, ...]:
    return tuple(person.pk for person in told)


def _fingerprint(*said: object) -> str:
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]
