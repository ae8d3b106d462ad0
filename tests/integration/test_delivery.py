"""Delivering over real SMTP: what a message says, and what follows when it is not taken."""

import logging
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from findings.models import Event, Finding, Person
from findings.words import clock_time
from notifications import messages
from notifications.channels.base import Permanent
from notifications.delivery import Delivered, _claim, _prepare, deliver_due
from notifications.escalation import fire_due_steps
from notifications.models import Channel, DeliveryAttempt, DeliveryResult, Notification
from notifications.outcomes import (
    LONGEST_PAUSE,
    MOST_TRIES,
    UNDELIVERED,
    Turn,
    pause_before,
    settle,
)
from tests.engine.mail import MailServer, deliver_to
from tests.factories import TEXT, RouteFactory, Trust, a_trust, acknowledged, flagged

pytestmark = pytest.mark.django_db

Kind, Status, Outcome = Event.Kind, Notification.Status, DeliveryResult.Outcome


@pytest.fixture
def mail(settings: Any) -> Iterator[MailServer]:
    server = MailServer().start()
    deliver_to(server, settings)
    yield server
    server.stop()


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


def fired(trust: Trust, **fields: Any) -> Finding:
    finding = flagged(trust, **fields)
    fire_due_steps()
    return finding


def email_to(person: Person, **more: Any) -> Notification:
    return Notification.objects.get(recipient=person, channel=Channel.EMAIL, **more)


def outcomes(notification: Notification) -> list[str]:
    results = DeliveryResult.objects.filter(attempt__notification=notification)
    return list(results.order_by("attempt__number").values_list("outcome", flat=True))


def _in_mid_send() -> Turn:
    """As a sender stands when its call is under way."""
    claimed = _claim(Channel.EMAIL)
    assert claimed is not None
    turn = _prepare(claimed)
    assert turn is not None
    return turn


def due_again(notification: Notification) -> None:
    Notification.objects.filter(pk=notification.pk).update(next_attempt_at=ago(seconds=1))


# --- What goes out -----------------------------------------------------------------------------


def test_the_owner_gets_it_in_the_application_and_by_email(mail: MailServer, trust: Trust) -> None:
    finding = fired(trust)
    assert deliver_due() == Delivered(sent=2)
    (arrived,) = mail.arrived
    assert arrived.to == trust.referrer.email
    assert Notification.objects.in_app().get().recipient == trust.referrer
    sent = finding.events.filter(kind=Kind.SENT)
    assert sorted(event.data["channel"] for event in sent) == ["email", "in_app"]
    assert {event.data["to"] for event in sent} == {str(trust.referrer)}


def test_a_message_says_what_is_asked_by_when_why_and_where(
    mail: MailServer, trust: Trust, settings: Any
) -> None:
    settings.BASE_URL = "https://imaging.trust.example"
    finding = fired(trust)
    deliver_due()
    (arrived,) = mail.arrived
    due_at = clock_time(finding.clocks.get().due_at)
    subject = str(arrived.message["Subject"])
    assert subject.startswith(f"Critical: please answer by {due_at} to")
    assert subject.endswith(f" ({finding.reference})")
    assert "Critical. A finding needs your answer." in arrived.text
    assert f"By {due_at} to" in arrived.text
    assert f"https://imaging.trust.example/findings/{finding.reference}/" in arrived.text
    assert "You get this because you hold this finding." in arrived.text
    html = arrived.message.get_body(("html",))
    assert html is not None
    assert f'href="https://imaging.trust.example/findings/{finding.reference}/"' in (
        html.get_content()
    )


