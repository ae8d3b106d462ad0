"""Who is told at a step, and what is said where nobody can be."""

from datetime import timedelta

import pytest
from django.utils import timezone

from findings import reach as question
from findings.models import Audience, Membership, Organisation, Person, Role
from findings.reach import Subject
from findings.services.acknowledge import decline_finding, hand_over_finding
from findings.services.flag import promise
from notifications import audience
from notifications.models import Channel, Route
from notifications.standing import Standing
from tests.factories import OrganisationFactory, RouteFactory, Trust, a_trust, flagged, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def of(trust: Trust, **changed: object) -> Subject:
    given = {
        "owner_person": trust.referrer,
        "owner_team": None,
        "team": trust.team,
        "flagged_by": trust.radiologist,
        "organisation": trust.organisation,
    }
    return Subject(**{**given, **changed})


def told(subject: Subject, whom: Audience) -> set[Person]:
    return {one.person for one in audience.reach(subject, whom).told}


def leave(person: Person) -> None:
    person.is_active, person.left_at = False, timezone.now()
    person.save()


def test_each_rung_of_the_ladder_leads_to_its_people(trust: Trust) -> None:
    subject = of(trust)
    assert told(subject, Audience.OWNER) == {trust.referrer}
    assert told(subject, Audience.RESPONSIBLE) == {trust.responsible}
    assert told(subject, Audience.DEPARTMENT) == {trust.director}
    assert told(subject, Audience.COORDINATOR) == {trust.coordinator}
    assert told(subject, Audience.GOVERNANCE) == {trust.governance}
    assert told(subject, Audience.RADIOLOGIST) == {trust.radiologist}
    assert told(subject, Audience.TEAM) == {
        trust.referrer,
        trust.colleague,
        trust.responsible,
        trust.director,
    }


def test_a_team_that_owns_is_told_as_a_whole(trust: Trust) -> None:
    subject = of(trust, owner_person=None, owner_team=trust.team)
    assert told(subject, Audience.OWNER) == told(subject, Audience.TEAM)
    assert len(told(subject, Audience.OWNER)) == 4


def test_watchers_of_another_trust_are_not_told(trust: Trust) -> None:
    other = OrganisationFactory(kind=Organisation.Kind.TRUST)
    elsewhere = person(Role.COORDINATOR, Role.GOVERNANCE, organisation=other)
    assert elsewhere not in told(of(trust), Audience.COORDINATOR)
    assert told(of(trust, organisation=other), Audience.GOVERNANCE) == {elsewhere}


def test_an_owner_who_left_is_not_told_and_the_reason_is_said(trust: Trust) -> None:
    leave(trust.referrer)
    found = audience.reach(of(trust), Audience.OWNER)
    assert found.told == []
    assert found.reasons == [f"{trust.referrer} no longer works here."]


def test_team_members_who_left_are_passed_over(trust: Trust) -> None:
    leave(trust.colleague)
    found = audience.reach(of(trust), Audience.TEAM)
    assert trust.colleague not in {one.person for one in found.people}
    assert found.reasons == []


def test_a_team_without_a_responsible_consultant_says_so(trust: Trust) -> None:
    trust.responsible.memberships.update(duty=Membership.Duty.MEMBER)
    found = audience.reach(of(trust), Audience.RESPONSIBLE)
    assert found.people == ()
    assert found.reasons == [f"{trust.team} has no responsible consultant."]


def test_a_successor_is_told_in_place_of_the_consultant_who_left(trust: Trust) -> None:
    leave(trust.responsible)
    assert audience.reach(of(trust), Audience.RESPONSIBLE).reasons == [
        f"{trust.responsible} no longer works here."
    ]
    successor = trust.add(Role.REFERRER, team=trust.team, duty=Membership.Duty.RESPONSIBLE)
    found = audience.reach(of(trust), Audience.RESPONSIBLE)
    assert [one.person for one in found.people] == [successor]


