"""Handing over needs acceptance: until the other side accepts, it is still yours and ticking."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.models import Event, Finding, HandOver, Person, Role, Team
from findings.rules import NotAllowed
from findings.services.acknowledge import (
    accept_offer,
    acknowledge_finding,
    decline_finding,
    hand_over_finding,
)
from findings.services.close import withdraw_finding
from findings.services.offer import offer_finding, refuse_offer, take_offer_back
from findings.states import BY_STATE, MoveRefused
from notifications.rounds import deliver, fire
from tests.factories import TEXT, TeamFactory, Trust, acknowledged, flagged, person
from tests.integration.test_finding_page import corrected
from tests.pages import fill_in, hidden_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db

PLAN = "I will see the patient on Monday."
WHY = "Under the surgeons since Monday."


@pytest.fixture
def surgeons(trust: Trust) -> Team:
    return TeamFactory(organisation=trust.organisation, site=trust.site, name="Surgeons")


@pytest.fixture
def surgeon(trust: Trust, surgeons: Team) -> Person:
    return trust.add(Role.REFERRER, team=surgeons, family_name="Surgeon")


def offered(trust: Trust, to: Person, finding: Finding | None = None, **fields: Any) -> Finding:
    finding = finding or flagged(trust)
    offer_finding(finding=finding, by=trust.referrer, because=WHY, to=to, **fields)
    finding.refresh_from_db()
    return finding


def clocks_of(finding: Finding) -> list[tuple]:
    return list(finding.clocks.values_list("kind", "due_at", "stopped_at"))


def steps_of(finding: Finding) -> list[tuple]:
    return list(finding.steps.filter(level__gt=0).values_list("level", "falls_at", "cancelled_at"))


def told(finding: Finding) -> set[Person]:
    fire()
    return {one.recipient for one in finding.notifications.select_related("recipient")}


def kinds(finding: Finding) -> list[str]:
    return list(finding.events.order_by("number").values_list("kind", flat=True))


# --- Offering changes nothing ------------------------------------------------------------------


@pytest.mark.parametrize("make", [flagged, acknowledged])
def test_until_it_is_accepted_owner_clock_and_ladder_stay_as_they_are(trust, surgeon, make):
    finding = make(trust)
    before = (finding.state, finding.owner, finding.team, clocks_of(finding), steps_of(finding))
    offered(trust, surgeon, finding)
    after = (finding.state, finding.owner, finding.team, clocks_of(finding), steps_of(finding))
    assert after == before


def test_whoever_is_asked_is_told_at_once_and_in_words_of_an_offer(trust, surgeon, mail):
    finding = offered(trust, surgeon)
    assert surgeon in told(finding)
    deliver()
    (letter,) = mail.to(surgeon.email)
    assert "please answer whether you take it over" in str(letter.message["Subject"])
    assert "You are asked to take a finding over." in letter.text
    assert "it was offered to you or to your team" in letter.text


def test_everybody_of_a_team_that_is_asked_is_told(trust, surgeons, surgeon):
    second = trust.add(Role.REFERRER, team=surgeons)
    finding = flagged(trust)
    offer_finding(finding=finding, by=trust.referrer, because=WHY, to_team=surgeons)
    assert {surgeon, second} <= told(finding)


def test_the_ladder_climbs_on_while_nobody_answers_the_offer(trust, surgeon):
    finding = flagged(trust, at=timezone.now() - timedelta(days=2))
    fire()
    fired = finding.steps.filter(fired_at__isnull=False, level__gt=0).count()
    assert fired
    offered(trust, surgeon, finding)
    fire()
    assert trust.referrer in told(finding)
    assert finding.steps.filter(fired_at__isnull=False, level__gt=0).count() == fired


def test_whoever_is_asked_sees_it_and_nobody_else_of_another_team(trust, surgeon):
    other = trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))
    finding = flagged(trust)
    assert not Finding.objects.visible_to(surgeon).exists()
    offered(trust, surgeon, finding)
    assert Finding.objects.visible_to(surgeon).get() == finding
    assert not Finding.objects.visible_to(other).exists()


def test_being_asked_gives_no_right_to_answer_in_any_other_way(trust, surgeon):
    finding = offered(trust, surgeon)
    for service, more in (
        (acknowledge_finding, {"plan": PLAN}),
        (decline_finding, {"because": WHY}),
    ):
        with pytest.raises(NotAllowed):
            service(finding=finding, by=surgeon, **more)


# --- Accepting ---------------------------------------------------------------------------------


def test_accepting_is_an_acknowledgement_by_the_new_owner(trust, surgeon, surgeons):
    finding = accept_offer(finding=offered(trust, surgeon), by=surgeon, plan=PLAN)
    assert (finding.state, finding.owner_person, finding.team) == (
        "acknowledged",
        surgeon,
        surgeons,
    )
    assert (finding.acknowledged_by, finding.plan) == (surgeon, PLAN)
    assert {"offered", "offer_ended", "handed_over", "acknowledged"} <= set(kinds(finding))
    (running,) = finding.clocks.filter(stopped_at__isnull=True, kind__in=BY_STATE)
    assert (running.kind, running.started_at) == ("act", finding.flagged_at)


def test_accepting_what_was_acknowledged_moves_no_limit(trust, surgeon):
    finding = acknowledged(trust)
    before, ladder = clocks_of(finding), steps_of(finding)
    accept_offer(finding=offered(trust, surgeon, finding), by=surgeon, plan=PLAN)
    finding.refresh_from_db()
    assert clocks_of(finding) == before
    assert steps_of(finding) == ladder
    assert (finding.owner_person, finding.plan) == (surgeon, PLAN)


def test_the_limit_to_act_is_the_same_whoever_acknowledges(trust, surgeon):
    at = timezone.now() - timedelta(minutes=5)
    kept = acknowledged(trust, flagged(trust, at=at))
    given = accept_offer(
        finding=offered(trust, surgeon, flagged(trust, at=at)), by=surgeon, plan=PLAN
    )
    limits = [one.clocks.get(kind="act").due_at for one in (kept, given)]
    assert limits[0] == limits[1]


def test_one_of_the_team_that_is_asked_accepts_and_owns_it(trust, surgeons, surgeon):
    finding = flagged(trust)
    offer_finding(finding=finding, by=trust.referrer, because=WHY, to_team=surgeons)
    finding = accept_offer(finding=finding, by=surgeon, plan=PLAN)
    assert (finding.owner_person, finding.owner_team, finding.team) == (surgeon, None, surgeons)
    assert not Finding.objects.visible_to(trust.referrer).exists()


# --- Refusing, taking back, and what overtakes an offer ----------------------------------------


def test_a_refusal_is_told_back_and_the_clock_never_stood_still(trust, surgeon):
    finding = offered(trust, surgeon)
    fire()
    before = clocks_of(finding)
    refuse_offer(finding=finding, by=surgeon, because="Not a surgical matter.")
    finding.refresh_from_db()
    assert (finding.owner, clocks_of(finding)) == (trust.referrer, before)
    step = finding.steps.filter(level=0, audience="owner").get()
    fire()
    assert {one.recipient for one in step.notifications.all()} == {trust.referrer}
    assert not Finding.objects.visible_to(surgeon).exists()


def test_an_offer_that_was_taken_back_reaches_nobody_and_cannot_be_accepted(trust, surgeon, mail):
    finding = offered(trust, surgeon)
    fire()
    take_offer_back(finding=finding, by=trust.referrer)
    deliver()
    assert mail.to(surgeon.email) == []
    assert mail.to(trust.referrer.email)
    with pytest.raises(MoveRefused):
        accept_offer(finding=finding, by=surgeon, plan=PLAN)


def _acknowledge(finding: Finding, trust: Trust) -> None:
    acknowledge_finding(finding=finding, by=trust.colleague, plan=PLAN)


def _decline(finding: Finding, trust: Trust) -> None:
    decline_finding(finding=finding, by=trust.referrer, because=WHY)


def _hand_over(finding: Finding, trust: Trust) -> None:
    hand_over_finding(finding=finding, by=trust.coordinator, because=WHY, to=trust.colleague)


def _withdraw(finding: Finding, trust: Trust) -> None:
    withdraw_finding(finding=finding, by=trust.radiologist, because=WHY)


def _correct(finding: Finding, trust: Trust) -> None:
    corrected(trust, finding, TEXT.replace("14 mm", "19 mm"))


@pytest.mark.parametrize("overtake", [_acknowledge, _decline, _hand_over, _withdraw, _correct])
def test_what_moves_the_finding_on_ends_an_open_offer(trust, surgeon, overtake):
    finding = offered(trust, surgeon)
    overtake(finding, trust)
    offer = finding.offers.get()
    assert (offer.outcome, offer.ended_at is None) == ("overtaken", False)
    assert not Finding.objects.visible_to(surgeon).exists()


# --- Who may, and what is refused --------------------------------------------------------------


def test_one_open_offer_a_finding(trust, surgeon):
    finding = offered(trust, surgeon)
    with pytest.raises(NotAllowed, match="Take that offer back first"):
        offer_finding(finding=finding, by=trust.referrer, because=WHY, to=trust.colleague)
    offer = finding.offers.get()
    with pytest.raises(IntegrityError, match="one_open_offer_a_finding"), transaction.atomic():
        HandOver.objects.create(
            finding=finding,
            offered_by=offer.offered_by,
            to_person=trust.colleague,
            because=WHY,
            offered_at=timezone.now(),
        )


def test_an_ended_offer_never_changes_and_never_opens_again(trust, surgeon):
    finding = offered(trust, surgeon)
    take_offer_back(finding=finding, by=trust.referrer)
    for sql in (
        "UPDATE findings_handover SET ended_at = NULL, outcome = '', ended_by_id = NULL",
        "UPDATE findings_handover SET because = 'other'",
        "DELETE FROM findings_handover",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            connection.cursor().execute(sql)


def test_only_those_who_hold_it_offer_it_and_only_to_clinicians(trust, surgeon):
    finding = flagged(trust)
    for by in (trust.coordinator, trust.radiologist, surgeon):
        with pytest.raises(NotAllowed):
            offer_finding(finding=finding, by=by, because=WHY, to=surgeon)
    gone = trust.add(Role.REFERRER, team=surgeon.teams.get(), is_active=False)
    for to in (trust.coordinator, trust.referrer, gone, person(Role.REFERRER)):
        with pytest.raises(NotAllowed):
            offer_finding(finding=finding, by=trust.referrer, because=WHY, to=to)
    assert not finding.offers.exists()


@pytest.mark.parametrize("missing", ["because", "plan", "refusal"])
def test_nothing_goes_without_its_words(trust, surgeon, missing):
    finding = flagged(trust)
    if missing != "because":
        offered(trust, surgeon, finding)
    leave_out = {
        "because": lambda: offer_finding(
            finding=finding, by=trust.referrer, because=" ", to=surgeon
        ),
        "plan": lambda: accept_offer(finding=finding, by=surgeon, plan=" "),
        "refusal": lambda: refuse_offer(finding=finding, by=surgeon, because=" "),
    }[missing]
    with pytest.raises(ValueError, match="needs a"):
        leave_out()
    assert Finding.objects.get(pk=finding.pk).owner_person == trust.referrer


def test_what_has_ended_cannot_be_offered(trust, surgeon):
    finding = flagged(trust)
    withdraw_finding(finding=finding, by=trust.radiologist, because=WHY)
    with pytest.raises(MoveRefused):
        offer_finding(finding=finding, by=trust.referrer, because=WHY, to=surgeon)


# --- Pages -------------------------------------------------------------------------------------


def page_of(who: Person, finding: Finding, name: str = "finding") -> str:
    return words_of(signed_in(who).get(reverse(name, args=[finding.reference])))


def test_offering_and_accepting_on_the_pages(trust, surgeon):
    finding = flagged(trust)
    typed = {"because": WHY, "receiver": "person", "name": "Surgeon"}
    asked = signed_in(trust.referrer)
    address = reverse("offer", args=[finding.reference])
    again = fill_in(asked, address, typed)
    assert "One person is found" in words_of(again)
    sent = asked.post(address, {**typed, "person": str(surgeon.pk), "seen": _seen(again)})
    assert sent.status_code == 302
    said = page_of(trust.referrer, finding)
    assert f"Offered to {surgeon}" in said
    assert "Until they accept" in said
    assert "Take the offer back" in said

    theirs = page_of(surgeon, finding)
    assert "You are asked to take this over" in theirs
    assert WHY in theirs
    assert f"{trust.referrer} offered it to {surgeon}, today at" in theirs
    client = signed_in(surgeon)
    page = client.get(reverse("finding", args=[finding.reference]))
    assert press(client, page, "accept-offer", finding).status_code == 302
    finding.refresh_from_db()
    assert finding.owner_person == surgeon
    assert finding.plan == f"As recommended: {finding.recommended_action}"
    said = page_of(surgeon, finding)
    assert "The offer was accepted." in said
    assert f"Handed over from {trust.referrer} to {surgeon}" in said


def press(client: Client, page: Any, what: str, finding: Finding) -> Any:
    """The button on this page that does it at once, with what the page sends along."""
    address = reverse(what, args=[finding.reference])
    form = re.search(rf'<form method="post" action="{address}".*?</form>', page.text, re.DOTALL)
    assert form, f"no button for {what}"
    return client.post(address, hidden_in(HttpResponse(form[0])))


def test_an_offer_is_answered_from_the_list_in_one_press(
    trust: Trust, surgeon: Person, surgeons: Team
) -> None:
    yes, no, late = (flagged(trust) for _ in range(3))
    for finding in (yes, no):
        offered(trust, surgeon, finding)
    offer_finding(finding=late, by=trust.referrer, because=WHY, to_team=surgeons)
    client, other = signed_in(surgeon), signed_in(trust.add(Role.REFERRER, team=surgeons))
    page, theirs = client.get(reverse("my-findings")), other.get(reverse("my-findings"))
    said = words_of(page)
    assert f"{trust.referrer} offered it to {surgeons}" in said
    assert f"{WHY} Until you accept, {trust.referrer} holds it and the clock runs on. Due" in said
    assert f"Recommended: {yes.recommended_action}" in said, "what is taken on stands there"
    assert yes.reference not in words_of(theirs)
    assert press(client, page, "accept-offer", yes).status_code == 302
    assert press(client, page, "refuse-offer", no).status_code == 302
    assert press(other, theirs, "accept-offer", late).status_code == 302
    overtaken = press(client, page, "accept-offer", late)
    assert overtaken.status_code == 409, "nothing is overwritten"
    outcomes = HandOver.objects.order_by("pk").values_list("outcome", "ended_because")
    assert list(outcomes) == [
        ("accepted", ""),
        ("refused", "I cannot take it over."),
        ("accepted", ""),
    ]
    assert "Offered to you" not in words_of(client.get(reverse("my-findings")))


def test_the_pages_of_an_offer_cost_no_more_than_others(trust: Trust, surgeon: Person) -> None:
    finding, client = offered(trust, surgeon), signed_in(surgeon)
    fire()
    page = reverse("finding", args=[finding.reference])
    assert queries_without_banner(client, page) <= 25
    assert queries_without_banner(signed_in(trust.referrer), page) <= 25
    few = queries_without_banner(client, reverse("my-findings"))
    for _ in range(3):
        offered(trust, surgeon)
    assert queries_without_banner(client, reverse("my-findings")) == few <= 25


def _seen(response: Any) -> str:
    return hidden_in(response)["seen"]


def test_refusing_and_taking_back_on_the_pages(trust, surgeon):
    finding = offered(trust, surgeon)
    refusal = {"because": "Not a surgical matter."}
    fill_in(signed_in(surgeon), reverse("refuse-offer", args=[finding.reference]), refusal)
    assert "The offer was refused" in page_of(trust.referrer, finding)
    offered(trust, surgeon, finding)
    fill_in(signed_in(trust.referrer), reverse("take-offer-back", args=[finding.reference]), {})
    assert "The offer was taken back" in page_of(trust.referrer, finding)
    assert list(finding.offers.values_list("outcome", flat=True)) == ["refused", "taken_back"]
    assert finding.events.filter(kind=Event.Kind.OFFER_ENDED).count() == 2


def test_an_offer_to_somebody_without_an_address_says_so(trust, surgeons):
    deaf = trust.add(Role.REFERRER, team=surgeons, family_name="Deaf", reachable=False)
    finding = flagged(trust)
    client = signed_in(trust.referrer)
    address = reverse("offer", args=[finding.reference])
    typed = {"because": WHY, "receiver": "person", "name": "Deaf"}
    again = fill_in(client, address, typed)
    client.post(address, {**typed, "person": str(deaf.pk), "seen": _seen(again)})
    said = words_of(client.get(reverse("finding", args=[finding.reference])))
    assert f"No message can reach them: {deaf} has no address. Telephone them." in said