@pytest.mark.parametrize("category", ["critical", "urgent", "cancer", "significant_unexpected"])
def test_nothing_about_the_patient_or_the_finding_leaves_the_house(
    mail: MailServer, trust: Trust, category: str
) -> None:
    finding = fired(trust, category=category)
    deliver_due()
    sent = mail.arrived[0]
    patient, examination = finding.examination.patient, finding.examination
    said = " ".join([sent.text, sent.raw, *(str(value) for value in sent.message.values())])
    told = DeliveryAttempt.objects.values_list("subject", "body")
    said += " ".join(part for both in told for part in both)
    assert patient.nhs_number
    secrets = [
        patient.family_name,
        patient.given_name,
        patient.nhs_number,
        examination.accession,
        examination.description,
        finding.description,
        finding.recommended_action,
        *TEXT.split(". "),
        *(identifier.value for identifier in patient.identifiers.all()),
        "Nodule",
        "chest",
        "Lung",
        "ancer",
    ]
    assert [secret for secret in secrets if secret in said] == []


def test_a_late_message_says_how_late_it_is(mail: MailServer, trust: Trust) -> None:
    fired(trust, at=ago(hours=3, minutes=1))
    deliver_due()
    (arrived,) = mail.to(trust.governance.email)
    assert str(arrived.message["Subject"]).startswith("Critical: 2 hours late, please answer")
    assert "Please see that somebody takes it on." in arrived.text
    assert "governance lead of the trust that made the images" in arrived.text


def test_machines_can_tell_what_the_message_is(mail: MailServer, trust: Trust) -> None:
    fired(trust)
    deliver_due()
    (arrived,) = mail.arrived
    headers = arrived.message
    assert arrived.message_id == email_to(trust.referrer).message_id
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Importance"] == "high"
    assert "List-Unsubscribe" not in headers


def test_the_most_severe_goes_first(mail: MailServer, trust: Trust) -> None:
    urgent, critical = fired(trust, category="urgent", at=ago(minutes=9)), fired(trust)
    deliver_due()
    subjects = [str(one.message["Subject"]) for one in mail.arrived]
    assert [urgent.reference in subjects[1], critical.reference in subjects[0]] == [True, True]


def test_the_attempt_keeps_what_the_recipient_saw(mail: MailServer, trust: Trust) -> None:
    fired(trust)
    deliver_due()
    attempt = email_to(trust.referrer).attempts.get()
    (arrived,) = mail.arrived
    assert attempt.subject == str(arrived.message["Subject"])
    assert attempt.body.split() == arrived.text.split()
    assert attempt.result.outcome == Outcome.ACCEPTED


# --- What no longer has to go out --------------------------------------------------------------


def test_what_was_answered_before_it_left_stays(mail: MailServer, trust: Trust) -> None:
    finding = fired(trust)
    acknowledged(trust, finding)
    assert deliver_due() == Delivered(not_needed=2)
    assert mail.arrived == []
    assert not DeliveryAttempt.objects.exists()


def test_after_an_outage_only_the_newest_message_to_somebody_goes_out(
    mail: MailServer, trust: Trust
) -> None:
    finding = fired(trust, at=ago(minutes=16))
    first = set(Notification.objects.values_list("pk", flat=True))
    finding.steps.unfired().update(brought_forward_to=ago(minutes=1))
    fire_due_steps()
    deliver_due()
    assert len(mail.to(trust.referrer.email)) == 1
    assert set(
        Notification.objects.filter(status=Status.NOT_NEEDED).values_list("pk", flat=True)
    ) == (first)


# --- Not now -----------------------------------------------------------------------------------


def test_not_now_means_again_later_with_the_same_message_id(mail: MailServer, trust: Trust) -> None:
    mail.answers[trust.referrer.email] = "451 4.7.1 Greylisted, try again"
    finding = fired(trust)
    assert deliver_due() == Delivered(sent=1, retried=1)
    waiting = email_to(trust.referrer)
    assert waiting.status == Status.QUEUED
    assert timedelta(seconds=11) < waiting.next_attempt_at - ago() < timedelta(seconds=19)
    (event,) = finding.events.filter(kind=Kind.SEND_FAILED)
    assert event.data["because"] == "451 4.7.1 Greylisted, try again"
    assert event.data["again"] is True
    mail.answers.clear()
    assert deliver_due() == Delivered(), "not before its time"
    due_again(waiting)
    assert deliver_due() == Delivered(sent=1)
    (arrived,) = mail.arrived
    assert (arrived.message_id, arrived.may_be_second) == (waiting.message_id, False)
    assert outcomes(waiting) == [Outcome.TRANSIENT, Outcome.ACCEPTED]


