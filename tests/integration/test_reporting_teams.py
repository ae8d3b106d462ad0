"""The team that hears of an examination without a report: nearest first, and never nobody."""

from itertools import product

import pytest
from django.urls import reverse

from findings.models import Audience, Membership, RoutingRule, Team
from findings.services.rota import make_post
from findings.services.timeline import database_now
from tests.factories import SiteFactory, Trust, a_trust
from tests.looking_ahead import duties_of
from tests.pages import fill_in, signed_in, words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def reporting_team(trust: Trust, **fields: object) -> Team:
    given = {"organisation": trust.organisation, "kind": Team.Kind.REPORTING, "name": "Reporting"}
    return Team.objects.create(**{**given, **fields})


def hears(trust: Trust) -> Team:
    return Team.objects.told_of_waiting([trust.site])[trust.site.pk]


def test_it_is_the_nearest_team_in_which_somebody_works(trust: Trust) -> None:
    """Every combination of teams ends at one with people in it, or with the coordinators."""
    across = reporting_team(trust, name="Across")
    here = reporting_team(trust, name="Here", site=trust.site)
    people = {team: trust.add(team=team) for team in (across, here)}
    for works_across, works_here in product((True, False), repeat=2):
        for team, works in ((across, works_across), (here, works_here)):
            people[team].is_active = works
            people[team].save()
        expected = here if works_here else across if works_across else trust.coordination
        assert hears(trust) == expected, (works_across, works_here)


def test_a_team_of_another_trust_or_site_never_hears(trust: Trust) -> None:
    other = a_trust()
    other.add(team=reporting_team(other))
    elsewhere = SiteFactory(organisation=trust.organisation)
    trust.add(team=reporting_team(trust, site=elsewhere))
    assert hears(trust) == trust.coordination


def test_any_number_of_sites_cost_one_query(trust: Trust, django_assert_num_queries) -> None:
    sites = [trust.site, SiteFactory(organisation=trust.organisation), a_trust().site]
    with django_assert_num_queries(1):
        assert len(Team.objects.told_of_waiting(sites)) == 3


def test_its_duties_are_asked_ahead(trust: Trust) -> None:
    team = reporting_team(trust)
    trust.add(team=team)

    def missing() -> list[str]:
        gaps = duties_of(trust.organisation, database_now()).uncovered
        return [gap.audience for gap in gaps if gap.team == team]

    assert missing() == [Audience.DEPARTMENT.label]
    trust.add(team=team, duty=Membership.Duty.DIRECTOR)
    assert missing() == []


def test_an_imaging_manager_can_be_on_the_rota_of_its_post(trust: Trust) -> None:
    team = reporting_team(trust)
    manager = trust.add(team=team)
    post = make_post(team=team, by=trust.coordinator, name="On duty", stands_for="department")
    assert list(post.may_be_on) == [manager]
    assert manager.is_imaging_manager
    assert not trust.colleague.is_imaging_manager


def test_no_finding_can_be_routed_to_it(trust: Trust) -> None:
    """Its members are no clinicians: they could not answer."""
    team = reporting_team(trust, name="Imaging reporting")
    address = reverse("add-routing-rule")
    client = signed_in(trust.coordinator)
    assert str(trust.team) in words_of(client.get(address))
    assert str(team) not in words_of(client.get(address))
    answer = fill_in(client, address, {"team": str(team.pk), "specialty": "resp"})
    assert "Select a team" in words_of(answer)
    assert not RoutingRule.objects.filter(team=team).exists()
