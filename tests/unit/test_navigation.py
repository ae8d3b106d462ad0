"""Where each role's places are, and what warns everybody."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from findings.models import Role
from imaging_safety.context import NAVIGATION, every_page
from notifications import pulse, watchdog
from notifications.models import Pulse
from tests.factories import PersonFactory

EVERYBODY = ["Inbox", "Learning", "Policy", "Help"]
PLACES = {
    Role.RADIOLOGIST: ["Reports", "To confirm", "My flags", "Inbox", "Learning", "Policy", "Help"],
    Role.REFERRER: ["My findings", "Inbox", "Learning", "Policy", "Help"],
    Role.COORDINATOR: [
        "Desk",
        "To confirm",
        "Inbox",
        "Open findings",
        "Waiting for a report",
        "Held items",
        "Governance",
        "Coverage",
        "People",
        "Rotas",
        "Integration",
        "Wordings",
        "Learning",
        "Policy",
        "Help",
    ],
    Role.GOVERNANCE: [
        "Inbox",
        "Open findings",
        "Waiting for a report",
        "Governance",
        "Coverage",
        "Wordings",
        "Learning",
        "Policy",
        "Help",
    ],
    Role.ADMINISTRATOR: [
        "Inbox",
        "Coverage",
        "People",
        "Rotas",
        "Routing",
        "Senders",
        "Integration",
        "Bank holidays",
        "Wordings",
        "Learning",
        "Policy",
        "Help",
    ],
}
FIRST = {
    Role.RADIOLOGIST: "reports",
    Role.REFERRER: "my-findings",
    Role.COORDINATOR: "desk",
    Role.GOVERNANCE: "governance",
    Role.ADMINISTRATOR: "people",
}


def places(person) -> list[str]:
    request = RequestFactory().get("/")
    request.user = person
    return [item["text"] for item in every_page(request)["layout"]["navigation"]]


@pytest.mark.parametrize("entry", NAVIGATION, ids=lambda entry: entry.name)
def test_every_place_in_the_navigation_exists(entry):
    assert reverse(entry.name)


@pytest.mark.parametrize("role", Role)
def test_a_role_sees_its_places(db, role):
    assert places(PersonFactory(roles=[role])) == PLACES[role]


def test_a_person_with_two_roles_sees_the_places_of_both(db):
    person = PersonFactory(roles=[Role.RADIOLOGIST, Role.GOVERNANCE])
    assert places(person)[:4] == ["Reports", "To confirm", "My flags", "Inbox"]


def test_somebody_without_a_role_sees_what_is_everybodys(db):
    assert places(PersonFactory(roles=[])) == EVERYBODY


def test_messages_are_shown_in_a_demonstration_only(db, settings):
    settings.DEMONSTRATION = True
    assert "Messages" in places(PersonFactory(roles=[]))
    settings.DEMONSTRATION = False
    assert "Messages" not in places(PersonFactory(roles=[]))


def test_nobody_who_has_not_signed_in_sees_any_place():
    assert places(AnonymousUser()) == []


@pytest.mark.parametrize("role", Role)
def test_home_is_the_page_with_the_roles_work(client, db, role):
    client.force_login(PersonFactory(roles=[role]))
    assert client.get("/").url == reverse(FIRST[role])


def test_home_asks_a_stranger_to_sign_in(client, db):
    assert client.get("/").url == "/sign-in/?next=/"


def test_the_place_where_one_is_is_marked(client, db):
    client.force_login(PersonFactory(roles=[Role.REFERRER]))
    html = client.get("/help/").content.decode()
    assert re.findall(r'href="([^"]+)" aria-current="page"', html) == ["/help/"]


@pytest.fixture
def silent_engine(db):
    """An engine whose last round was ten minutes ago."""
    for name in (pulse.FIRE, pulse.DELIVER, pulse.WATCH):
        Pulse.objects.update_or_create(
            name=name, defaults={"at": timezone.now() - timedelta(minutes=10)}
        )
    watchdog.forget()
    yield
    watchdog.forget()


def test_everybody_is_warned_when_the_engine_stands_still(client, silent_engine):
    client.force_login(PersonFactory(roles=[Role.REFERRER]))
    html = client.get("/help/").content.decode()
    assert "Warning: somebody has to look at this." in html
    assert str(watchdog.sentences()[0]) in html
    assert reverse("clock-health") in html


def test_a_warning_leads_to_where_it_is_dealt_with_whoever_may_go_there(client, db, monkeypatch):
    said = watchdog.Sentence("Nobody can be told of 1 open finding.", page="coverage")
    nowhere = watchdog.Sentence("The clocks differ.")
    monkeypatch.setattr(watchdog, "_look", lambda: [said, nowhere])
    watchdog.forget()
    leads = f'finding. <a href="{reverse("coverage")}">Coverage</a></li>'
    for path in ("/help/", reverse("clock-health")):
        client.force_login(PersonFactory(roles=[Role.COORDINATOR]))
        html = client.get(path).content.decode()
        assert leads in html
        assert "<li>The clocks differ.</li>" in html
        client.force_login(PersonFactory(roles=[Role.REFERRER]))
        html = client.get(path).content.decode()
        assert "<li>Nobody can be told of 1 open finding.</li>" in html
    client.logout()
    assert "<li>Nobody can be told of 1" in client.get(reverse("clock-health")).content.decode()
    watchdog.forget()


def test_a_stranger_is_not_told_about_the_engine(client, silent_engine):
    assert "somebody has to look" not in client.get("/sign-in/").content.decode()


def test_a_page_for_a_stranger_asks_the_database_nothing(client, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/help/")


def test_the_demonstration_says_so_on_every_page(client, db, settings):
    settings.DEMONSTRATION = True
    for path in ("/sign-in/", "/help/", "/nowhere/"):
        assert "every patient and person here is invented" in client.get(path).content.decode()


def test_no_hospital_shows_the_demonstrations_banner(client, db):
    assert "invented" not in client.get("/sign-in/").content.decode()
