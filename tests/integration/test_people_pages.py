"""The directory: leave, leaving and coming back, on pages."""

from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from findings import words
from findings.forms.people import matches
from findings.models import Leave, Person, Role
from findings.services.leave import set_leave
from tests.factories import (
    OrganisationFactory,
    TeamFactory,
    Trust,
    a_trust,
    acknowledged,
    flagged,
    leaves_unseen,
)
from tests.pages import fill_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def typed(name: str, days: int) -> dict[str, str]:
    """A date so many days from now, as the three boxes have it."""
    on = timezone.localdate() + timedelta(days=days)
    return {
        f"{name}-day": str(on.day),
        f"{name}-month": str(on.month),
        f"{name}-year": str(on.year),
    }


WEEK = {**typed("first_on", 0), **typed("last_on", 7)}


def test_leave_with_a_deputy_is_entered_and_cancelled(trust: Trust) -> None:
    client = signed_in(trust.referrer)
    page = fill_in(
        client,
        reverse("leave", args=[trust.referrer.pk]),
        WEEK | {"name": trust.colleague.family_name},
    )
    assert page.url == reverse("me")
    leave = Leave.objects.get()
    assert (leave.person, leave.deputy) == (trust.referrer, trust.colleague)
    shown = words_of(client.get(reverse("me")))
    assert f"{words.day(leave.first_on)} to {words.day(leave.last_on)}" in shown
    assert str(trust.colleague) in shown
    client.post(reverse("cancel-leave", args=[leave.pk]))
    assert not Leave.objects.standing().exists()


def test_the_deputys_page_says_for_whom_they_stand_in(trust: Trust) -> None:
    today = timezone.localdate()
    set_leave(
        person=trust.referrer,
        by=trust.referrer,
        first_on=today,
        last_on=today,
        deputy=trust.colleague,
    )
    shown = words_of(signed_in(trust.colleague).get(reverse("me")))
    assert f"You stand in for {trust.referrer}" in shown


def test_a_coordinator_enters_leave_for_somebody(trust: Trust) -> None:
    client = signed_in(trust.coordinator)
    fill_in(client, reverse("leave", args=[trust.referrer.pk]), WEEK)
    leave = Leave.objects.get()
    assert (leave.person, leave.deputy, leave.entered_by) == (
        trust.referrer,
        None,
        trust.coordinator,
    )


def test_two_of_one_name_are_asked_about(trust: Trust) -> None:
    first = trust.add(Role.REFERRER, team=trust.team, family_name="Twice")
    trust.add(Role.REFERRER, team=trust.team, family_name="Twice")
    client, address = signed_in(trust.referrer), reverse("leave", args=[trust.referrer.pk])
    page = fill_in(client, address, WEEK | {"name": "twice"})
    assert page.status_code == 422
    assert "2 people are found" in words_of(page)
    client.post(address, WEEK | {"name": "twice", "person": str(first.pk)})
    assert Leave.objects.get().deputy == first


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({**typed("last_on", -1)}, "is in the past"),
        ({**typed("first_on", 9)}, "The last day cannot be before the first day"),
        ({"name": "nobodyatall"}, "Nobody who can stand in is called"),
        ({"first_on-day": ""}, "Enter a day"),
    ],
)
def test_leave_that_cannot_be_says_why(trust: Trust, change: dict[str, str], says: str) -> None:
    address = reverse("leave", args=[trust.referrer.pk])
    page = fill_in(signed_in(trust.referrer), address, WEEK | change)
    assert page.status_code == 422
    assert says in words_of(page)
    assert not Leave.objects.exists()


def test_leave_twice_is_refused_in_a_sentence(trust: Trust) -> None:
    client, address = signed_in(trust.referrer), reverse("leave", args=[trust.referrer.pk])
    fill_in(client, address, WEEK)
    assert "some of these days already" in words_of(fill_in(client, address, WEEK))


def test_before_somebody_leaves_the_page_shows_what_moves_where(trust: Trust) -> None:
    held = [flagged(trust), acknowledged(trust)]
    address = reverse("let-leave", args=[trust.referrer.pk])
    client = signed_in(trust.coordinator)
    shown = words_of(client.get(address))
    assert "2 open findings will move" in shown
    for finding in held:
        assert finding.reference in shown
        assert finding.examination.patient.family_name not in shown
    assert f"{trust.colleague}, {trust.responsible} and {trust.director}" in shown
    page = fill_in(client, address, {"because": "End of contract.", "when": "now"})
    assert page.url == reverse("person", args=[trust.referrer.pk])
    assert "2 findings went to the team" in words_of(client.get(page.url))
    assert not Person.objects.get(pk=trust.referrer.pk).is_active
    for finding in held:
        finding.refresh_from_db()
        assert finding.owner == trust.team


