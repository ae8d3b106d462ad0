"""What comes back after a message was taken over: once, in any order, to its attempt."""

import json
import mailbox
import time
import uuid
from email.message import EmailMessage
from io import BytesIO, TextIOWrapper
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from findings.models import Audience, Event, Finding
from findings.reach import Subject
from notifications.audience import reach
from notifications.channels.bounces import read
from notifications.channels.webhook import signed
from notifications.models import Channel, DeliveryReceipt, Notification
from notifications.receipts import NotYet, Told, take_receipt
from notifications.rounds import deliver, fire
from tests import bounces
from tests.engine.mail import MailServer
from tests.factories import RouteFactory, Trust, acknowledged, flagged
from tests.integration.telling import due_again
from tests.pages import words_of

pytestmark = pytest.mark.django_db
Outcome, Status = DeliveryReceipt.Outcome, Notification.Status
TOKEN = "a-bearer-token-of-at-least-32-letters"
SECRET = "a-shared-secret-of-at-least-32-letters"


@pytest.fixture
def finding(trust: Trust, mail: MailServer) -> Finding:
    """Its owner was told, in the application and by e-mail, and the mail server took it."""
    made = flagged(trust)
    fire()
    deliver()
    return made


def email_of(finding: Finding) -> Notification:
    return finding.notifications.get(channel=Channel.EMAIL, step__level=1)


def told(notification: Notification, outcome: DeliveryReceipt.Outcome, **more: Any) -> Told:
    return Told(str(notification.public_id), outcome, **more)


def forward(finding: Finding) -> int:
    return finding.events.filter(kind=Event.Kind.STEP_BROUGHT_FORWARD).count()


def bounce_of(notification: Notification, *how: str) -> bytes:
    return bounces.bounce_of(notification.message_id, *how)


def test_mail_that_comes_back_brings_the_next_step_forward(finding: Finding, trust: Trust) -> None:
    email = email_of(finding)
    assert take_receipt(
        told(email, Outcome.FAILED, detail="550 <ada@x> unknown", address_is_bad=True)
    )
    email.refresh_from_db()
    assert (email.status, email.sent_at) == (Status.FAILED, None)
    receipt = email.attempts.get().receipts.get()
    assert receipt.detail == "550 the address unknown"
    assert forward(finding) == 1
    event = finding.events.get(kind=Event.Kind.SEND_FAILED)
    assert event.data["came_back"] is True
    (owner,) = reach(Subject.of(finding), Audience.OWNER).people
    assert [route.channel for route in owner.routes] == [Channel.IN_APP]


def test_the_same_receipt_twice_counts_once(finding: Finding) -> None:
    email = email_of(finding)
    once = told(email, Outcome.FAILED)
    assert take_receipt(once)
    assert not take_receipt(once)
    assert forward(finding) == 1
    assert finding.events.filter(kind=Event.Kind.SEND_FAILED).count() == 1


@pytest.mark.parametrize(
    ("order", "status", "climbs"),
    [
        ([Outcome.DELIVERED, Outcome.FAILED], Status.SENT, 0),
        ([Outcome.FAILED, Outcome.DELIVERED], Status.FAILED, 1),
        ([Outcome.DELAYED, Outcome.FAILED, Outcome.DELAYED], Status.FAILED, 1),
        ([Outcome.DELIVERED, Outcome.DELAYED], Status.SENT, 0),
    ],
)
def test_receipts_in_any_order_are_kept_and_the_first_final_one_counts(
    finding: Finding, order: list[Any], status: str, climbs: int
) -> None:
    email = email_of(finding)
    for outcome in order:
        take_receipt(told(email, outcome))
    email.refresh_from_db()
    assert email.status == status
    assert forward(finding) == climbs
    assert email.attempts.get().receipts.count() == len(set(order))


