"""Which duty of the coming week nobody has, or others stand in for; who hears in this application
only.

A part of the question whether everything open would reach a human (coverage.py): asked of each team
and of those who watch over the trust, whatever is open now.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from itertools import groupby

from django.db.models import QuerySet

from findings.models import Audience, Organisation, Person, Post, RotaEntry, Sender, Site, Team
from findings.reach import StepPreview, Subject
from findings.shifts import Gap, moment
from findings.timetable import PlannedStep
from findings.words import local

AHEAD = timedelta(days=7)
DUTIES = (Audience.TEAM, Audience.RESPONSIBLE, Audience.DEPARTMENT)
# Of whom an examination without a report asks.
REPORTING_DUTIES = (Audience.TEAM, Audience.DEPARTMENT)
WATCHERS = (Audience.COORDINATOR, Audience.GOVERNANCE)


@dataclass(frozen=True)
class DutyGap:
    """A duty that nobody can be told as, or others only, for a part of the coming week."""

    # None: those who watch over the whole trust.
    team: Team | None
    audience: str
    # It ends with the first moment that was asked for and is different.
    span: Gap
    reasons: tuple[str, ...]
    people: tuple[Person, ...]


@dataclass(frozen=True)
class OnlyHere:
    """Somebody of a duty who is told in this application alone: once they sign in and look."""

    person: Person
    because: str
    # As what: the team, none for those who watch over the whole trust, and the audience.
    duties: frozenset[tuple[Team | None, str]]


@dataclass(frozen=True)
class Duties:
    """What the coming week would bring for the duties of one trust."""

    uncovered: list[DutyGap]
    # Nobody is on the rota, or whoever is cannot be told: others are told instead.
    stood_in_for: list[DutyGap]
    only_here: list[OnlyHere]


def duty_asks(
    organisation: Organisation, now: datetime
) -> list[tuple[Team | None, Subject, list[PlannedStep]]]:
    """Every duty of the trust's teams, the radiologists of its sites, and those who watch over all,
    at every moment of the coming week at which something changes."""
    turns = _turns(organisation, now)
    return [
        (
            team,
            subject,
            [
                PlannedStep(0, at, audience, "")
                for audience in audiences
                for at in sorted(turns[team.pk if team else None] | turns[0])
            ],
        )
        for team, subject, audiences in _duties(organisation)
    ]


def duties_found(
    found: Sequence[tuple[Team | None, Sequence[StepPreview]]], now: datetime
) -> Duties:
    """What the answers to these say."""

    def spans(wrong: Callable[[StepPreview], bool]) -> list[DutyGap]:
        return [gap for team, steps in found for gap in _spans(team, steps, now + AHEAD, wrong)]

    return Duties(
        spans(lambda step: not step.reaches_somebody), spans(_is_stood_in_for), _only_here(found)
    )


def _only_here(found: Sequence[tuple[Team | None, Sequence[StepPreview]]]) -> list[OnlyHere]:
    """Each once, in the order of names."""
    because: dict[Person, str] = {}
    duties: dict[Person, set[tuple[Team | None, str]]] = defaultdict(set)
    for team, steps in found:
        for step in steps:
            for one in step.recipients:
                if one.only_here_because:
                    because[one.person] = one.only_here_because
                    duties[one.person].add((team, step.step.audience))
    every = sorted(because, key=lambda one: (one.family_name, one.given_name, one.pk))
    return [OnlyHere(one, because[one], frozenset(duties[one])) for one in every]


def _is_stood_in_for(step: StepPreview) -> bool:
    return step.reaches_somebody and bool(step.nobody_because)


def _duties(
    organisation: Organisation,
) -> Iterator[tuple[Team | None, Subject, Sequence[Audience]]]:
    teams = list(Team.objects.filter(organisation=organisation).order_by("name"))
    for team in teams:
        if team.kind in Team.CLINICAL:
            yield team, _subject(team, organisation), DUTIES
    for team in teams:
        if team.kind == Team.Kind.REPORTING:
            yield team, _subject(team, organisation), REPORTING_DUTIES
    for site in _sites_to_confirm(organisation):
        team = _radiologists(site)
        yield team, replace(_subject(team, organisation), site=site), (Audience.RADIOLOGISTS,)
    if teams:
        yield None, _subject(teams[0], organisation), WATCHERS


def _sites_to_confirm(organisation: Organisation) -> QuerySet[Site]:
    """Where alert codes in reports wait for somebody who confirms them."""
    senders = Sender.objects.systems().filter(flags_at_once=False)
    return Site.objects.filter(organisation=organisation, senders__in=senders).distinct()


def _radiologists(site: Site) -> Team:
    """They are no team, and named like one. Never saved."""
    return Team(pk=-site.pk, organisation_id=site.organisation_id, site=site, name=site.name)


def _subject(team: Team, organisation: Organisation) -> Subject:
    return Subject(None, team, team, None, organisation)


def _turns(organisation: Organisation, now: datetime) -> dict[int | None, set[datetime]]:
    """The moments at which something may change: a day begins (0: for everybody), or a shift of
    a team's posts begins or ends. None: those of the coordinators' posts."""
    today = local(now).date()
    turns: dict[int | None, set[datetime]] = defaultdict(set)
    turns[0] = {now} | {moment(today + timedelta(days=day), time()) for day in range(1, 8)}
    entries = RotaEntry.objects.between(now, now + AHEAD).filter(
        post__team__organisation=organisation, post__ended_at__isnull=True
    )
    for team, site, stands_for, *ends in entries.values_list(
        "post__team", "post__team__site", "post__stands_for", "starts_at", "ends_at"
    ):
        key = None if stands_for == Post.StandsFor.COORDINATOR else team
        if stands_for == Post.StandsFor.RADIOLOGISTS:
            key = -site  # as `_radiologists` names them
        turns[key] |= {at for at in ends if now < at < now + AHEAD}
    return turns


def _spans(
    team: Team | None,
    steps: Sequence[StepPreview],
    end: datetime,
    wrong: Callable[[StepPreview], bool],
) -> Iterator[DutyGap]:
    """Moments of one duty that follow each other and are wrong, as one span."""
    for audience, of_duty in groupby(steps, lambda step: step.step.audience):
        asked = list(of_duty)
        ends = [*(step.step.due_at for step in asked[1:]), end]
        # One after the other: is it wrong, from which moment, until when.
        for is_wrong, run in groupby(zip(asked, ends, strict=True), lambda one: wrong(one[0])):
            if is_wrong:
                parts = list(run)
                begun, until = parts[0][0], parts[-1][1]
                yield _gap(team, Audience(audience).label, begun, until)


def _gap(team: Team | None, audience: str, begun: StepPreview, until: datetime) -> DutyGap:
    return DutyGap(
        team,
        audience,
        Gap(begun.step.due_at, until),
        tuple(begun.reasons),
        tuple(one.person for one in begun.recipients if one.unreachable_because),
    )
