"""The coordinators' desk: why each row stands there, in which order, and what clears it."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.models import Event, Finding, PhoneCall, Role, Viewing
from findings.presenters.reasons import REASONS
from findings.services.acknowledge import acknowledge_finding, hand_over_finding
from findings.services.hold import set_aside
from findings.services.phone import record_call
from findings.services.senders import make_sender
from findings.services.timeline import add_note
from findings.views import listing
from tests.factories import TeamFactory, Trust, a_trust, flagged
from tests.integration.desk_scene import ago, call, everything, failed, held
from tests.integration.test_integration_page import every_half_hour
from tests.pages import hidden_in, queries_without_banner, signed_in, turn, words_of

pytestmark = pytest.mark.django_db

DESK, PRESSED = reverse("desk"), reverse("desk-pressed")
_ROW = re.compile(r'<li class="app-desk__row[^"]*" id="(?P<key>[^"]+)">(?P<html>.*?)</li>', re.S)


@pytest.fixture
def desk(trust: Trust) -> Client:
    return signed_in(trust.coordinator)


def keys(client: Client, address: str = DESK, **query: str) -> list[str]:
    """What stands on the desk, in its order, page after page."""
    response = client.get(address, query)
    found = re.findall(r'<li class="app-desk__row[^"]*" id="([^"]+)"', response.content.decode())
    later = turn(response)
    return found + (keys(client, later) if later else [])


def key(what: Any) -> str:
    kind = {"Finding": "finding", "Receipt": "held", "Proposal": "proposal", "Sender": "feed"}
    return f"{kind.get(type(what).__name__, 'wait')}-{what.pk}"


def link_of(client: Client, what: Any) -> str:
    """Where the one thing of its row leads."""
    html = unescape(client.get(DESK).content.decode())
    return re.search(rf'href="({PRESSED}\?row={key(what)}&[^"]*)"', html)[1]  # type: ignore[index]


def phoned(client: Client, what: Any) -> str:
    """What the button sends by which somebody says that they phoned."""
    html = unescape(client.get(DESK).content.decode())
    return re.search(rf'name="press" value="(row={key(what)}&[^"]*)"', html)[1]  # type: ignore[index]


def test_each_reason_has_its_rows_in_the_order_of_harm_at_one_cost(
    trust: Trust, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = everything(trust)
    assert set(made) == set(REASONS), "one of each"
    for code, what in made.items():
        page = desk.get(DESK, {"reason": code})
        assert keys(desk, reason=code) == [key(what)], code
        assert REASONS[code].title in words_of(page)
    page = words_of(desk.get(DESK))
    assert f"{len(made)} on the desk" in page, "what needs nobody is not there"
    for said in SAID:
        assert said in page, said
    assert Viewing.objects.filter(person=trust.coordinator, page="desk").exists()
    few = queries_without_banner(desk, DESK)
    assert few <= 25
    _in_the_order_of_harm(trust, desk, made)
    assert queries_without_banner(desk, DESK) <= few, "more rows ask no more"
    _turned_page_by_page(trust, desk, monkeypatch)


SAID = (
    "Dr Nobody has no address that works.",
    "No such mailbox.",
    "Left or right?",
    "Not mine.",
    "No team hears of it.",
    "At stake: critical",
    "has sent nothing since",
)


def _in_the_order_of_harm(trust: Trust, desk: Client, made: dict[str, Any]) -> None:
    """Harm, then the category, then how long."""
    critical, longer = flagged(trust), flagged(trust, at=ago(minutes=75))
    failed(critical)
    failed(flagged(trust, owner=trust.add(Role.REFERRER, team=TeamFactory())))
    order = keys(desk)
    assert order[:2] == [key(made["held_alert"]), key(critical)], "the most severe, the longest"
    assert order.index(key(made["bounced"])) < order.index(key(longer))
    assert order.index(key(longer)) < order.index(key(made["late_unread"]))
    assert order.index(key(made["late_unread"])) < order.index(key(made["patient_not_told"]))
    assert order[-1] == key(made["rung"])


def _turned_page_by_page(trust: Trust, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    order = keys(desk)
    monkeypatch.setattr(listing, "ROWS_ON_A_PAGE", 4)
    assert keys(desk) == order
    second = turn(desk.get(DESK))
    critical = Finding.objects.get(pk=order[1].removeprefix("finding-"))
    acknowledge_finding(finding=critical, by=trust.referrer, plan="Now.")
    assert keys(desk, second) == order[4:], "what left before it shifts nothing"
    assert keys(desk, turn(desk.get(second), "prev"))[:3] == [order[0], *order[2:4]]


def test_another_trust_has_a_desk_of_its_own_and_others_have_none(
    trust: Trust, desk: Client
) -> None:
    failed(flagged(trust))
    assert len(keys(desk)) == 1
    assert "Nothing needs you now." in words_of(signed_in(a_trust().coordinator).get(DESK))
    assert signed_in(trust.governance).get(DESK).status_code == 403
    assert signed_in(trust.coordinator).get("/").url == DESK, "where a coordinator begins"


# --- What clears a row -------------------------------------------------------------------------


def test_a_call_puts_it_last_until_something_happens(trust: Trust, desk: Client) -> None:
    finding, other = flagged(trust, at=ago(minutes=90)), flagged(trust, at=ago(minutes=80))
    assert keys(desk) == [key(finding), key(other)]
    answer = desk.post(PRESSED, {"press": phoned(desk, finding)}, follow=True)
    assert "you phoned" in words_of(answer)
    assert PhoneCall.objects.get().spoke_to == trust.referrer
    assert keys(desk) == [key(other), key(finding)]
    assert keys(desk, reason="rung") == [key(finding)]
    failed(finding)
    assert keys(desk, reason="bounced") == [key(finding)], "the message bounced after the call"
    record_call(finding=finding, by=trust.coordinator, call=call(spoke_to=trust.referrer))
    add_note(finding=finding, by=trust.coordinator, text="In theatre until five.")
    assert keys(desk, reason="rung") == [key(finding)]
    assert "In theatre until five." in words_of(desk.get(DESK))


def test_what_a_row_led_to_leads_back_to_the_desk(trust: Trust, desk: Client) -> None:
    finding = flagged(trust, at=ago(minutes=90))
    address = desk.get(link_of(desk, finding)).url
    typed = {"known": "owner", "said": "She looks at once.", "took_it_on": "no"}
    page = desk.get(address)
    assert f'href="{DESK}"' in page.content.decode().split("<h1")[0], "the way back"
    here = timezone.localtime(ago(minutes=1))
    at = {"day": here.day, "month": here.month, "year": here.year, "time": f"{here:%H:%M}"}
    sent = typed | {f"called_at-{part}": str(value) for part, value in at.items()}
    done = desk.post(address, hidden_in(page) | sent, follow=True)
    assert done.redirect_chain == [(DESK, 302)], words_of(done)
    assert f"{finding.reference}: The call is recorded." in words_of(done)
    assert keys(desk, reason="rung") == [key(finding)]


def test_a_call_of_an_earlier_day_leaves_a_row_where_it_is(trust: Trust, desk: Client) -> None:
    finding = flagged(trust, at=ago(days=2))
    rung = replace(call(spoke_to=trust.referrer), called_at=ago(days=1))
    record_call(finding=finding, by=trust.coordinator, call=rung)
    assert keys(desk, reason="late_unread") == [key(finding)]


def test_whoever_is_second_is_told_who_was_first(trust: Trust, desk: Client) -> None:
    finding = flagged(trust, at=ago(minutes=90))
    link, pressed = link_of(desk, finding), phoned(desk, finding)
    to = desk.get(link).url
    assert to == f"{reverse('call', args=[finding.reference])}?from=desk"
    colleague = trust.add(Role.COORDINATOR)
    add_note(finding=finding, by=colleague, text="I am ringing her.")
    changed = desk.get(link)
    assert changed.status_code == 409
    assert "I am ringing her." in words_of(changed)
    assert "It still stands on the desk." in words_of(changed)
    hand_over_finding(finding=finding, by=colleague, to=trust.colleague, because="Hers.")
    acknowledge_finding(finding=finding, by=trust.colleague, plan="Mine.")
    answer = desk.post(PRESSED, {"press": pressed})
    assert answer.status_code == 409
    assert f"Handed over from {trust.referrer} to {trust.colleague}" in words_of(answer)
    assert "your call has not been recorded" in words_of(answer)
    assert not PhoneCall.objects.exists()
    assert Finding.objects.get().owner_person == trust.colleague


def test_a_held_item_says_who_dealt_with_it(trust: Trust, desk: Client) -> None:
    item, ris = held("Nodule."), make_sender(code="has sent nothing since", site=trust.site)
    every_half_hour(ris, until=ago(hours=5))
    assert desk.get(link_of(desk, ris)).url == reverse("feed", args=[ris.pk])
    link = link_of(desk, item)
    assert desk.get(link).url == reverse("held-item", args=[item.pk])
    colleague = trust.add(Role.COORDINATOR)
    set_aside(receipt=item, by=colleague, because="Sent twice.")
    answer = desk.get(link)
    assert answer.status_code == 409
    assert f"{colleague} dealt with it" in words_of(answer)
    assert desk.get(PRESSED, {"row": "held-x", "reason": "held"}).status_code == 404
    assert desk.get(PRESSED, {"row": "finding-1", "reason": "held"}).status_code == 404


def test_who_was_not_reached_is_rung_first(trust: Trust, desk: Client) -> None:
    finding = flagged(trust)
    failed(finding, to=str(trust.responsible))
    page = words_of(desk.get(DESK))
    named = page[page.index("Ring:") :]
    assert named.index(str(trust.responsible)) < named.index(f"{trust.referrer}, holds it")
    assert "I have phoned" not in page, "whoever holds it was not the one to ring"


def test_what_is_no_longer_true_leaves_by_itself(trust: Trust, desk: Client) -> None:
    finding = flagged(trust)
    failed(finding)
    assert keys(desk) == [key(finding)]
    to = str(trust.referrer)
    said = {"to": to, "channel": "in_app"}
    Event.objects.create(finding=finding, kind=Event.Kind.SENT, data=said)
    assert keys(desk) == [key(finding)], "in the application they hear once they look"
    Event.objects.create(finding=finding, kind=Event.Kind.SENT, data=said | {"channel": "sms"})
    assert keys(desk) == []
