"""How somebody is told: kept in order, and counted only once verified."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from findings import newcomers
from findings.models import Audience, Person, Role
from findings.reach import Subject
from findings.rules import NotAllowed
from findings.services.staff_import import Change, Outcome, import_people
from notifications.audience import reach
from notifications.models import Channel, Route, RouteChange
from notifications.route_forms import international
from notifications.routes import (
    MOST_TRIES,
    Refused,
    add_route,
    confirm_code,
    mark_as_bounced,
    move_up,
    remove_route,
    send_code,
    send_test,
)
from tests.engine.mail import MailServer
from tests.factories import RouteFactory, Trust, flagged
from tests.pages import fill_in, signed_in, words_of

pytestmark = pytest.mark.django_db
ADDRESS = "ada.home@trust.example"


def code_in(mail: MailServer) -> str:
    return re.search(r"\b([0-9]{6})\b", mail.arrived[-1].text)[1]


def another(trust: Trust) -> Route:
    me = trust.referrer
    return add_route(person=me, channel=Channel.EMAIL, address=ADDRESS, by=me)


def test_an_unverified_route_reaches_nobody(trust: Trust) -> None:
    finding = flagged(trust)
    trust.referrer.routes.update(removed_at=timezone.now())
    another(trust)
    (one,) = reach(Subject.of(finding), Audience.OWNER).people
    assert not one.routes
    assert one.unreachable_because == f"{trust.referrer}'s address has not been verified."


def test_the_code_that_came_there_verifies_it(trust: Trust, mail: MailServer) -> None:
    route = another(trust)
    send_code(route=route, by=trust.referrer)
    confirm_code(route=route, code=code_in(mail), by=trust.referrer)
    assert route in Route.objects.usable()
    assert list(route.changes.values_list("what", flat=True)) == ["verified", "code_sent", "added"]


def test_a_bounced_route_counts_again_once_it_is_verified_again(
    trust: Trust, mail: MailServer
) -> None:
    route = trust.referrer.routes.get(channel=Channel.EMAIL)
    assert mark_as_bounced(route, "550 unknown")
    assert not mark_as_bounced(route, "550 unknown")
    assert route not in Route.objects.usable()
    send_code(route=route, by=trust.referrer)
    confirm_code(route=route, code=code_in(mail), by=trust.referrer)
    assert route in Route.objects.usable()


def test_a_code_counts_for_a_day_and_five_tries(trust: Trust, mail: MailServer) -> None:
    route = another(trust)
    send_code(route=route, by=trust.referrer)
    right = code_in(mail)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for _ in range(MOST_TRIES):
        with pytest.raises(Refused, match="not the code"):
            confirm_code(route=route, code=wrong, by=trust.referrer)
    with pytest.raises(Refused, match="no longer counts"):
        confirm_code(route=route, code=right, by=trust.referrer)
    Route.objects.update(code_tries=0, code_sent_at=timezone.now() - timedelta(hours=25))
    with pytest.raises(Refused, match="no longer counts"):
        confirm_code(route=route, code=right, by=trust.referrer)


def test_a_code_of_one_route_verifies_no_other(trust: Trust, mail: MailServer) -> None:
    first, second = another(trust), trust.referrer.routes.get(channel=Channel.EMAIL, position=2)
    send_code(route=first, by=trust.referrer)
    code = code_in(mail)
    send_code(route=second, by=trust.referrer)
    if code_in(mail) != code:
        with pytest.raises(Refused):
            confirm_code(route=second, code=code, by=trust.referrer)


def test_codes_are_not_sent_one_after_the_other(trust: Trust, mail: MailServer) -> None:
    route = another(trust)
    send_code(route=route, by=trust.referrer)
    route.refresh_from_db()
    with pytest.raises(Refused, match="a moment ago"):
        send_code(route=route, by=trust.referrer)
    assert len(mail.arrived) == 1


def test_the_code_is_kept_nowhere(trust: Trust, mail: MailServer) -> None:
    route = another(trust)
    send_code(route=route, by=trust.referrer)
    route.refresh_from_db()
    assert code_in(mail) not in route.code_hash
    assert code_in(mail) not in str(mail.arrived[-1].message["Subject"])


def test_an_address_that_refuses_the_code_is_marked(trust: Trust, mail: MailServer) -> None:
    mail.answers[ADDRESS] = "550 5.1.1 unknown"
    route = another(trust)
    with pytest.raises(Refused, match="550"):
        send_code(route=route, by=trust.referrer)
    route.refresh_from_db()
    assert route.failed_at is not None


def test_a_test_message_asks_for_nothing(trust: Trust, mail: MailServer) -> None:
    route = trust.referrer.routes.get(channel=Channel.EMAIL)
    flagged(trust)
    send_test(route=route, by=trust.referrer)
    assert "Nothing needs doing" in mail.arrived[0].text
    with pytest.raises(Refused, match="a moment ago"):
        send_test(route=route, by=trust.referrer)
    with pytest.raises(Refused, match="Verify it first"):
        send_test(route=another(trust), by=trust.referrer)


def test_routes_are_put_in_order_and_removed(trust: Trust) -> None:
    me = trust.referrer
    last = another(trust)
    move_up(route=last, by=me)
    assert list(Route.objects.kept().filter(person=me).order_by("position"))[1] == last
    remove_route(route=last, by=me)
    assert last not in Route.objects.kept()
    back = another(trust)
    assert (back, back.verified_at) == (last, None)


def test_nobody_is_without_the_application(trust: Trust) -> None:
    route = trust.referrer.routes.get(channel=Channel.IN_APP)
    with pytest.raises(Refused, match="cannot be removed"):
        remove_route(route=route, by=trust.referrer)


@pytest.mark.parametrize("who", ["colleague", "coordinator", "radiologist"])
def test_nobody_else_changes_how_somebody_is_told(trust: Trust, who: str) -> None:
    with pytest.raises(NotAllowed):
        add_route(
            person=trust.referrer, channel=Channel.EMAIL, address=ADDRESS, by=getattr(trust, who)
        )
    with pytest.raises(NotAllowed):
        remove_route(route=trust.referrer.routes.get(channel=Channel.EMAIL), by=getattr(trust, who))


def test_somebody_new_is_told_in_the_application_at_once(trust: Trust) -> None:
    new = trust.add(Role.REFERRER, team=trust.team, reachable=False)
    newcomers.greet(new)
    newcomers.greet(new)
    usable = Route.objects.usable().filter(person=new)
    assert [route.channel for route in usable] == [Channel.IN_APP]
    assert Route.objects.filter(person=new).count() == 2
    new.email = "new@trust.example"
    newcomers.greet(new)
    assert Route.objects.filter(person=new).count() == 3


@pytest.mark.parametrize(
    "typed", ["07700 900123", "+44 7700 900123", "0044-7700-900123", "(07700) 900123"]
)
def test_a_mobile_number_is_made_international(typed: str) -> None:
    assert international(typed) == "+447700900123"


@pytest.mark.parametrize("typed", ["12", "01632 960000", "call me", "+44 07700"])
def test_what_is_no_mobile_number_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        international(typed)


def test_from_the_page_to_a_verified_route(trust: Trust, mail: MailServer) -> None:
    client = signed_in(trust.referrer)
    address = reverse("routes", args=[trust.referrer.pk])
    page = fill_in(client, address, {"channel": "email", "address": ADDRESS})
    route = Route.objects.get(address=ADDRESS)
    assert page.url == reverse("verify-route", args=[route.pk])
    assert f"/routes/{route.pk}/verify/" in mail.arrived[0].text
    client.get(page.url)
    client.head(page.url)
    assert route not in Route.objects.usable()
    done = fill_in(client, page.url, {"code": code_in(mail)})
    assert done.url == address
    assert route in Route.objects.usable()
    client.post(reverse("move-route", args=[route.pk]))
    client.post(reverse("remove-route", args=[route.pk]))
    client.get(address)  # says once that it is verified
    kept, _, trail = words_of(client.get(address)).partition("Changes")
    assert ADDRESS not in kept
    assert f"What Removed Before {ADDRESS} After" in trail
    assert f"What Verified Before – After {ADDRESS}" in trail  # noqa: RUF001


def test_the_page_says_why_an_address_is_wrong(trust: Trust) -> None:
    client, address = signed_in(trust.referrer), reverse("routes", args=[trust.referrer.pk])
    page = fill_in(client, address, {"channel": "email", "address": "nowhere"})
    assert "Enter an e-mail address like" in words_of(page)
    mine = trust.referrer.routes.get(channel=Channel.EMAIL).address
    page = fill_in(client, address, {"channel": "email", "address": mine})
    assert "This is on the list already." in words_of(page)


def test_an_administrator_keeps_somebodys_routes_and_a_coordinator_sees_no_address(
    trust: Trust,
) -> None:
    RouteFactory(person=trust.referrer, address=ADDRESS, position=3)
    shown = words_of(
        signed_in(trust.administrator).get(reverse("routes", args=[trust.referrer.pk]))
    )
    assert ADDRESS in shown
    seen = words_of(signed_in(trust.coordinator).get(reverse("person", args=[trust.referrer.pk])))
    assert ADDRESS not in seen
    assert "By e-mail" in seen


def imported(trust: Trust, **more: Any) -> Outcome[Change]:
    raw = (
        "username,given_name,family_name,organisation,email\n"
        f"sian,Siân,New,{trust.organisation.ods_code},sian@trust.example\n"
    )
    return import_people(raw.encode(), by=trust.administrator, **more)


def email_of(username: str) -> Route:
    return Route.objects.get(person__username=username, channel=Channel.EMAIL)


def test_an_administrator_may_vouch_for_the_addresses_of_a_list(trust: Trust) -> None:
    imported(trust)
    assert not email_of("sian").is_usable
    (change,) = imported(trust, addresses_verified=True).changes
    assert change.details == ("messages will go to sian@trust.example without a code",)
    route = email_of("sian")
    assert route.is_usable
    (said,) = route.changes.filter(what=RouteChange.What.VOUCHED)
    assert said.by == trust.administrator
    assert imported(trust, addresses_verified=True).changes == []
    page = words_of(signed_in(trust.administrator).get(reverse("routes", args=[route.person_id])))
    assert f"staff list: {trust.administrator}, " in page


def test_nobody_vouches_for_an_address_that_refused_a_message(trust: Trust) -> None:
    imported(trust)
    mark_as_bounced(email_of("sian"), "550 5.1.1 No such mailbox")
    assert imported(trust, addresses_verified=True).changes == []
    assert not email_of("sian").is_usable


def test_vouching_needs_somebody_who_does(trust: Trust, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Somebody must say"):
        import_people(b"", by=None, addresses_verified=True)
    file = tmp_path / "staff.csv"
    file.write_text("username\n")
    for nobody in (trust.referrer.username, "nobody"):
        with pytest.raises(CommandError, match="is no administrator"):
            call_command("import_people", file, addresses_verified_by=nobody)


def test_the_import_makes_routes_for_new_people(trust: Trust) -> None:
    imported(trust)
    routes = Route.objects.filter(person=Person.objects.get(username="sian"))
    assert {(one.channel, one.verified_at is None) for one in routes} == {
        ("in_app", False),
        ("email", True),
    }