def test_an_empty_team_and_a_missing_role_say_so(trust: Trust) -> None:
    for member in (trust.referrer, trust.colleague, trust.responsible, trust.director):
        leave(member)
    assert audience.reach(of(trust), Audience.TEAM).reasons == [
        f"{trust.team} has no member who works here."
    ]
    leave(trust.governance)
    assert audience.reach(of(trust), Audience.GOVERNANCE).reasons == [
        f"{trust.organisation} has no governance lead."
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"failed_at": "2026-11-25T02:00Z"}, "address has refused mail since 25 November 2026."),
        ({"verified_at": None}, "address has not been verified."),
    ],
)
def test_a_route_that_cannot_be_used_says_why(trust: Trust, change: dict, sentence: str) -> None:
    trust.referrer.routes.filter(channel=Channel.IN_APP).delete()
    trust.referrer.routes.update(**change)
    assert audience.reach(of(trust), Audience.OWNER).reasons == [f"{trust.referrer}'s {sentence}"]


def test_somebody_without_any_route_has_no_address(trust: Trust) -> None:
    unlisted = trust.add(Role.REFERRER, team=trust.team, reachable=False)
    found = audience.reach(of(trust, owner_person=unlisted), Audience.OWNER)
    assert found.reasons == [f"{unlisted} has no address."]


def test_routes_come_in_the_order_that_the_person_chose(trust: Trust) -> None:
    RouteFactory(person=trust.referrer, address="first@trust.example", position=0)
    routes = audience.reach(of(trust), Audience.OWNER).told[0].routes
    assert [route.address for route in routes] == [
        "first@trust.example",
        "",
        trust.referrer.email,
    ]


def test_the_preview_shows_before_the_flag_whom_each_step_would_tell(trust: Trust) -> None:
    Route.objects.filter(person=trust.director).delete()
    finding = flagged(trust)
    steps = promise(category=finding.category, at=timezone.now()).steps
    previews = question.preview(Subject.of(finding), steps)
    assert [shown.step for shown in previews] == list(steps)
    first = previews[0].recipients[0]
    assert (first.person, first.routes) == (
        trust.referrer,
        ("in this application", "by e-mail"),
    )
    by_audience = {shown.step.audience: shown for shown in previews}
    assert by_audience["responsible"].reaches_somebody
    assert not by_audience["department"].reaches_somebody
    assert by_audience["department"].recipients[0].unreachable_because == (
        f"{trust.director} has no address."
    )


def test_the_preview_says_where_there_is_nobody_to_tell(trust: Trust) -> None:
    trust.director.memberships.all().delete()
    finding = flagged(trust)
    steps = promise(category=finding.category, at=timezone.now()).steps
    shown = {one.step.audience: one for one in question.preview(Subject.of(finding), steps)}
    assert shown["department"].recipients == ()
    assert shown["department"].nobody_because == f"{trust.team} has no clinical director."


def test_everybody_is_told_why_they_get_a_message(trust: Trust) -> None:
    finding = flagged(trust)
    said = {
        trust.referrer: "you hold this finding",
        trust.colleague: "you are a member of the team that holds this finding",
        trust.responsible: "you are the responsible consultant of the team that holds this finding",
        trust.director: "you are the clinical director of the team that holds this finding",
        trust.radiologist: "you flagged this finding",
        trust.coordinator: "you are a coordinator of the trust that made the images",
        trust.governance: "you are a governance lead of the trust that made the images",
    }
    standing = Standing(said)
    assert {person: standing.why(finding, person) for person in said} == said


def test_after_handing_over_the_new_owner_is_told_and_the_new_team_climbs(trust: Trust) -> None:
    finding = flagged(trust, at=timezone.now() - timedelta(minutes=5))
    new = a_trust()
    named = new.referrer
    finding = decline_finding(finding=finding, by=trust.referrer, because="Not mine.", to=named)
    assert told(Subject.of(finding), Audience.OWNER) == {named}
    assert told(Subject.of(finding), Audience.RESPONSIBLE) == {new.responsible}
    assert told(Subject.of(finding), Audience.COORDINATOR) == {trust.coordinator}
    finding = hand_over_finding(
        finding=finding, by=trust.coordinator, because="Their ward.", to_team=trust.team
    )
    assert trust.colleague in told(Subject.of(finding), Audience.OWNER)
