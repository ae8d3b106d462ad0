"""What a change of people, leave, posts or rotas may touch, before it and after (foretell.py)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from findings import reach
from findings.models import Examination, Finding, Person, Post, Role, Team
from findings.models.examination import ExaminationQuerySet
from findings.models.finding import FindingQuerySet
from findings.shifts import ZONE, Shift
from findings.timetable import end_of_day

# How far it looks: later steps are seen when their weeks come (coverage.py).
AHEAD = timedelta(days=28)


@dataclass(frozen=True)
class Concern:
    """Which open findings a change may touch, which of their coming steps, and from when."""

    findings: FindingQuerySet
    # None: now, and for as long as is looked ahead.
    since: datetime | None = None
    until: datetime | None = None
    steps: Q = field(default_factory=Q)
    # Whether somebody else may hear as whoever holds it, too.
    of_holder: bool = True
    # Of these only the steps that tell those who watch over the trust.
    watched: FindingQuerySet = field(default_factory=Finding.objects.none)
    # Of these the ones that wait for their report, too.
    waits: ExaminationQuerySet = field(default_factory=Examination.objects.none)
    # What the page wants to know, too, once it is so.
    also: Sequence[reach.Ask] = ()


def by_person(
    person: Person, since: datetime | None = None, until: datetime | None = None
) -> Concern:
    """They go, or are away from then until then: of what they hold, what their teams hold, what
    they flagged, what waits where they see to reports, and, where they watch over the trust, of
    everything there."""
    theirs = Q(owner_person=person) | Q(flagged_by=person)
    teams = person.team_ids()
    theirs |= Q(team__in=teams) | Q(owner_team__in=teams)
    watches = person.has_role(Role.COORDINATOR, Role.GOVERNANCE)
    if person.has_role(Role.RADIOLOGIST) and person.site_id:
        theirs |= Q(site=person.site_id, questions__answered_at=None, questions__isnull=False)
    findings = Finding.objects.filter(pk__in=Finding.objects.filter(theirs).values("pk"))
    sees_to_reports = person.is_in_team_of(*Team.WAITING)
    return Concern(
        findings,
        since,
        until,
        watched=Finding.objects.filter(organisation=person.organisation_id if watches else None),
        waits=_waits_of(person.organisation_id if watches or sees_to_reports else None),
    )


def _waits_of(organisation: int | None) -> ExaminationQuerySet:
    """None: of no trust."""
    if organisation is None:
        return Examination.objects.none()
    return Examination.objects.filter(site__organisation=organisation)


def by_leaver(person: Person, also: Sequence[reach.Ask] = ()) -> Concern:
    """They leave. What they hold themselves goes to its team, and is shown one by one."""
    every = by_person(person)
    others = (one.exclude(owner_person=person) for one in (every.findings, every.watched))
    findings, watched = others
    return replace(every, findings=findings, watched=watched, also=also)


def span_of(first_on: date, last_on: date) -> tuple[datetime, datetime]:
    """Whole local days, both included, as the moments between which they lie."""
    zone = ZoneInfo(ZONE)
    return end_of_day(first_on - timedelta(days=1), zone), end_of_day(last_on, zone)


def by_post(post: Post, shifts: Iterable[Shift] = ()) -> Concern:
    """Somebody else is on in these shifts; without any: the post begins or ends."""
    spans = list(shifts)
    return Concern(
        _of_post(post),
        since=min((one.starts_at for one in spans), default=None),
        until=max((one.ends_at for one in spans), default=None),
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
    trust = person.organisation_id
    findings = Finding.objects.filter(organisation=trust)
    return Concern(findings, waits=_waits_of(trust))