def test_a_message_that_comes_back_after_the_answer_moves_nothing(
    finding: Finding, trust: Trust
) -> None:
    acknowledged(trust, finding)
    assert take_receipt(told(email_of(finding), Outcome.FAILED, address_is_bad=True))
    assert forward(finding) == 0
    assert trust.referrer.routes.get(channel=Channel.EMAIL).failed_at is not None


def test_the_next_route_of_the_same_person_is_tried(
    finding: Finding, trust: Trust, mail: MailServer
) -> None:
    RouteFactory(person=trust.referrer, address="ada.home@trust.example", position=3)
    take_receipt(told(email_of(finding), Outcome.FAILED))
    mail.arrived.clear()
    deliver()
    assert "ada.home@trust.example" in [one.to for one in mail.arrived]


def test_a_receipt_that_overtakes_the_sender_is_asked_for_again(finding: Finding) -> None:
    email = email_of(finding)
    Notification.objects.filter(pk=email.pk).update(
        status=Status.SENDING, sent_at=None, lease_token=uuid.uuid4(), lease_until=email.sent_at
    )
    with pytest.raises(NotYet):
        take_receipt(told(email, Outcome.FAILED))
    assert not DeliveryReceipt.objects.exists()


def test_what_may_have_arrived_and_did_is_not_sent_again(
    finding: Finding, mail: MailServer
) -> None:
    email = email_of(finding)
    Notification.objects.filter(pk=email.pk).update(status=Status.QUEUED, sent_at=None)
    take_receipt(told(email, Outcome.DELIVERED))
    email.refresh_from_db()
    assert email.status == Status.SENT
    mail.arrived.clear()
    assert deliver().sent == 0
    assert mail.arrived == []


def test_a_second_copy_that_comes_back_too_is_not_shown_as_sent(
    trust: Trust, mail: MailServer
) -> None:
    mail.hang_up_on.add(trust.referrer.email)
    finding = flagged(trust)
    fire()
    deliver()  # it has gone, and nobody knows
    email = email_of(finding)
    assert email.status == Status.QUEUED
    take_receipt(told(email, Outcome.FAILED))
    assert forward(finding) == 0, "another copy is on its way"
    due_again(email)
    deliver()
    take_receipt(told(email, Outcome.FAILED))
    email.refresh_from_db()
    assert email.status == Status.FAILED
    assert forward(finding) == 1


def test_what_is_not_ours_is_no_receipt(finding: Finding) -> None:
    assert not take_receipt(Told(str(uuid.uuid4()), Outcome.FAILED))


# --- Mail --------------------------------------------------------------------------------------


def test_a_delivery_status_is_read(finding: Finding) -> None:
    email = email_of(finding)
    found = read(bounce_of(email))
    assert found is not None
    assert (found.public_id, found.outcome) == (str(email.public_id), Outcome.FAILED)
    assert found.detail.startswith("5.1.1 550 5.1.1")
    assert read(bounce_of(email, "delayed", "4.4.1")).outcome == Outcome.DELAYED
    assert read(bounce_of(email, "relayed", "2.0.0")) is None


def test_an_absence_note_that_quotes_us_is_no_bounce(finding: Finding) -> None:
    note = EmailMessage()
    note["Subject"] = "Out of office"
    note.set_content(f"I am away. You wrote {email_of(finding).message_id}")
    assert read(note.as_bytes()) is None
    assert read(b"\xff\xfe rubbish") is None


def test_bounces_are_read_from_a_pipe(finding: Finding, monkeypatch, capsys) -> None:
    raw = TextIOWrapper(BytesIO(bounce_of(email_of(finding))))
    monkeypatch.setattr("sys.stdin", raw)
    call_command("take_bounces")
    assert "taken: failed" in capsys.readouterr().out
    assert forward(finding) == 1


