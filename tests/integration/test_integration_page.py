"""The page for integration staff: what each sender has sent, its silence, and any message again."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.intake.importing import take_in
from findings.measures.feeds import Feed, feeds
from findings.models import IncomingMessage, Report, Sender, Viewing
from findings.services.sender_settings import change_sender
from findings.services.senders import make_sender
from notifications import watchdog
from tests.factories import Trust, a_trust
from tests.messages import oru
from tests.pages import queries_without_banner, signed_in, words_of

PAGE = "/integration/"


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


@pytest.fixture
def ris(trust: Trust) -> Sender:
    return make_sender(code="RIS|RXX01", site=trust.site)


@pytest.fixture
def client(trust: Trust) -> Client:
    return signed_in(trust.coordinator)


def of(sender: Sender | None, trust: Trust) -> Feed:
    own = Sender.objects.systems().filter(organisation=trust.organisation)
    (found,) = [one for one in feeds(own, timezone.now()) if one.sender == sender]
    return found


def sent_at(sender: Sender, moments: list[datetime]) -> None:
    """Messages of which nothing matters but when they came."""
    IncomingMessage.objects.bulk_create(
        IncomingMessage(
            sender=sender, body=b"x", fingerprint=f"{sender.pk}-{n}", origin="", received_at=at
        )
        for n, at in enumerate(moments)
    )


def every_half_hour(sender: Sender, until: datetime, days: int = 36) -> None:
    sent_at(sender, [until - n * timedelta(minutes=30) for n in range(days * 48)])


def test_what_came_today_is_counted_by_sender(trust: Trust, ris: Sender) -> None:
    take_in(oru(), "a")
    take_in(oru(), "the same bytes")
    take_in(oru(control_id="2"), "the same report")
    take_in(oru(control_id="2", accession="A2"), "its number used again")
    take_in(oru(control_id="3", status="Odd"), "held")
    take_in(oru(control_id="4", application="NEW"), "of nobody")
    found = of(ris, trust)
    assert (found.today, found.last_hour, found.held) == (4, 4, 1)
    assert (found.duplicates, found.reused, found.refused) == (1, 1, 0)
    assert (of(None, trust).today, of(None, trust).held) == (1, 1)
    assert found.last_at == IncomingMessage.objects.filter(sender=ris).latest("pk").received_at


def test_a_feed_that_is_silent_for_longer_than_usual_is_told_of(trust: Trust, ris: Sender) -> None:
    stopped = timezone.now() - timedelta(hours=3)
    every_half_hour(ris, stopped)
    (said,) = [str(one) for one in watchdog.look() if "sent nothing" in one.text]
    assert said.startswith("RIS at RXX01 has sent nothing since ")
    assert said.endswith("at this hour it is not usually silent for more than 1 hour.")
    silence = of(ris, trust).silence
    assert silence is not None
    assert silence.is_late
    for choice in (Sender.Silence.EXPECTED, Sender.Silence.ENDED):
        change_sender(sender=ris, by=trust.coordinator, silence=choice)
        assert not [one for one in watchdog.look() if "sent nothing" in one.text], choice


def test_a_feed_that_still_sends_or_is_new_is_not(trust: Trust, ris: Sender) -> None:
    every_half_hour(ris, timezone.now() - timedelta(minutes=50))
    new = make_sender(code="NEW|RXX01", site=trust.site)
    every_half_hour(new, timezone.now() - timedelta(hours=3), days=7)
    assert not [one for one in watchdog.look() if "sent nothing" in one.text]
    silence = of(new, trust).silence
    assert silence is not None
    assert silence.allowed is None


def test_the_page_costs_the_same_whatever_came(trust: Trust, ris: Sender, client: Client) -> None:
    take_in(oru(), "a")
    few = queries_without_banner(client, PAGE)
    for n in range(4):
        make_sender(code=f"R{n}|RXX01", site=trust.site)
        take_in(oru(control_id=f"{n}", application=f"R{n}"), "a")
    assert queries_without_banner(client, PAGE) == few
    assert few <= 18


def test_the_last_messages_of_a_sender_name_no_patient(ris: Sender, client: Client) -> None:
    for n in range(3):
        take_in(oru(control_id=f"{n}", accession=f"A{n}"), f"night.hl7:{n}")
    page = reverse("feed", args=[ris.pk])
    words = words_of(client.get(page))
    assert "ORU^R01, control id 2" in words
    assert "New report" in words
    assert "ALDER" not in words
    few = queries_without_banner(client, page)
    for n in range(3, 9):
        take_in(oru(control_id=f"{n}", accession=f"A{n}"), f"night.hl7:{n}")
    assert queries_without_banner(client, page) == few


def test_an_administrator_sees_which_came_and_reads_none(trust: Trust, ris: Sender) -> None:
    message = take_in(oru(), "a").message
    client = signed_in(trust.administrator)
    page = reverse("stored-message", args=[message.pk])
    assert page not in client.get(reverse("feed", args=[ris.pk])).content.decode()
    assert client.get(page).status_code == 404
    assert client.post(page).status_code == 404


def test_reading_a_message_is_recorded_and_running_it_again_is_safe(
    trust: Trust, ris: Sender, client: Client
) -> None:
    message = take_in(oru(), "a").message
    page = reverse("stored-message", args=[message.pk])
    words = words_of(client.get(page))
    assert "ALDER" in words
    assert "Why" not in words, "there is no reason why it became a report"
    patient = Report.objects.get().examination.patient
    assert Viewing.objects.get().patients == [patient.pk]
    assert "Nothing has changed." in words_of(client.post(page, follow=True))
    held = take_in(oru(control_id="2", accession="A2", status="Odd"), "a").message
    change_sender(sender=ris, by=trust.coordinator, status_words={"odd": "final"})
    page = reverse("stored-message", args=[held.pk])
    assert "Why" in words_of(client.get(page))
    assert "Run again. New report." in words_of(client.post(page, follow=True))
    assert held.receipts.get().resolved_by == trust.coordinator


def test_a_message_of_another_trust_does_not_exist(trust: Trust, ris: Sender) -> None:
    known = take_in(oru(), "a").message
    unknown = take_in(oru(application="NEW"), "a").message
    client = signed_in(a_trust().coordinator)
    assert client.get(reverse("stored-message", args=[known.pk])).status_code == 404
    assert client.get(reverse("stored-message", args=[unknown.pk])).status_code == 200
    assert client.get(reverse("feed", args=[ris.pk])).status_code == 404


def test_the_questions_are_answered_by_indexes(ris: Sender) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        last = IncomingMessage.objects.filter(sender=ris).order_by("-received_at")[:1]
        assert "messages_of_a_sender" in last.explain()
        since = IncomingMessage.objects.filter(received_at__gte=timezone.now())
        assert "Seq Scan" not in since.explain()  # by time; or, of so few, by sender and time
