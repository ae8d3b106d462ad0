"""The lists of findings: whose, in which order, filtered by the address, and at a flat cost."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import Finding, Person, Role, Team, Viewing
from findings.services.acknowledge import decline_finding
from findings.services.close import withdraw_finding
from findings.views import listing
from tests.factories import TEXT, TeamFactory, Trust, a_trust, acknowledged, flagged, leaves_unseen
from tests.integration.test_finding_page import corrected
from tests.pages import queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db

MINE, OPEN = reverse("my-findings"), reverse("open-findings")


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def shown(address: str, person: Person, **query: str) -> list[str]:
    """The references on the page in their order."""
    response = signed_in(person).get(address, query)
    assert response.status_code == 200
    html = response.content.decode()
    places = {
        finding.reference: html.find(reverse("finding", args=[finding.reference]))
        for finding in Finding.objects.all()
    }
    return sorted((ref for ref, place in places.items() if place >= 0), key=places.__getitem__)


def references(*findings: Finding) -> list[str]:
    return [finding.reference for finding in findings]


def ago(**span: float) -> Any:
    return timezone.now() - timedelta(**span)


# --- Mine ------------------------------------------------------------------------------------


def test_own_come_first_then_the_teams_and_in_each_the_least_time_left(trust: Trust) -> None:
    in_time = flagged(trust, category="cancer")
    late = flagged(trust, category="critical", at=ago(hours=5))
    pressing = flagged(trust, category="critical")
    of_team = flagged(trust, category="critical", at=ago(hours=9))
    decline_finding(finding=of_team, by=trust.referrer, because="Not mine.")
    assert shown(MINE, trust.referrer) == references(late, pressing, in_time, of_team)


def test_what_is_late_and_how_late_stands_in_words(trust: Trust) -> None:
    flagged(trust, category="critical", at=ago(hours=5))
    acknowledged(trust, flagged(trust, at=ago(hours=9)), at=ago(hours=8))
    words = words_of(signed_in(trust.referrer).get(MINE))
    assert re.search(r"Acknowledgement was due [^(]*\(4 hours ago\)", words)
    assert re.search(r"Action was due [^(]*\(\d hours?", words)


def test_a_coordinator_who_is_a_referrer_too_sees_here_only_their_own(trust: Trust) -> None:
    flagged(trust)
    both = trust.add(Role.REFERRER, Role.COORDINATOR, team=TeamFactory(site=trust.site))
    assert shown(MINE, both) == []
    assert len(shown(OPEN, both)) == 1


def test_a_state_in_the_address_narrows_the_list(trust: Trust) -> None:
    waiting, taken = flagged(trust), acknowledged(trust)
    ended = flagged(trust)
    withdraw_finding(finding=ended, by=trust.radiologist, because="In error.")
    assert set(shown(MINE, trust.referrer)) == set(references(waiting, taken))
    assert shown(MINE, trust.referrer, state="acknowledged") == references(taken)
    assert shown(MINE, trust.referrer, state="ended") == references(ended)


def test_a_state_that_does_not_exist_is_said_and_shows_nothing(trust: Trust) -> None:
    flagged(trust)
    response = signed_in(trust.referrer).get(MINE, {"state": "lost"})
    assert "Select one of the choices on this page" in words_of(response)
    assert shown(MINE, trust.referrer, state="lost") == []


def test_nothing_to_do_is_said_in_words(trust: Trust) -> None:
    page = words_of(signed_in(trust.referrer).get(MINE))
    assert "Nothing is waiting for you or your teams." in page


def test_each_list_is_for_its_roles(trust: Trust) -> None:
    for person in (trust.radiologist, trust.coordinator, trust.governance, trust.administrator):
        assert signed_in(person).get(MINE).status_code == 403
    for person in (trust.radiologist, trust.referrer, trust.administrator):
        assert signed_in(person).get(OPEN).status_code == 403


def test_whose_data_was_seen_in_a_list_is_recorded(trust: Trust) -> None:
    finding = flagged(trust)
    shown(MINE, trust.referrer)
    viewing = Viewing.objects.get(person=trust.referrer, page="my-findings")
    assert viewing.patients == [finding.examination.patient_id]


# --- The organisation's ----------------------------------------------------------------------


def test_an_overseer_sees_everything_open_in_the_trust_and_nothing_of_another(
    trust: Trust,
) -> None:
    here, elsewhere = flagged(trust), flagged(a_trust())
    for person in (trust.coordinator, trust.governance):
        assert shown(OPEN, person) == references(here)
    assert elsewhere.organisation_id != here.organisation_id


@pytest.fixture
def hospital(trust: Trust) -> dict[str, Finding]:
    """One finding for each filter; what is not named is in time and waiting."""
    left = trust.add(Role.REFERRER, team=trust.team)
    reopened = flagged(trust, category="significant_unexpected", at=ago(days=1))
    acknowledged(trust, reopened)
    corrected(trust, reopened, TEXT.replace("14", "41"))
    orphan = flagged(trust, category="cancer", owner=left)
    leaves_unseen(left)
    return {
        "waiting": flagged(trust, category="follow_up_recommended"),
        "late": flagged(trust, category="critical", at=ago(hours=3)),
        "forgotten": acknowledged(
            trust, flagged(trust, category="urgent", at=ago(days=9)), at=ago(days=9)
        ),
        "reopened": reopened,
        "owner_left": orphan,
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"late": "yes"}, ["forgotten", "late"]),
        ({"forgotten": "yes"}, ["forgotten"]),
        ({"reopened": "yes"}, ["reopened"]),
        ({"owner_left": "yes"}, ["owner_left"]),
        ({"state": "acknowledged"}, ["forgotten"]),
        ({"category": "critical"}, ["late"]),
        ({"category": "critical", "state": "acknowledged"}, []),
    ],
)
def test_each_filter_of_the_address_shows_its_rows(
    trust: Trust, hospital: dict[str, Finding], query: dict[str, str], names: list[str]
) -> None:
    expected = references(*(hospital[name] for name in names))
    assert sorted(shown(OPEN, trust.governance, **query)) == sorted(expected)


def test_site_team_and_owner_narrow_the_list_too(
    trust: Trust, hospital: dict[str, Finding]
) -> None:
    everything = len(hospital)
    assert len(shown(OPEN, trust.governance, site=str(trust.site.pk))) == everything
    assert len(shown(OPEN, trust.governance, team=str(trust.team.pk))) == everything
    of_referrer = shown(OPEN, trust.governance, owner=str(trust.referrer.pk))
    assert len(of_referrer) == everything - 1


def test_a_site_or_team_of_another_trust_is_no_choice(trust: Trust) -> None:
    flagged(trust)
    other = a_trust()
    for query in ({"site": str(other.site.pk)}, {"team": str(other.team.pk)}):
        response = signed_in(trust.governance).get(OPEN, query)
        assert "Select one of the choices on this page" in words_of(response)
        assert other.site.name not in words_of(response)


@pytest.mark.parametrize("name", ["late", "forgotten", "reopened", "owner_left"])
def test_each_count_is_the_number_of_rows_that_its_link_shows(
    trust: Trust, hospital: dict[str, Finding], name: str
) -> None:
    response = signed_in(trust.governance).get(OPEN)
    html = " ".join(response.content.decode().split())
    rows = shown(OPEN, trust.governance, **{name: "yes"})
    assert f'href="{OPEN}?{name}=yes"><strong>{len(rows)}</strong>' in html


def test_the_filters_stay_when_the_page_is_turned(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "ROWS_ON_A_PAGE", 1)
    for _ in range(2):
        flagged(trust, category="critical", at=ago(hours=5))
    query = {"late": "yes", "category": "critical", "name": "SMITH"}
    html = signed_in(trust.governance).get(OPEN, query).content.decode()
    assert "?category=critical&amp;late=yes&amp;after=" in html
    assert "SMITH" not in html


# --- Their cost ------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [MINE, OPEN])
def test_the_number_of_queries_does_not_grow_with_the_rows(trust: Trust, address: str) -> None:
    person = trust.referrer if address == MINE else trust.governance

    client = signed_in(person)
    flagged(trust)
    few = queries_without_banner(client, address)
    for _ in range(6):
        flagged(trust, category="cancer")
        acknowledged(trust)
    assert queries_without_banner(client, address) == few
    assert few <= 20


def test_a_team_with_a_quote_in_its_name_is_shown_as_it_is(trust: Trust) -> None:
    Team.objects.filter(pk=trust.team.pk).update(name='<b>"Ward" & Co</b>')
    finding = flagged(trust)
    decline_finding(finding=finding, by=trust.referrer, because="Not mine.")
    html = signed_in(trust.governance).get(OPEN).content.decode()
    assert '<b>"Ward"' not in html
    assert "&lt;b&gt;" in html