def test_bounces_are_read_from_a_maildir_once(finding: Finding, tmp_path, capsys) -> None:
    box = mailbox.Maildir(tmp_path / "box", create=True)
    box.add(bounce_of(email_of(finding)))
    box.add(b"Subject: hello\n\nA question.\n")
    call_command("take_bounces", maildir=tmp_path / "box")
    said = capsys.readouterr().out
    assert "1 taken: failed" in said
    assert "1 not about a message of ours" in said
    call_command("take_bounces", maildir=tmp_path / "box")
    assert capsys.readouterr().out == ""
    with pytest.raises(CommandError, match="no Maildir"):
        call_command("take_bounces", maildir=tmp_path)


# --- GOV.UK Notify and the trust's messaging ---------------------------------------------------


def called_by_notify(email: Notification, token: str = TOKEN, **more: Any) -> int:
    said = {"id": "x", "reference": str(email.public_id), "status": "permanent-failure"}
    return (
        Client()
        .post(
            reverse("notify-receipt"),
            json.dumps(said | more),
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )
        .status_code
    )


def test_notify_says_what_became_of_a_message(finding: Finding, settings) -> None:
    settings.NOTIFY_CALLBACK_TOKEN = TOKEN
    email = email_of(finding)
    assert called_by_notify(email, token="another") == 401
    assert called_by_notify(email, status="sending") == 204
    assert not DeliveryReceipt.objects.exists()
    assert called_by_notify(email, completed_at="2026-11-25T12:00:00.000000Z") == 204
    assert called_by_notify(email) == 204
    receipt = DeliveryReceipt.objects.get()
    assert (receipt.outcome, receipt.reported_at.hour) == (Outcome.FAILED, 12)
    assert forward(finding) == 1
    assert email.route.__class__.objects.get(pk=email.route_id).failed_at is not None
    assert called_by_notify(email, reference="not a uuid") == 204
    assert called_by_notify(email, reference=None) == 204


def test_without_a_token_nobody_is_heard(finding: Finding, settings) -> None:
    settings.NOTIFY_CALLBACK_TOKEN = settings.WEBHOOK_SECRET = ""
    assert called_by_notify(email_of(finding), token="") == 404
    assert Client().post(reverse("webhook-receipt")).status_code == 404


def test_a_receipt_for_a_message_in_mid_send_is_asked_for_again(finding: Finding, settings) -> None:
    settings.NOTIFY_CALLBACK_TOKEN = TOKEN
    email = email_of(finding)
    Notification.objects.filter(pk=email.pk).update(
        status=Status.SENDING, sent_at=None, lease_token=uuid.uuid4(), lease_until=email.sent_at
    )
    assert called_by_notify(email) == 503


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'"x"'])
def test_what_is_no_receipt_does_no_harm(finding: Finding, settings, body: bytes) -> None:
    settings.NOTIFY_CALLBACK_TOKEN = TOKEN
    answer = Client().post(
        reverse("notify-receipt"),
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert answer.status_code in (204, 400)


def test_the_trusts_messaging_acknowledges_signed(finding: Finding, settings) -> None:
    settings.WEBHOOK_SECRET = SECRET
    email = email_of(finding)
    body = json.dumps({"id": email.message_id, "status": "delivered"}).encode()

    def posted(headers: dict[str, str]) -> int:
        return (
            Client()
            .post(
                reverse("webhook-receipt"),
                body,
                content_type="application/json",
                headers=headers,
            )
            .status_code
        )

    good = signed("1", body)
    assert posted({**good, "Webhook-Signature": "sha256=00"}) == 401
    assert posted(signed("1", body, at=int(time.time()) - 600)) == 401
    assert posted({}) == 401
    assert posted(good) == 204
    assert email.attempts.get().receipts.get().outcome == Outcome.DELIVERED


def test_what_came_back_stands_with_its_attempt(finding: Finding, settings, client) -> None:
    settings.DEMONSTRATION = True
    email = email_of(finding)
    take_receipt(told(email, Outcome.FAILED, detail="5.1.1 User unknown"))
    client.force_login(email.recipient)
    shown = words_of(client.get(reverse("message", args=[email.public_id])))
    assert "not delivered, 5.1.1 User unknown" in shown