def test_pauses_grow_to_a_limit() -> None:
    middles = [pause_before(number) for number in (2, 3, 4, 5)]
    assert middles == sorted(middles, key=lambda pause: pause)
    assert pause_before(30) <= LONGEST_PAUSE * 1.2


def test_a_connection_lost_before_the_answer_may_give_a_second_copy_that_says_so(
    mail: MailServer, trust: Trust
) -> None:
    mail.hang_up_on.add(trust.referrer.email)
    fired(trust)
    assert deliver_due() == Delivered(sent=1, retried=1)
    notification = email_to(trust.referrer)
    due_again(notification)
    deliver_due()
    first, second = mail.arrived
    assert first.message_id == second.message_id == notification.message_id
    assert [first.may_be_second, second.may_be_second] == [False, True]
    assert outcomes(notification) == [Outcome.UNKNOWN, Outcome.ACCEPTED]


def test_one_lost_connection_does_not_stop_the_others(mail: MailServer, trust: Trust) -> None:
    mail.hang_up_on.add(trust.referrer.email)
    fired(trust, at=ago(minutes=46))
    assert deliver_due() == Delivered(sent=7, retried=1)
    assert {one.to for one in mail.arrived} > {trust.colleague.email, trust.responsible.email}


def test_while_the_mail_server_is_down_everything_waits_untouched(
    trust: Trust, settings: Any
) -> None:
    server = MailServer().start()
    deliver_to(server, settings)
    server.stop()
    fired(trust)
    assert deliver_due() == Delivered(sent=1), "in the application"
    assert email_to(trust.referrer).status == Status.QUEUED
    assert email_to(trust.referrer).attempts.count() == 0


def test_a_server_that_refuses_us_is_no_reason_to_give_a_message_up(
    mail: MailServer, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_args: Any) -> str:
        return "550 5.7.1 Sender not allowed here"

    monkeypatch.setattr(mail, "handle_MAIL", refuse, raising=False)
    fired(trust)
    deliver_due()
    assert outcomes(email_to(trust.referrer)) == [Outcome.TRANSIENT]
    assert trust.referrer.routes.filter(failed_at__isnull=False).count() == 0


def test_after_forty_times_not_now_it_has_failed_and_the_address_is_not_blamed(
    mail: MailServer, trust: Trust
) -> None:
    mail.answers[trust.referrer.email] = "452 4.2.2 Mailbox full"
    finding = fired(trust)
    notification = email_to(trust.referrer)
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(notification=notification, number=number, subject="", body="")
        for number in range(1, MOST_TRIES)
    )
    assert deliver_due().failed == 1
    assert email_to(trust.referrer).status == Status.FAILED
    assert not trust.referrer.routes.filter(failed_at__isnull=False).exists()
    assert finding.events.filter(kind=Kind.STEP_BROUGHT_FORWARD).exists()


# --- Never -------------------------------------------------------------------------------------


def test_a_refused_address_is_marked_and_the_next_step_is_brought_forward(
    mail: MailServer, trust: Trust
) -> None:
    mail.answers[trust.referrer.email] = f"550 5.1.1 <{trust.referrer.email}> unknown"
    finding = fired(trust)
    assert deliver_due() == Delivered(sent=1, failed=1)
    assert email_to(trust.referrer).status == Status.FAILED
    route = trust.referrer.routes.get(channel=Channel.EMAIL)
    assert route.failed_at is not None
    assert route.failed_because == "550 5.1.1 the address unknown"
    (failed,) = finding.events.filter(kind=Kind.SEND_FAILED)
    assert failed.data["because"] == "550 5.1.1 the address unknown"
    (forward,) = finding.events.filter(kind=Kind.STEP_BROUGHT_FORWARD)
    assert forward.data["because"] == (f"The message to {trust.referrer} could not be delivered.")
    fire_due_steps()
    assert finding.steps.get(level=2).fired_at is not None


