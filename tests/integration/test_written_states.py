"""No page is empty, and no answer leaves somebody without a next step: lists without rows, filters
that find nothing, and what goes wrong."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings import words
from findings.models import BankHoliday, NoReport, Person, Role
from findings.services.leave import set_leave
from findings.services.report_by import expect_report, no_report_expected
from findings.services.rota import add_entry, make_post
from findings.services.routing import add_rule
from findings.shifts import Shift
from notifications.models import Channel
from tests.factories import PersonFactory, Trust, a_trust, flagged, unreported
from tests.pages import hidden_in, signed_in, words_of

pytestmark = pytest.mark.django_db
# What each role finds empty on its first day, and a filter under which every list is.
LISTS: dict[str, dict[str, str]] = {
    "radiologist": {"my-flags": "", "reports": "", "to-confirm": ""},
    "referrer": {"my-findings": "state=acted_on", "my-week": "", "inbox": ""},
    "coordinator": {
        "desk": "reason=unroutable",
        "open-findings": "state=acted_on",
        "waiting": "late=yes",
        "held-items": "",
        "merges": "",
        "patient-changes": "",
        "shift-sheets": "",
        "directory-changes": "",
        "inbox": "",
    },
    "governance": {"governance": "", "coverage": ""},
    "administrator": {"rotas": "", "people": "name=nobody", "coverage": ""},
}
EMPTY = re.compile(r'<div class="[^"]*app-empty">(.*?)</div>', re.DOTALL)


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def empty_states(answer: Any) -> list[str]:
    return EMPTY.findall(answer.content.decode())


def has_a_next_step(html: str) -> bool:
    """A link; or a second sentence, which says what comes here or what to do."""
    words = re.sub(r"<[^>]+>", " ", html)
    return "href=" in html or len(re.findall(r"[.:;](?=\s)", words + " ")) > 1


@pytest.mark.parametrize("role", LISTS)
def test_every_list_without_rows_says_so_and_what_comes_next(trust: Trust, role: str) -> None:
    client, left_over = signed_in(getattr(trust, role)), []
    for name, query in LISTS[role].items():
        page = reverse(name)
        for address in (page, f"{page}?{query}") if query else (page,):
            answer = client.get(address)
            assert answer.status_code == 200, (address, words_of(answer))
            found = empty_states(answer)
            if not found and not (name == "people" and address == page):
                left_over.append(f"{address}: nothing is said")
            left_over += [f"{address}: {one}" for one in found if not has_a_next_step(one)]
            if found and address != page and f'href="{page}"' not in found[-1]:
                left_over.append(f"{address}: no link to everything")
    assert not left_over


def test_the_walk_sees_a_sentence_that_leads_nowhere() -> None:
    assert not has_a_next_step("<p>Nothing is here.</p>")
    assert has_a_next_step("<p>Nothing is here. Flag something.</p>")


# --- Pressed twice, or second ------------------------------------------------------------------


def pressed_twice(first: Client, second: Client, address: str, typed: dict[str, str]) -> str:
    """What the second is told, on the page that the button was on."""
    for client in (first, second):
        seen = hidden_in(client.get(address)) if client is first else {}
        answer = client.post(address, {**seen, **typed})
    assert answer.status_code == 302, words_of(answer)
    return words_of(second.get(answer.url))


def test_whoever_is_second_is_told_who_was_first(trust: Trust) -> None:
    """And nothing is done a second time: what both pressed for is gone already."""
    first = trust.add(Role.COORDINATOR, Role.ADMINISTRATOR, Role.REFERRER)
    second = trust.add(Role.COORDINATOR, Role.ADMINISTRATOR)
    clients = signed_in(first), signed_in(second)
    because = {"because": "Not needed.", "source": "The gazette."}

    rule = add_rule(
        organisation=trust.organisation, by=first, team=trust.team, specialty="respiratory"
    )
    said = pressed_twice(*clients, reverse("remove-routing-rule", args=[rule.pk]), {})
    assert "That rule was removed already." in said

    day = BankHoliday.objects.counting("ENG").latest("on")
    said = pressed_twice(*clients, reverse("remove-bank-holiday", args=[day.pk]), because)
    assert f"{day.name}, {words.day(day.on)}, was removed already, by {first}." in said

    post = make_post(team=trust.team, by=first, name="On call", stands_for="responsible")
    night = Shift.between(datetime(2027, 1, 1, 21), datetime(2027, 1, 2, 10))  # noqa: DTZ001
    on = add_entry(post=post, person=trust.colleague, shift=night, by=first)
    said = pressed_twice(*clients, reverse("remove-shift", args=[on.pk]), {})
    assert f"taken off the rota already, by {first}." in said

    examination = unreported(trust)
    expect_report(examination)
    reason = NoReport.Reason.CANCELLED
    no_report_expected(examination, reason=reason, because="Cancelled.", by=first)
    address = reverse("report-expected", args=[examination.public_id])
    said = pressed_twice(*clients, address, because)
    assert f"was taken back already, by {first}. Nothing more was done." in said
    assert clients[1].get(address).status_code == 302

    today = timezone.localdate()
    leave = set_leave(person=trust.colleague, by=first, first_on=today, last_on=today)
    address = reverse("cancel-leave", args=[leave.pk])
    for client in clients:
        answer = client.post(address)
    assert f"The leave of {trust.colleague} was cancelled already." in words_of(
        clients[1].get(answer.url)
    )

    route = first.routes.get(channel=Channel.EMAIL)
    for client in clients:
        answer = client.post(reverse("remove-route", args=[route.pk]))
    shown = words_of(clients[1].get(answer.url))
    assert f"{route.address} was removed already, by {first}." in shown


# --- What goes wrong ---------------------------------------------------------------------------


def test_somebody_who_may_not_is_told_why(trust: Trust) -> None:
    answer = signed_in(trust.referrer).get(reverse("wordings"))
    assert answer.status_code == 403
    assert "for coordinators, governance and administrators. Nothing was done." in words_of(answer)


def test_an_address_of_a_button_is_no_empty_page(trust: Trust) -> None:
    """As after a sign-in that ended: the address that a button was sent to is opened again."""
    finding = flagged(trust)
    address = reverse("undo-flag", args=[finding.reference])
    away = Client().post(address)
    client = signed_in(trust.radiologist)
    answer = client.get(away.url.partition("next=")[2])
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    text = words_of(answer)
    assert "Nothing was done" in text
    assert "press once more" in text
    assert str(trust.radiologist) in text  # a whole page, with its header
    assert client.head(address).status_code == 405


def test_what_is_too_large_says_so(trust: Trust, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    client = signed_in(trust.referrer)
    answer = client.post(reverse("note", args=[flagged(trust).reference]), {"text": "x" * 2000})
    assert answer.status_code == 413
    assert "Go back, send less at once" in words_of(answer)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10000, 2
    answer = client.post(reverse("sign-out"), dict.fromkeys("abcd", "1"))
    assert answer.status_code == 413


def test_a_name_that_is_closed_says_for_how_long(settings: Any) -> None:
    person: Person = PersonFactory(roles=[Role.REFERRER])
    client, page = Client(), reverse("sign-in")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post(page, {"username": person.username, "password": "wrong"})
    assert answer.status_code == 429
    text = words_of(answer)
    assert "is closed here for" in text
    assert "Telephone about anything urgent" in text
