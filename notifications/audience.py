"""Who is told at a step, and whether they can be reached.

The page before a flag, the engine when a step falls due and the words of a message all ask here,
so that what was shown before saving is what happens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from findings.models import Audience, Finding, HandOver, Leave, Membership, Person, Role, Step, Team
from findings.models.cover import away_on, covered_by, stand_in
from findings.reach import Recipient, StepPreview, Subject
from findings.rules import holds
from findings.timetable import PlannedStep
from findings.words import day
from notifications.models import Channel, Route

Duty = Membership.Duty


@dataclass(frozen=True)
class Reached:
    """Somebody of an audience with the routes they can be told by, or why there is none."""

    person: Person
    routes: tuple[Route, ...]
    # A sentence for a person; empty when there is a route.
    unreachable_because: str = ""


@dataclass(frozen=True)
class Reach:
    """Everybody of one audience."""

    people: tuple[Reached, ...]
    # Why the audience has nobody in it, in a sentence; empty when it has somebody.
    nobody_because: str = ""

    @property
    def told(self) -> list[Reached]:
        return [one for one in self.people if one.routes]

    @property
    def reasons(self) -> list[str]:
        """Why whoever is not told is not, in sentences."""
        every = [self.nobody_because, *(one.unreachable_because for one in self.people)]
        return [sentence for sentence in every if sentence]


def reach(
    subject: Subject, audience: Audience | str, away: dict[int, int | None] | None = None
) -> Reach:
    """The people of an audience as they are now, each with their usable routes. `away`: who is
    on leave today, where the caller has asked already."""
    away = away_on(timezone.localdate()) if away is None else away
    people, nobody_because = _PEOPLE[Audience(audience)](subject)
    found = [_reached(person) for person in people.prefetch_related("routes").order_by("pk")]
    found = _with_stand_ins(found, subject, Audience(audience), away)
    return Reach(tuple(found), "" if found else nobody_because)


def _with_stand_ins(
    found: list[Reached], subject: Subject, audience: Audience, away: dict[int, int | None]
) -> list[Reached]:
    """Whoever is on leave is not told; a deputy is, or for an owner without one their team."""
    told = [one for one in found if one.person.pk not in away]
    absent = [one for one in found if one.person.pk in away]
    if not absent:
        return found
    known = {one.person.pk for one in told}
    wanted = {stand_in(one.person.pk, away) for one in absent} - known
    more = Person.objects.active().filter(pk__in=wanted - {None})
    if None in wanted and audience == Audience.OWNER:
        more = more | subject.team.members.filter(is_active=True).exclude(pk__in=away)
    stand_ins = Person.objects.filter(pk__in=more.values("pk")).exclude(pk__in=known)
    told += [_reached(one) for one in stand_ins.prefetch_related("routes").order_by("pk")]
    return [*told, *(_away(one.person, away) for one in absent)]


def _away(person: Person, away: dict[int, int | None]) -> Reached:
    if not person.is_active:
        return _reached(person)
    leave = Leave.objects.on(timezone.localdate()).filter(person=person).first()
    until = f"{person} is on leave until {day(leave.last_on)}" if leave else f"{person} is away"
    deputy = Person.objects.filter(pk=stand_in(person.pk, away)).first()
    return Reached(person, (), f"{until}; {deputy} stands in." if deputy else f"{until}.")


def preview(subject: Subject, steps: Sequence[PlannedStep]) -> list[StepPreview]:
    """Answers `findings.reach.preview`."""
    away = away_on(timezone.localdate())
    known = {one: reach(subject, one, away) for one in {step.audience for step in steps}}
    return [_previewed(step, known[step.audience]) for step in steps]


def _previewed(step: PlannedStep, found: Reach) -> StepPreview:
    recipients = (
        Recipient(
            one.person,
            tuple(Channel(route.channel).label for route in one.routes),
            one.unreachable_because,
        )
        for one in found.people
    )
    return StepPreview(step, tuple(recipients), found.nobody_because)


# --- Who ---------------------------------------------------------------------------------------

# The people, and the sentence for when there are none.
Found = tuple[QuerySet[Person], str]


def _owner(subject: Subject) -> Found:
    if subject.owner_person is not None:
        return Person.objects.filter(pk=subject.owner_person.pk), ""
    return _members(subject.owner_team or subject.team)


def _members(team: Team) -> Found:
    return team.members.filter(is_active=True), f"{team} has no member who works here."


def _team(subject: Subject) -> Found:
    return _members(subject.team)


def _duty(subject: Subject, duty: Membership.Duty) -> Found:
    """Whoever holds the duty now; whoever held it last is named only where nobody does."""
    holders = Person.objects.filter(memberships__team=subject.team, memberships__duty=duty)
    active = holders.filter(is_active=True)
    nobody = f"{subject.team} has no {duty.label.lower()}."
    return (active if active.exists() else holders), nobody


def _responsible(subject: Subject) -> Found:
    return _duty(subject, Duty.RESPONSIBLE)


def _department(subject: Subject) -> Found:
    return _duty(subject, Duty.DIRECTOR)


def _role(subject: Subject, role: Role) -> Found:
    people = Person.objects.active().with_role(role).filter(organisation=subject.organisation)
    return people, f"{subject.organisation} has no {role.label.lower()}."


def _coordinator(subject: Subject) -> Found:
    return _role(subject, Role.COORDINATOR)


def _governance(subject: Subject) -> Found:
    return _role(subject, Role.GOVERNANCE)


def _radiologist(subject: Subject) -> Found:
    return Person.objects.filter(pk=subject.flagged_by.pk), ""


def _offered(subject: Subject) -> Found:
    offer = HandOver.objects.open().filter(finding=subject.finding_id).first()
    if offer is None:
        return Person.objects.none(), "The offer has ended."
    if offer.to_team is not None:
        return _members(offer.to_team)
    return Person.objects.filter(pk=offer.to_person_id), ""


_PEOPLE: dict[Audience, Callable[[Subject], Found]] = {
    Audience.OWNER: _owner,
    Audience.RESPONSIBLE: _responsible,
    Audience.TEAM: _team,
    Audience.DEPARTMENT: _department,
    Audience.COORDINATOR: _coordinator,
    Audience.RADIOLOGIST: _radiologist,
    Audience.GOVERNANCE: _governance,
    Audience.OFFERED: _offered,
}


# --- How ---------------------------------------------------------------------------------------


def _reached(person: Person) -> Reached:
    if not person.is_active:
        return Reached(person, (), f"{person} no longer works here.")
    routes = sorted(person.routes.all(), key=lambda route: (route.position, route.pk))
    usable = tuple(route for route in routes if route.is_usable)
    return Reached(person, usable, "" if usable else _why_none(person, routes))


def _why_none(person: Person, routes: list[Route]) -> str:
    for route in routes:
        if route.failed_at:
            return f"{person}'s address has refused mail since {day(route.failed_at)}."
    if any(route.verified_at for route in routes):
        return f"{person} can only be told in a way that is not set up here."
    if routes:
        return f"{person}'s address has not been verified."
    return f"{person} has no address."


def is_still_offered(step: Step) -> bool:
    """Whether the offer that this step tells of is open: one that was taken back asks nobody."""
    return step.finding.offers.open().filter(offered_at=step.due_at).exists()


# --- Why ---------------------------------------------------------------------------------------


def why(finding: Finding, person: Person) -> str:
    """Why this person is told of this finding: "you are the …", for a message. Names no team."""
    if person.pk == finding.owner_person_id:
        return "you hold this finding"
    if finding.owner_person_id in covered_by(person, timezone.localdate()):
        return _why_stand_in(finding)
    duty = _duty_in(finding.team, person)
    if duty in (Duty.RESPONSIBLE, Duty.DIRECTOR):
        return f"you are the {Duty(duty).label.lower()} of the team that holds this finding"
    if duty or (finding.owner_team and _duty_in(finding.owner_team, person)):
        return "you are a member of the team that holds this finding"
    if person.pk == finding.flagged_by_id:
        return "you flagged this finding"
    return _why_role(person)


def _why_stand_in(finding: Finding) -> str:
    owner = finding.owner_person
    leave = Leave.objects.on(timezone.localdate()).filter(person=owner).first()
    until = f" until {day(leave.last_on)}" if leave else ""
    return f"you stand in for {owner}, who holds this finding and is on leave{until}"


def _duty_in(team: Team, person: Person) -> str:
    return team.memberships.filter(person=person).values_list("duty", flat=True).first() or ""


def _why_role(person: Person) -> str:
    for role in (Role.COORDINATOR, Role.GOVERNANCE):
        if person.has_role(role):
            return f"you are a {role.label.lower()} of the trust that made the images"
    return "you held this finding when it was sent"


def can_answer(finding: Finding, person: Person) -> bool:
    """Whether they can answer themselves; whoever cannot is asked to see that somebody does."""
    return holds(person, finding)