def test_whoever_flagged_it_hears_that_a_message_failed(mail: MailServer, trust: Trust) -> None:
    mail.answers[trust.referrer.email] = "550 5.1.1 unknown"
    finding = fired(trust)
    deliver_due()
    fire_due_steps()
    deliver_due()
    (arrived,) = mail.to(trust.radiologist.email)
    assert str(arrived.message["Subject"]) == (
        f"Critical: message not delivered ({finding.reference})"
    )
    assert "could not be delivered" in arrived.text
    assert "You get this because you flagged this finding." in arrived.text


def test_the_news_of_a_failure_that_fails_itself_ends_there(mail: MailServer, trust: Trust) -> None:
    for person in (trust.referrer, trust.radiologist):
        mail.answers[person.email] = "550 5.1.1 unknown"
    finding = fired(trust)
    for _ in range(4):
        deliver_due()
        fire_due_steps()
    extra = finding.steps.filter(level=0)
    assert [step.words for step in extra] == [UNDELIVERED]
    assert finding.events.filter(kind=Kind.STEP_BROUGHT_FORWARD).count() == 1


def test_where_a_colleague_got_it_the_next_step_keeps_its_time(
    mail: MailServer, trust: Trust
) -> None:
    mail.answers[trust.colleague.email] = "550 5.1.1 unknown"
    finding = fired(trust, at=ago(minutes=46))
    assert deliver_due() == Delivered(sent=7, failed=1)
    assert len(mail.arrived) == 3
    assert not finding.events.filter(kind=Kind.STEP_BROUGHT_FORWARD).exists()


def test_a_second_address_counts_as_reached(mail: MailServer, trust: Trust) -> None:
    RouteFactory(person=trust.referrer, address="second@trust.example", position=3)
    mail.answers[trust.referrer.email] = "550 5.1.1 unknown"
    finding = fired(trust)
    deliver_due()
    assert [one.to for one in mail.arrived] == ["second@trust.example"]
    assert not finding.events.filter(kind=Kind.STEP_BROUGHT_FORWARD).exists()


def test_a_message_seen_in_the_application_counts_as_reached(
    mail: MailServer, trust: Trust
) -> None:
    mail.answers[trust.referrer.email] = "550 5.1.1 unknown"
    finding = fired(trust)
    Notification.objects.filter(channel=Channel.IN_APP).update(seen_at=timezone.now())
    deliver_due()
    assert not finding.events.filter(kind=Kind.STEP_BROUGHT_FORWARD).exists()


def test_a_failure_after_the_answer_moves_nothing(mail: MailServer, trust: Trust) -> None:
    """The message was on its way when the finding was acknowledged."""
    mail.answers[trust.referrer.email] = "550 5.1.1 unknown"
    finding = fired(trust)

    turn = _in_mid_send()
    acknowledged(trust, finding)
    assert settle(turn, Permanent("550 unknown", address_is_bad=True)) == Outcome.PERMANENT
    assert not finding.events.filter(kind=Kind.STEP_BROUGHT_FORWARD).exists()
    assert not finding.steps.filter(level=0).exists()


def test_somebody_who_left_before_it_was_sent_is_not_written_to(
    mail: MailServer, trust: Trust
) -> None:
    finding = fired(trust)
    Person.objects.filter(pk=trust.referrer.pk).update(is_active=False, left_at=timezone.now())
    assert deliver_due() == Delivered(failed=2)
    assert mail.arrived == []
    assert finding.events.filter(kind=Kind.STEP_BROUGHT_FORWARD).exists()