def test_a_duty_that_nobody_else_has_is_named(trust: Trust) -> None:
    shown = words_of(
        signed_in(trust.administrator).get(reverse("let-leave", args=[trust.responsible.pk]))
    )
    assert f"{trust.team} has no other responsible consultant who works here." in shown


def test_a_last_day_is_kept_and_taken_back(trust: Trust) -> None:
    client = signed_in(trust.administrator)
    address = reverse("let-leave", args=[trust.referrer.pk])
    answer = {"because": "Retired.", "when": "later"}
    assert "Enter the last day" in words_of(fill_in(client, address, answer))
    fill_in(client, address, answer | typed("last_day", 3))
    person = Person.objects.get(pk=trust.referrer.pk)
    assert person.leaves_on == timezone.localdate() + timedelta(days=3)
    assert person.is_active
    shown = words_of(client.get(reverse("person", args=[person.pk])))
    assert f"Last day: {words.day(person.leaves_on)}" in shown
    client.post(reverse("come-back", args=[person.pk]))
    assert Person.objects.get(pk=person.pk).leaves_on is None


def test_a_practice_is_kept_by_the_trusts_coordinators(trust: Trust) -> None:
    practice = OrganisationFactory(kind="practice")
    team = TeamFactory(organisation=practice, kind="practice")
    doctor = trust.add(Role.REFERRER, organisation=practice, team=team)
    client = signed_in(trust.coordinator)
    address = reverse("let-leave", args=[doctor.pk])
    fill_in(client, address, {"because": "Retired.", "when": "now"})
    assert not Person.objects.get(pk=doctor.pk).is_active


def test_the_directory_is_searched_and_shows_no_other_trust(trust: Trust) -> None:
    other = a_trust()
    trust.add(Role.REFERRER, team=trust.team, given_name="Siân", family_name="O'Brien")
    client = signed_in(trust.coordinator)
    assert other.referrer.family_name not in words_of(client.get(reverse("people")))
    found = words_of(client.get(reverse("people") + "?name=sian+obrien"))
    assert "O'Brien" in found
    assert trust.referrer.family_name not in found


@pytest.mark.parametrize(
    ("given", "family", "typed"),
    [
        ("Zoë", "O'Brien", "ZOE OBRIEN"),
        ("Zoe", "O\u2019Brien", "zoë o'brien"),
        ("Zoë", "Obrien", "O\u2018Brien"),
        ("Zoë", "O'Brien", "o brien"),
        ("Łukasz", "Sørensen-Đurić", "lukasz duric"),
        ("Ζωή Zoe", "Παππά", "ζωη παππα"),
    ],
)
def test_a_colleague_is_found_whatever_the_accents_and_apostrophes(
    trust: Trust, given: str, family: str, typed: str
) -> None:
    """In the directory, which the database folds, and where somebody is named in a form."""
    wanted = trust.add(Role.REFERRER, team=trust.team, given_name=given, family_name=family)
    page = signed_in(trust.coordinator).get(reverse("people"), {"name": typed})
    assert [one.pk for one in matches(Person.objects.active(), typed)] == [wanted.pk]
    assert wanted.full_name in unescape(page.content.decode())
    assert trust.referrer.family_name not in words_of(page)


def test_leavers_come_last_unless_they_still_hold_something(trust: Trust) -> None:
    flagged(trust)
    leaves_unseen(trust.referrer)
    Person.objects.filter(pk=trust.director.pk).update(is_active=False)
    page = words_of(signed_in(trust.coordinator).get(reverse("people")))
    first, last = page.index(str(trust.referrer)), page.index(str(trust.director))
    others = [page.index(str(one)) for one in (trust.colleague, trust.governance)]
    assert first < min(others)
    assert last > max(others)


def test_the_pages_ask_no_more_the_more_there_is(trust: Trust) -> None:
    client = signed_in(trust.coordinator)
    addresses = [
        reverse("people"),
        reverse("person", args=[trust.referrer.pk]),
        reverse("let-leave", args=[trust.referrer.pk]),
    ]
    flagged(trust)
    few = [queries_without_banner(client, address) for address in addresses]
    for _ in range(3):
        flagged(trust, category="cancer")
        trust.add(Role.REFERRER, team=trust.team)
    assert [queries_without_banner(client, address) for address in addresses] == few


def test_djangos_own_pages_cannot_switch_anybody_off(trust: Trust) -> None:
    from django.test import RequestFactory

    from findings.admin import directory

    request = RequestFactory().get("/")
    request.user = trust.administrator
    form = directory._registry[Person].get_form(request, trust.referrer, change=True)
    assert not {"is_active", "left_at"} & set(form.base_fields)
