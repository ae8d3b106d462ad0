"""The inbox, and the demonstration's page of every message that went out."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.models import Event, Finding, Role
from findings.models.finding import READABLE_FOR
from findings.services.acknowledge import decline_finding
from notifications.models import Channel, Notification
from notifications.rounds import deliver, fire
from tests.factories import TeamFactory, Trust, a_trust, flagged
from tests.pages import queries_without_banner, signed_in, turn, words_of

pytestmark = pytest.mark.django_db

INBOX = reverse("inbox")


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def told(trust: Trust, **fields: Any) -> Finding:
    """A finding of which its owner has been told by both routes."""
    finding = flagged(trust, **fields)
    fire()
    deliver()
    return finding


def in_app(finding: Finding) -> Notification:
    return Notification.objects.get(
        finding=finding, channel=Channel.IN_APP, recipient=finding.owner_person
    )


def opening(notification: Notification) -> str:
    return reverse("open-notification", args=[notification.public_id])


# --- The inbox -------------------------------------------------------------------------------


def test_it_says_what_is_asked_of_which_finding_and_nothing_of_the_patient(trust: Trust) -> None:
    finding = told(trust, category="cancer")
    page = words_of(signed_in(trust.referrer).get(INBOX))
    assert f"Cancer finding {finding.reference} Unread" in page
    assert mail.outbox[0].subject[1:] in page
    patient = finding.examination.patient
    assert patient.family_name.lower() not in page.lower()
    assert patient.nhs_number not in page.replace("\u00a0", "")
    assert finding.description not in page


def test_looking_at_the_list_marks_nothing(trust: Trust) -> None:
    finding = told(trust)
    signed_in(trust.referrer).get(INBOX)
    assert in_app(finding).seen_at is None


def test_opening_by_a_link_is_not_possible_so_no_scanner_can(trust: Trust) -> None:
    finding = told(trust)
    assert signed_in(trust.referrer).get(opening(in_app(finding))).status_code == 405
    assert in_app(finding).seen_at is None


def test_opening_marks_it_as_seen_and_leads_to_the_finding(trust: Trust) -> None:
    finding = told(trust)
    response = signed_in(trust.referrer).post(opening(in_app(finding)))
    assert response.headers["Location"] == reverse("finding", args=[finding.reference])
    assert in_app(finding).seen_at is not None
    assert finding.clocks.get(kind="acknowledge").is_running
    assert not finding.events.filter(kind=Event.Kind.ACKNOWLEDGED).exists()


def test_the_first_opening_is_the_one_that_counts(trust: Trust) -> None:
    finding = told(trust)
    client = signed_in(trust.referrer)
    client.post(opening(in_app(finding)))
    first = in_app(finding).seen_at
    client.post(opening(in_app(finding)))
    assert in_app(finding).seen_at == first


def test_opening_needs_the_forms_token(trust: Trust) -> None:
    finding = told(trust)
    client = Client(enforce_csrf_checks=True)
    client.force_login(trust.referrer)
    assert client.post(opening(in_app(finding))).status_code == 403
    assert in_app(finding).seen_at is None


def test_another_persons_message_cannot_be_seen_or_opened(trust: Trust) -> None:
    finding = told(trust)
    for person in (trust.colleague, trust.governance, a_trust().referrer):
        client = signed_in(person)
        assert finding.reference not in client.get(INBOX).content.decode()
        assert client.post(opening(in_app(finding))).status_code == 404
    assert in_app(finding).seen_at is None


def test_unread_come_first(trust: Trust) -> None:
    older, newer = told(trust), told(trust)
    client = signed_in(trust.referrer)
    client.post(opening(in_app(newer)))
    html = client.get(INBOX).content.decode()
    assert html.index(older.reference) < html.index(newer.reference)


def test_a_message_about_a_finding_that_went_to_somebody_else_long_ago_says_so(
    trust: Trust,
) -> None:
    finding = told(trust)
    notification = in_app(finding)
    right = trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))
    decline_finding(finding=finding, by=trust.referrer, because="Not mine.", to=right)
    long_ago = timezone.now() - READABLE_FOR - timedelta(minutes=1)
    Notification.objects.filter(finding=finding).update(created_at=long_ago)
    client = signed_in(trust.referrer)
    assert "You were told of it long ago, and it is not yours" in words_of(client.get(INBOX))
    response = client.post(opening(notification))
    assert response.headers["Location"] == INBOX
    notification.refresh_from_db()
    assert notification.seen_at is not None


def test_what_is_opened_meanwhile_keeps_no_other_from_being_shown(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("findings.views.listing.ROWS_ON_A_PAGE", 2)
    oldest, middle, newest = told(trust), told(trust), told(trust)
    client = signed_in(trust.referrer)
    first = client.get(INBOX)
    assert "Showing 1 to 2 of 3." in words_of(first)
    client.post(opening(in_app(newest)))
    second = words_of(client.get(turn(first)))
    assert oldest.reference in second
    assert newest.reference in second
    unread = words_of(client.get(INBOX, {"unread": "on"}))
    assert newest.reference not in unread
    file = client.get(INBOX, {"unread": "on", "as": "csv"}).getvalue().decode()
    assert [one.reference in file for one in (oldest, middle, newest)] == [True, True, False]
    assert newest.examination.patient.family_name not in file
    for finding in (oldest, middle):
        client.post(opening(in_app(finding)))
    assert "You have opened everything." in words_of(client.get(INBOX, {"unread": "on"}))


def test_an_empty_inbox_says_so(trust: Trust) -> None:
    page = words_of(signed_in(trust.referrer).get(INBOX))
    assert "Nobody has told you of a finding yet." in page


def test_the_number_of_queries_of_the_inbox_is_flat(trust: Trust) -> None:
    client = signed_in(trust.referrer)
    told(trust)
    few = queries_without_banner(client, INBOX)
    for _ in range(5):
        told(trust)
    assert queries_without_banner(client, INBOX) == few
    assert few <= 15


# --- Messages, in a demonstration ------------------------------------------------------------


def message_of(notification: Notification) -> str:
    return reverse("message", args=[notification.public_id])


def test_outside_a_demonstration_nobody_reads_the_messages_of_others(
    trust: Trust, settings: Any
) -> None:
    settings.DEMONSTRATION = False
    finding = told(trust)
    for person in (trust.referrer, trust.administrator, trust.governance):
        client = signed_in(person)
        assert client.get(reverse("messages")).status_code == 404
        assert client.get(message_of(in_app(finding))).status_code == 404


def test_every_message_is_listed_with_its_recipient_and_what_became_of_it(
    trust: Trust, settings: Any
) -> None:
    settings.DEMONSTRATION = True
    told(trust)
    page = words_of(signed_in(trust.radiologist).get(reverse("messages")))
    sent = mail.outbox[0]
    assert page.count(str(trust.referrer)) >= 2
    assert sent.subject in page
    assert "Sent" in page


def test_a_message_is_shown_as_it_went_out(trust: Trust, settings: Any) -> None:
    settings.DEMONSTRATION = True
    finding = told(trust)
    by_mail = Notification.objects.get(finding=finding, channel=Channel.EMAIL)
    page = words_of(signed_in(trust.radiologist).get(message_of(by_mail)))
    sent = mail.outbox[0]
    assert sent.subject in page
    assert " ".join(sent.body.split()) in page
    assert trust.referrer.email in page
    assert "Accepted for delivery" in page


def test_a_message_that_waits_says_that_nothing_was_sent(trust: Trust, settings: Any) -> None:
    settings.DEMONSTRATION = True
    finding = flagged(trust, at=timezone.now() - timedelta(minutes=1))
    fire()
    waiting = Notification.objects.filter(finding=finding).first()
    assert waiting is not None
    client = signed_in(trust.radiologist)
    assert "Nothing has been sent yet." in words_of(client.get(message_of(waiting)))
    assert "Waiting to be sent" in words_of(client.get(reverse("messages")))


def test_the_number_of_queries_of_the_messages_is_flat(trust: Trust, settings: Any) -> None:
    settings.DEMONSTRATION = True

    client = signed_in(trust.radiologist)
    told(trust)
    few = queries_without_banner(client, reverse("messages"))
    for _ in range(4):
        told(trust)
    assert queries_without_banner(client, reverse("messages")) == few