@pytest.mark.parametrize(
    "address", ["a@trust.example\r\nBcc: thief@example.org", "a@trust.example, thief@example.org"]
)
def test_an_address_that_would_add_a_header_or_a_reader_is_refused(
    mail: MailServer, trust: Trust, address: str
) -> None:
    trust.referrer.routes.filter(channel=Channel.EMAIL).update(address=address)
    fired(trust)
    assert deliver_due() == Delivered(sent=1, failed=1)
    assert mail.arrived == []


def test_a_message_that_cannot_be_written_stops_no_other(
    mail: MailServer,
    trust: Trust,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad, good = fired(trust), fired(trust)
    write = messages.write

    def fails_on_one(notification: Notification, **how: Any) -> messages.Message:
        if notification.finding_id == bad.pk:
            raise ValueError(bad.description)
        return write(notification, **how)

    monkeypatch.setattr(messages, "write", fails_on_one)
    with caplog.at_level(logging.ERROR):
        assert deliver_due() == Delivered(sent=2, retried=2)
    assert good.reference in str(mail.arrived[0].message["Subject"])
    waiting = Notification.objects.filter(finding=bad, status=Status.QUEUED)
    assert waiting.count() == 2
    assert bad.description not in caplog.text


# --- Leases ------------------------------------------------------------------------------------


def _left_behind(notification: Notification, *, until: datetime) -> None:
    """As a sender leaves it that is killed after it committed its attempt."""
    DeliveryAttempt.objects.create(notification=notification, number=1, subject="s", body="b")
    Notification.objects.filter(pk=notification.pk).update(
        status=Status.SENDING, lease_token=uuid.uuid4(), lease_until=until
    )


def test_a_dead_senders_message_is_sent_when_its_lease_ends_and_says_so(
    mail: MailServer, trust: Trust
) -> None:
    fired(trust)
    notification = email_to(trust.referrer)
    _left_behind(notification, until=ago(seconds=1))
    deliver_due()
    (arrived,) = mail.arrived
    assert arrived.may_be_second
    assert arrived.message_id == notification.message_id
    first, second = notification.attempts.order_by("number")
    assert not hasattr(first, "result")
    assert second.result.outcome == Outcome.ACCEPTED


def test_a_message_under_somebody_elses_lease_is_left_alone(mail: MailServer, trust: Trust) -> None:
    fired(trust)
    _left_behind(email_to(trust.referrer), until=timezone.now() + timedelta(seconds=30))
    assert deliver_due() == Delivered(sent=1)
    assert mail.arrived == []


def test_a_sender_whose_lease_ran_out_cannot_mark_the_message(
    mail: MailServer, trust: Trust
) -> None:
    fired(trust)
    taken_over = uuid.uuid4()
    notification = email_to(trust.referrer)

    turn = _in_mid_send()
    Notification.objects.filter(pk=notification.pk).update(lease_token=taken_over)
    assert settle(turn, None) == Outcome.LEASE_LOST
    notification.refresh_from_db()
    assert (notification.status, notification.lease_token) == (Status.SENDING, taken_over)
    assert outcomes(notification) == [Outcome.LEASE_LOST]


@pytest.mark.django_db(transaction=True)
def test_the_attempt_is_committed_before_the_call_and_nothing_is_open_during_it(
    trust: Trust, settings: Any
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.LooksAround"
    fired(trust)
    deliver_due()
    assert LooksAround.saw == [(False, 1)]


class LooksAround:
    """A mail back end that notes what is in the database while a message is being sent."""

    saw: list[tuple[bool, int]] = []

    def __init__(self, **_options: Any) -> None: ...

    def open(self) -> None: ...

    def close(self) -> None: ...

    def send_messages(self, sent: list[Any]) -> int:
        attempts = DeliveryAttempt.objects.filter(notification__channel=Channel.EMAIL).count()
        self.saw.append((connection.in_atomic_block, attempts))
        return len(sent)
