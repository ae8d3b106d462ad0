"""What a change would do to open findings: whom their coming steps tell, before and after it.

The change is made, the question that the engine asks is asked again, and everything is taken back:
what is shown is what would happen. A change of people, leave, posts, rotas or teams moves no limit,
so that all there is to see is who would hear. What is new in a timeline by it (somebody leaves, and
the team is asked) is told of by whoever holds the finding then.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from findings import reach
from findings.models import Audience, Finding, Person, Post, Role, Step
from findings.models.finding import FindingQuerySet
from findings.reach import StepPreview, Subject
from findings.services.coverage import HOLDER
from findings.services.timeline import database_now
from findings.shifts import ZONE, Shift
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


@dataclass(frozen=True)
class Difference:
    """One finding of which somebody else would hear: the first step for which that is so."""

    finding: Finding
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


@dataclass(frozen=True)
class Foretold:
    """Those of which nobody would hear first, then the most severe."""

    differences: list[Difference]

    @property
    def unreached(self) -> int:
        return sum(one.reaches_nobody for one in self.differences)

    @property
    def fingerprint(self) -> str:
        """Of what was shown: saving asks for the same."""
        said = [
            (one.finding.pk, one.audience, [person.pk for person in one.after])
            for one in self.differences
        ]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


class _Undo(Exception):
    """The look ahead is over."""


def foretell(concern: Concern, change: Callable[[], object]) -> Foretold:
    """What the change would do; made for real and taken back. What it refuses, this refuses."""
    before = Before(concern)
    found = Foretold([])
    try:
        with transaction.atomic():
            change()
            found = before.foretold()
            raise _Undo
    except _Undo:
        return found


# A step by what it is: where the change puts another in its place, that is another one.
Key = tuple[int, datetime, str, str]
Answers = dict[int, dict[Key, StepPreview]]


class Before:
    """How it was, to be held against how it is once the change is made."""

    def __init__(self, concern: Concern) -> None:
        self.concern = concern
        self.at = max(database_now(), concern.since)
        self._before = self._ask()[1]

    def foretold(self) -> Foretold:
        findings, after = self._ask()
        found = (self._differs(one, after.get(one.pk, {})) for one in findings)
        differences = [one for one in found if one]
        differences.sort(key=lambda one: (bool(one.after), one.finding.category.priority))
        return Foretold(differences)

    def _differs(self, finding: Finding, after: dict[Key, StepPreview]) -> Difference | None:
        before = self._before.get(finding.pk, {})
        for key in sorted(before.keys() & after.keys(), key=lambda key: (key[1], key[0])):
            was, is_now = _told(before[key]), _told(after[key])
            if {one.pk for one in was} != {one.pk for one in is_now}:
                _, due_at, audience, words = key
                because = () if is_now else tuple(after[key].reasons)
                return Difference(finding, audience, words, due_at, was, is_now, because)
        return None

    def _ask(self) -> tuple[list[Finding], Answers]:
        """Each finding that it may touch as it is now, with whom each of its steps would tell."""
        findings = list(
            self.concern.findings.open()
            .select_related(
                "owner_person", "owner_team", "team", "flagged_by", "organisation", "category"
            )
            .order_by("pk")
        )
        steps = self._steps([finding.pk for finding in findings])
        asks = [(Subject.of(one), steps[one.pk]) for one in findings if steps[one.pk]]
        shown = iter(reach.previews(asks) if asks else [])
        answers = {
            one.pk: {_key(step.step): step for step in next(shown)}
            for one in findings
            if steps[one.pk]
        }
        return findings, answers

    def _steps(self, ids: list[int]) -> dict[int, list[PlannedStep]]:
        holder = [PlannedStep(0, self.at, Audience.OWNER, HOLDER)] if self.concern.of_holder else []
        found = {pk: list(holder) for pk in ids}
        coming = Step.objects.unfired().of_running_clocks().filter(self.concern.steps)
        coming = coming.filter(
            finding__in=ids, falls_at__gte=self.at, falls_at__lt=self.concern.until
        )
        for pk, *step in coming.values_list("finding", "level", "falls_at", "audience", "words"):
            found[pk].append(PlannedStep(*step))
        return found


def _key(step: PlannedStep) -> Key:
    return step.level, step.due_at, step.audience, step.words


def _told(shown: StepPreview) -> tuple[Person, ...]:
    return tuple(one.person for one in shown.recipients if not one.unreachable_because)


# --- What may be touched -------------------------------------------------------------------------


def by_person(person: Person, since: datetime, until: datetime | None = None) -> Concern:
    """They go, or are away from then until then: of what they hold, what their teams hold, what
    they flagged, and, where they watch over the trust, of everything there."""
    theirs = Q(owner_person=person) | Q(flagged_by=person)
    teams = person.team_ids()
    theirs |= Q(team__in=teams) | Q(owner_team__in=teams)
    if person.has_role(Role.COORDINATOR, Role.GOVERNANCE):
        theirs |= Q(organisation=person.organisation_id)
    if person.has_role(Role.RADIOLOGIST) and person.site_id:
        theirs |= Q(site=person.site_id, questions__answered_at=None, questions__isnull=False)
    findings = Finding.objects.filter(pk__in=Finding.objects.filter(theirs).values("pk"))
    return Concern(findings, since, until or since + AHEAD)


def span_of(first_on: date, last_on: date) -> tuple[datetime, datetime]:
    """Whole local days, both included, as the moments between which they lie."""
    zone = ZoneInfo(ZONE)
    return end_of_day(first_on - timedelta(days=1), zone), end_of_day(last_on, zone)


def by_post(post: Post, shifts: Iterable[Shift] = ()) -> Concern:
    """Somebody else is on in these shifts; without any: the post begins or ends."""
    now = database_now()
    spans = list(shifts)
    since = min((one.starts_at for one in spans), default=now)
    until = max((one.ends_at for one in spans), default=now + AHEAD)
    findings = Finding.objects.filter(team=post.team_id)
    if post.stands_for == Post.StandsFor.COORDINATOR:
        findings = Finding.objects.filter(organisation=post.team.organisation_id)
    if post.stands_for == Post.StandsFor.RADIOLOGISTS:
        findings = Finding.objects.filter(site=post.team.site_id)
    return Concern(findings, since, until, Q(audience=post.stands_for), of_holder=False)


def by_rotas_of(person: Person) -> Concern:
    """Any rota of the trust of this person may change, as by a file."""
    every = by_anybody_of(person)
    steps = Q(audience__in=Post.StandsFor.values)
    return Concern(every.findings, every.since, every.until, steps, of_holder=False)


def by_leaver(person: Person) -> Concern:
    """They leave. What they hold themselves goes to its team, and is shown one by one."""
    every = by_person(person, database_now())
    others = every.findings.exclude(owner_person=person)
    return Concern(others, every.since, every.until)


def by_anybody_of(person: Person) -> Concern:
    """Anything may change in the trust of this person, as by a list of its staff."""
    now = database_now()
    findings = Finding.objects.filter(organisation=person.organisation_id)
    return Concern(findings, now, now + AHEAD)
