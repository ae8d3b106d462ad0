"""What a change would do to open findings, and to examinations that wait for their report: whom
their coming steps tell, before and after it.

The change is made, the question that the engine asks is asked again, and everything is taken back:
what is shown is what would happen. A change of people, leave, posts, rotas or teams moves no limit,
so that all there is to see is who would hear. What is new in a timeline by it (somebody leaves, and
the team is asked) is told of by whoever holds the finding then.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from findings import reach
from findings.models import Audience, Examination, Finding, Person, Post, Role, Step, Team
from findings.models.about import About, about
from findings.models.clock import REPORT_BY_PRIORITY
from findings.models.examination import ExaminationQuerySet
from findings.models.finding import FindingQuerySet
from findings.reach import StepPreview, Subject
from findings.services.coverage import HOLDER
from findings.services.duties import WATCHERS
from findings.services.taken_back import taken_back
from findings.services.timeline import database_now
from findings.shifts import ZONE, Shift
from findings.states import ClockKind
from findings.timetable import PlannedStep, end_of_day

# How far it looks: later steps are seen when their weeks come (coverage.py).
AHEAD = timedelta(days=28)


@dataclass(frozen=True)
class Concern:
    """Which open findings a change may touch, which of their coming steps, and from when."""

    findings: FindingQuerySet
    since: datetime
    until: datetime
    steps: Q = field(default_factory=Q)
    # Whether somebody else may hear as whoever holds it, too.
    of_holder: bool = True
    # Of these only the steps that tell those who watch over the trust.
    watched: FindingQuerySet = field(default_factory=Finding.objects.none)
    # Of these the ones that wait for their report, too.
    waits: ExaminationQuerySet = field(default_factory=Examination.objects.none)


@dataclass(frozen=True)
class Difference:
    """One finding of which somebody else would hear, or an examination without a report: the first
    step for which that is so."""

    subject: Finding | Examination
    audience: str
    words: str
    due_at: datetime
    before: tuple[Person, ...]
    after: tuple[Person, ...]
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


@dataclass(frozen=True)
class Foretold:
    """Those of which nobody would hear first, then the most severe."""

    differences: list[Difference]

    @property
    def fingerprint(self) -> str:
        """Of what was shown: saving asks for the same."""
        said = [
            (*about(one.subject), one.audience, [person.pk for person in one.after])
            for one in self.differences
        ]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def foretell(concern: Concern, change: Callable[[], object]) -> Foretold:
    """What the change would do; made for real and taken back. What it refuses, this refuses."""
    before = Before(concern)
    with taken_back():
        change()
        return before.foretold()


# A step by what it is: where the change puts another in its place, that is another one.
Key = tuple[int, datetime, str, str]
Answers = dict[About, dict[Key, StepPreview]]
# One that the change may touch, as it is now, with its coming steps.
Asked = tuple[Finding | Examination, Subject, list[PlannedStep]]


class Before:
    """How it was, to be held against how it is once the change is made."""

    def __init__(self, concern: Concern) -> None:
        self.concern = concern
        self.at = max(database_now(), concern.since)
        self._before = self._ask()[1]

    def foretold(self) -> Foretold:
        rows, after = self._ask()
        found = (self._differs(one, after.get(about(one), {})) for one in rows)
        differences = [one for one in found if one]
        differences.sort(key=lambda one: (bool(one.after), one.priority))
        return Foretold(differences)

    def _differs(
        self, subject: Finding | Examination, after: dict[Key, StepPreview]
    ) -> Difference | None:
        before = self._before.get(about(subject), {})
        for key in sorted(before.keys() & after.keys(), key=lambda key: (key[1], key[0])):
            was, is_now = _told(before[key]), _told(after[key])
            if {one.pk for one in was} != {one.pk for one in is_now}:
                _, due_at, audience, words = key
                because = () if is_now else tuple(after[key].reasons)
                return Difference(subject, audience, words, due_at, was, is_now, because)
        return None

    def _ask(self) -> tuple[list[Finding | Examination], Answers]:
        """Whom each coming step would tell, as it is now."""
        asked = [one for one in (*self._findings(), *self._waits()) if one[2]]
        shown = reach.previews([(subject, steps) for _, subject, steps in asked]) if asked else []
        answers = {
            about(row): {_key(step.step): step for step in steps}
            for (row, _, _), steps in zip(asked, shown, strict=True)
        }
        return [row for row, _, _ in asked], answers

    def _findings(self) -> Iterator[Asked]:
        concern = self.concern
        holder = [PlannedStep(0, self.at, Audience.OWNER, HOLDER)] if concern.of_holder else []
        yield from self._of(concern.findings, concern.steps, holder)
        others = concern.watched.exclude(pk__in=concern.findings.values("pk"))
        yield from self._of(others, Q(audience__in=WATCHERS), [])

    def _of(
        self, findings: FindingQuerySet, which: Q, holder: list[PlannedStep]
    ) -> Iterator[Asked]:
        rows = findings.open().select_related(
            "owner_person", "owner_team", "team", "flagged_by", "organisation", "category"
        )
        found = {one.pk: one for one in rows.order_by("pk")}
        steps = self._steps("finding", found, which)
        for pk, finding in found.items():
            yield finding, Subject.of(finding), [*holder, *steps[pk]]

    def _waits(self) -> Iterator[Asked]:
        rows = self.concern.waits.waiting().select_related(*reach.READ_BEFORE)
        waits = {one.pk: one for one in rows.order_by("pk")}
        subjects = reach.waiting(waits.values())
        steps = self._steps("clock__examination", waits, self.concern.steps)
        for pk, examination in waits.items():
            yield examination, subjects[pk], steps[pk]

    def _steps(self, of: str, ids: Iterable[int], which: Q) -> dict[int, list[PlannedStep]]:
        found: dict[int, list[PlannedStep]] = defaultdict(list)
        coming = Step.objects.unfired().of_running_clocks().filter(which)
        coming = coming.exclude(clock__kind=ClockKind.CONFIRM)
        rows = coming.filter(falls_at__gte=self.at, falls_at__lt=self.concern.until)
        here = rows.filter(**{f"{of}__in": list(ids)})
        for pk, *step in here.values_list(of, "level", "falls_at", "audience", "words"):
            found[pk].append(PlannedStep(*step))
        return found


def _key(step: PlannedStep) -> Key:
    return step.level, step.due_at, step.audience, step.words


def _told(shown: StepPreview) -> tuple[Person, ...]:
    return tuple(one.person for one in shown.recipients if not one.unreachable_because)


# --- What may be touched -------------------------------------------------------------------------


def by_person(person: Person, since: datetime, until: datetime | None = None) -> Concern:
    """They go, or are away from then until then: of what they hold, what their teams hold, what
    they flagged, what waits where they see to reports, and, where they watch over the trust, of
    everything there."""
    theirs = Q(owner_person=person) | Q(flagged_by=person)
    teams = person.team_ids()
    theirs |= Q(team__in=teams) | Q(owner_team__in=teams)
    watches = person.has_role(Role.COORDINATOR, Role.GOVERNANCE)
    watched = person.organisation_id if watches else None
    if person.has_role(Role.RADIOLOGIST) and person.site_id:
        theirs |= Q(site=person.site_id, questions__answered_at=None, questions__isnull=False)
    findings = Finding.objects.filter(pk__in=Finding.objects.filter(theirs).values("pk"))
    sees_to_reports = Team.objects.filter(pk__in=teams, kind__in=Team.WAITING).exists()
    return Concern(
        findings,
        since,
        until or since + AHEAD,
        watched=Finding.objects.filter(organisation=watched),
        waits=_waits_of(person.organisation_id if watches or sees_to_reports else None),
    )


def _waits_of(organisation: int | None) -> ExaminationQuerySet:
    """None: of no trust."""
    return Examination.objects.filter(site__organisation=organisation)


def by_leaver(person: Person) -> Concern:
    """They leave. What they hold themselves goes to its team, and is shown one by one."""
    every = by_person(person, database_now())
    others = (one.exclude(owner_person=person) for one in (every.findings, every.watched))
    findings, watched = others
    return replace(every, findings=findings, watched=watched)


def span_of(first_on: date, last_on: date) -> tuple[datetime, datetime]:
    """Whole local days, both included, as the moments between which they lie."""
    zone = ZoneInfo(ZONE)
    return end_of_day(first_on - timedelta(days=1), zone), end_of_day(last_on, zone)


def by_post(post: Post, shifts: Iterable[Shift] = ()) -> Concern:
    """Somebody else is on in these shifts; without any: the post begins or ends."""
    now, spans = database_now(), list(shifts)
    return Concern(
        _of_post(post),
        since=min((one.starts_at for one in spans), default=now),
        until=max((one.ends_at for one in spans), default=now + AHEAD),
        steps=Q(audience=post.stands_for),
        of_holder=False,
        waits=_waits_of(post.team.organisation_id if post.team.kind in Team.WAITING else None),
    )


def _of_post(post: Post) -> FindingQuerySet:
    if post.stands_for == Post.StandsFor.COORDINATOR:
        return Finding.objects.filter(organisation=post.team.organisation_id)
    if post.stands_for == Post.StandsFor.RADIOLOGISTS:
        return Finding.objects.filter(site=post.team.site_id)
    return Finding.objects.filter(team=post.team_id)


def by_rotas_of(person: Person) -> Concern:
    """Any rota of the trust of this person may change, as by a file."""
    steps = Q(audience__in=Post.StandsFor.values)
    return replace(by_anybody_of(person), steps=steps, of_holder=False)


def by_anybody_of(person: Person) -> Concern:
    """Anything may change in the trust of this person, as by a list of its staff."""
    now, trust = database_now(), person.organisation_id
    findings = Finding.objects.filter(organisation=trust)
    return Concern(findings, now, now + AHEAD, waits=_waits_of(trust))
