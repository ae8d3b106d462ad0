"""Held items: seen by coordinators, run again, or set aside with a reason."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from findings.arrivals import HeldReason, ReadMessage
from findings.intake.importing import run_again, take_in
from findings.models import Examination, Organisation, Person, Receipt, Report, Viewing
from findings.rules import NotAllowed
from findings.services import hold
from findings.services.hold import NotWaiting, set_aside
from findings.services.senders import make_sender
from findings.services.timeline import database_now
from notifications import lateness
from tests.factories import Trust, a_trust, acknowledged, arriving, flagged
from tests.messages import NUMBER, oru
from tests.pages import hidden_in, words_of

Outcome = Receipt.Outcome


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def held_with(raw: bytes) -> Receipt:
    (receipt,) = take_in(raw, "night.hl7:1").receipts
    assert receipt.outcome == Outcome.HELD, receipt.outcome
    return receipt


def page_of(receipt: Receipt) -> str:
    return reverse("held-item", args=[receipt.pk])


# --- Run again


def test_a_held_message_is_filed_once_its_sender_is_set_up(trust: Trust) -> None:
    receipt = held_with(oru())
    assert receipt.reason == HeldReason.UNKNOWN_SENDER
    make_sender(code="RIS|RXX01", site=trust.site)
    filed = run_again(receipt, trust.coordinator)
    assert (filed.outcome, filed.resolved_by) == (Outcome.NEW_REPORT, trust.coordinator)
    assert filed.report == Report.objects.get()
    assert filed.report.message == filed.message
    assert filed.reason == HeldReason.UNKNOWN_SENDER, "why it was held stays on record"
    assert "New report".lower() in filed.resolution.lower()


def test_running_it_again_twice_files_it_once(trust: Trust) -> None:
    receipt = held_with(oru())
    make_sender(code="RIS|RXX01", site=trust.site)
    run_again(receipt, trust.coordinator)
    with pytest.raises(NotWaiting, match=str(trust.coordinator)):
        run_again(receipt, trust.add("coordinator"))
    assert (Report.objects.count(), Receipt.objects.count()) == (1, 1)


def test_every_part_that_still_waits_is_run_again(trust: Trust) -> None:
    other = (
        "OBR|2||A2|XABDO^XR Abdomen|||20260630090000|||||||||C1^R^R||||||20260630103000||CR|F",
        "OBX|1|TX|&GDT||Normal.||||||F",
    )
    first, second = take_in(oru(more=other), "night.hl7:1").receipts
    make_sender(code="RIS|RXX01", site=trust.site)
    run_again(first, trust.coordinator)
    second.refresh_from_db()
    assert second.outcome == Outcome.NEW_REPORT
    assert set(Examination.objects.values_list("accession", flat=True)) == {"A1", "A2"}


def test_what_is_still_wrong_is_said_as_it_is_today(trust: Trust) -> None:
    receipt = held_with(oru(status="Odd"))
    assert receipt.reason == HeldReason.UNKNOWN_STATUS
    make_sender(code="RIS|RXX01", site=trust.site)
    again = run_again(receipt, trust.coordinator)
    assert again.is_waiting
    call_command("set_up_sender", "RIS|RXX01", status_word=["odd=final"], stdout=StringIO())
    assert run_again(receipt, trust.coordinator).outcome == Outcome.NEW_REPORT


def test_a_correction_that_was_held_asks_again_when_it_is_run(trust: Trust) -> None:
    make_sender(code="RIS|RXX01", site=trust.site)
    take_in(oru(requester=trust.referrer.professional_code), "night.hl7:1")
    examination = Examination.objects.get()
    finding = acknowledged(trust, flagged(trust, examination=examination))
    held = held_with(oru(control_id="2", status="Odd", text="Other words.", reported="20260701"))
    call_command("set_up_sender", "RIS|RXX01", status_word=["odd=corrected"], stdout=StringIO())
    filed = run_again(held, trust.coordinator)
    assert filed.outcome == Outcome.NEW_VERSION, filed.detail
    finding.refresh_from_db()
    assert finding.state == "awaiting"


def test_a_message_that_is_read_with_more_parts_today_leaves_none_out(trust: Trust) -> None:
    receipt = held_with(b"HELLO")
    sender = make_sender(code="RIS|RXX01", site=trust.site)
    read = ReadMessage("RIS", "RXX01", "1", "ORU^R01", None, (arriving(trust), arriving(trust)))
    hold.run_again(receipt=receipt, by=trust.coordinator, read=read, sender=sender)
    outcomes = receipt.message.receipts.order_by("part").values_list("outcome", flat=True)
    assert list(outcomes) == [Outcome.NEW_REPORT, Outcome.NEW_REPORT]


# --- Set aside


def test_setting_aside_needs_a_reason_and_keeps_it(trust: Trust) -> None:
    receipt = held_with(b"HELLO")
    with pytest.raises(ValueError, match="reason"):
        set_aside(receipt=receipt, by=trust.coordinator, because=" ")
    aside = set_aside(receipt=receipt, by=trust.coordinator, because="A test of the line.")
    assert (aside.outcome, aside.is_waiting) == (Outcome.HELD, False)
    assert aside.resolution == "Set aside: A test of the line."
    with pytest.raises(NotWaiting):
        set_aside(receipt=receipt, by=trust.coordinator, because="Again.")


@pytest.mark.parametrize("who", ["referrer", "radiologist", "governance", "administrator"])
def test_only_a_coordinator_deals_with_held_items(trust: Trust, who: str) -> None:
    receipt = held_with(b"HELLO")
    with pytest.raises(NotAllowed):
        set_aside(receipt=receipt, by=getattr(trust, who), because="No.")
    with pytest.raises(NotAllowed):
        run_again(receipt, getattr(trust, who))


# --- Pages


def test_a_coordinator_sees_why_in_words_and_runs_it_again(trust: Trust) -> None:
    receipt = held_with(oru())
    client = signed_in(trust.coordinator)
    listed = client.get(reverse("held-items")).content.decode()
    assert "The sender is not set up" in listed
    assert page_of(receipt) in listed
    make_sender(code="RIS|RXX01", site=trust.site)
    answer = client.post(page_of(receipt), {"do": "run-again"}, follow=True).content.decode()
    assert "Run again: new report." in answer
    assert reverse("held-items") in answer
    assert "Nothing is held." in client.get(reverse("held-items")).content.decode()


def test_all_that_a_page_shows_can_be_run_again(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("findings.views.listing.ROWS_ON_A_PAGE", 3)
    for n in range(5):
        held_with(oru(accession=f"A{n}", control_id=f"{n}"))
    aside = held_with(b"HELLO")
    make_sender(code="RIS|RXX01", site=trust.site)
    client = signed_in(trust.coordinator)
    address = f"{reverse('held-items')}?reason=unknown_sender"
    shown = client.get(address)
    assert "Run these 3 again" in shown.content.decode()
    assert "Only those on this page: 3 of 5." in shown.content.decode()
    unseen = held_with(oru(accession="A9", control_id="9", application="NEW"))
    make_sender(code="NEW|RXX01", site=trust.site)
    client.post(address, hidden_in(shown))
    assert Report.objects.count() == 3, "nor what came since the page was shown"
    unseen.refresh_from_db()
    assert unseen.is_waiting
    client.post(address, hidden_in(client.get(address)))
    assert list(Receipt.objects.waiting()) == [aside]


def test_nothing_waits_unseen_and_a_trust_may_set_a_limit(trust: Trust) -> None:
    """No number ships: nothing national gives one."""
    make_sender(code="RIS|RXX01", site=trust.site)
    known, unknown = held_with(oru(status="Odd")), held_with(oru(application="NEW", control_id="2"))
    now = database_now()
    Receipt.objects.update(at=now - timedelta(days=3))
    for page in ("held-items", "open-findings"):
        words = words_of(signed_in(trust.coordinator).get(reverse(page)))
        assert "2 items held, the longest for 3 days." in words, page
    assert "items held" not in words_of(signed_in(trust.governance).get(reverse("open-findings")))
    assert list(lateness._held_too_long(now)) == []
    other = a_trust().organisation
    for organisation, late in ((other, {unknown}), (trust.organisation, {unknown, known})):
        Organisation.objects.filter(pk=organisation.pk).update(held_within=71)
        assert set(Receipt.objects.waiting_too_long(now)) == late
    (sentence,) = lateness._held_too_long(now)
    assert "2 held items waited for longer than the trust's own limit" in str(sentence)
    Organisation.objects.update(held_within=73)
    assert list(lateness._held_too_long(now)) == []


def test_the_list_narrows_by_reason(trust: Trust) -> None:
    unknown, unreadable = held_with(oru()), held_with(b"HELLO")
    body = signed_in(trust.coordinator).get(reverse("held-items"), {"reason": "unreadable"})
    assert page_of(unreadable) in body.content.decode()
    assert page_of(unknown) not in body.content.decode()


def test_an_empty_reason_is_said_beside_the_field(trust: Trust) -> None:
    receipt = held_with(b"HELLO")
    answer = signed_in(trust.coordinator).post(page_of(receipt), {"do": "set-aside"})
    assert answer.status_code == 422
    assert "Say why it can be set aside" in answer.content.decode()
    receipt.refresh_from_db()
    assert receipt.is_waiting


def test_the_message_is_shown_as_words_whatever_it_says(trust: Trust) -> None:
    receipt = held_with(oru(text="</pre><script>alert(1)</script>\u202e", name="<b>X^Y"))
    body = signed_in(trust.coordinator).get(page_of(receipt)).content.decode()
    shown = re.search(r'<pre class="app-message">(.*?)</pre>', body, re.DOTALL)
    assert shown
    assert "&lt;script&gt;" in shown[1]
    assert "<" not in shown[1]
    assert "\u202e" not in body
    assert shown[1].splitlines()[0].startswith("MSH|^~\\&amp;|RIS")


def test_a_long_embedded_document_is_cut_on_the_page_only(trust: Trust) -> None:
    receipt = held_with(oru(text="x" * 20_000))
    body = signed_in(trust.coordinator).get(page_of(receipt)).content.decode()
    assert "more characters" in body
    assert len(bytes(receipt.message.body)) > 20_000


def test_reading_a_held_message_of_a_known_patient_is_recorded(trust: Trust) -> None:
    sender = make_sender(code="RIS|RXX01", site=trust.site)
    take_in(oru(), "night.hl7:1")
    held = held_with(oru(control_id="2", name="BEECH^BOB", born="19900101", accession="A2"))
    signed_in(trust.coordinator).get(page_of(held))
    viewing = Viewing.objects.get()
    patient = Examination.objects.get(sender=sender).patient
    assert (viewing.page, viewing.patients) == ("held-item", [patient.pk])


def test_held_items_of_another_trust_do_not_exist(trust: Trust) -> None:
    make_sender(code="RIS|RXX01", site=trust.site)
    receipt = held_with(oru(status="Odd"))
    stranger = signed_in(a_trust().coordinator)
    assert stranger.get(page_of(receipt)).status_code == 404
    assert stranger.post(page_of(receipt), {"do": "run-again"}).status_code == 404
    assert page_of(receipt) not in stranger.get(reverse("held-items")).content.decode()


def test_a_filed_message_of_a_once_unknown_sender_is_its_own_trusts(trust: Trust) -> None:
    receipt = held_with(oru())
    stranger = signed_in(a_trust().coordinator)
    assert stranger.get(page_of(receipt)).status_code == 200, "nobody knows yet whose it is"
    make_sender(code="RIS|RXX01", site=trust.site)
    run_again(receipt, trust.coordinator)
    assert stranger.get(page_of(receipt)).status_code == 404
    assert signed_in(trust.coordinator).get(page_of(receipt)).status_code == 200


def test_no_number_of_a_patient_stands_in_an_address(trust: Trust) -> None:
    receipt = held_with(oru())
    assert NUMBER not in page_of(receipt)


def test_a_kept_address_of_what_is_held_no_more_is_an_empty_list(trust: Trust) -> None:
    """Of a reason, or a sender, of which nothing waits; what was never one is still an error."""
    client, address = signed_in(trust.coordinator), reverse("held-items")
    for query in (f"reason={HeldReason.UNKNOWN_SENDER}", f"sender={trust.sender.pk}"):
        page = client.get(f"{address}?{query}")
        said = words_of(page)
        assert "Nothing that is held is like this." in said, query
        assert "There is a problem" not in said
    others = a_trust().sender.pk
    for query in ("reason=of_course", f"sender={others}", "sender=x"):
        assert "There is a problem" in words_of(client.get(f"{address}?{query}")), query
