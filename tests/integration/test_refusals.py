"""What follows when a message is not taken: again later, or never, and then what."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from findings.models import Event
from findings.services.leavers import say_goodbye
from notifications import messages, watchdog
from notifications.channels.base import Permanent
from notifications.delivery import Delivered, deliver_due
from notifications.firing import fire_due_steps
from notifications.models import Channel, DeliveryAttempt, DeliveryResult, Notification
from notifications.outcomes import (
    LONGEST_PAUSE,
    MOST_TRIES,
    UNDELIVERED,
    UNWRITABLE,
    pause_before,
    settle,
)
from tests.engine.mail import MailServer, deliver_to
from tests.factories import RouteFactory, Trust, acknowledged
from tests.integration.telling import (
    ago,
    due_again,
    email_to,
    fired,
    in_mid_send,
    outcomes,
)

pytestmark = pytest.mark.django_db

Kind, Status, Outcome = Event.Kind, Notification.Status, DeliveryResult.Outcome


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


@pytest.mark.parametrize("offers_tls", [False, True], ids=["not offered", "of nobody"])
def test_what_must_go_encrypted_never_goes_in_clear(
    trust: Trust, settings: Any, offers_tls: bool
) -> None:
    """Nothing is said to a server that does not offer TLS, or that cannot prove who it is."""
    server = MailServer(offers_tls=offers_tls).start()
    deliver_to(server, settings)
    settings.EMAIL_USE_TLS = True
    fired(trust)
    try:
        assert deliver_due() == Delivered(sent=1), "in the application"
    finally:
        server.stop()
    assert server.arrived == []
    waiting = email_to(trust.referrer)
    assert (waiting.status, waiting.attempts.count()) == (Status.QUEUED, 0)
    Notification.objects.update(created_at=ago(minutes=6))
    assert "1 message could not be sent for more than 5 minutes." in map(str, watchdog.look())


def test_a_server_that_takes_only_so_many_gets_them_all_the_most_severe_first(
    mail: MailServer, trust: Trust
) -> None:
    urgent = {fired(trust, category="urgent").reference for _ in range(6)}
    critical = {fired(trust).reference for _ in range(6)}
    taken: list[set[str]] = []
    for _ in range(4):
        mail.arrived.clear()
        mail.takes = 3
        deliver_due()
        taken.append({one for one in urgent | critical if _names(mail, one)})
        Notification.objects.filter(status=Status.QUEUED).update(next_attempt_at=ago(seconds=1))
    assert [len(some) for some in taken] == [3, 3, 3, 3]
    assert taken[0] | taken[1] == critical
    assert taken[2] | taken[3] == urgent


def _names(mail: MailServer, reference: str) -> bool:
    return any(reference in str(one.message["Subject"]) for one in mail.arrived)


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
    assert finding.steps.get(clock__kind="acknowledge", level=2).fired_at is not None


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

    turn = in_mid_send()
    acknowledged(trust, finding)
    assert settle(turn, Permanent("550 unknown", address_is_bad=True)) == Outcome.PERMANENT
    assert not finding.events.filter(kind=Kind.STEP_BROUGHT_FORWARD).exists()
    assert not finding.steps.filter(level=0).exists()


def test_somebody_who_left_before_it_was_sent_is_not_written_to(
    mail: MailServer, trust: Trust
) -> None:
    finding = fired(trust)
    say_goodbye(person=trust.referrer, by=trust.coordinator, because="New post elsewhere.")
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


def test_a_message_that_cannot_be_written_at_the_third_time_has_failed_and_the_ladder_goes_on(
    mail: MailServer, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = fired(trust)
    email = email_to(trust.referrer)
    monkeypatch.setattr(messages, "write", lambda *_given, **_how: 1 / 0)
    for minutes in (0, 5):
        Notification.objects.update(created_at=ago(minutes=minutes), next_attempt_at=ago())
        deliver_due()
        email.refresh_from_db()
        assert email.status == Status.QUEUED
    Notification.objects.update(created_at=ago(minutes=10), next_attempt_at=ago())
    assert deliver_due().failed > 0
    email.refresh_from_db()
    assert email.status == Status.FAILED
    because = {event.data["because"] for event in finding.events.filter(kind=Kind.SEND_FAILED)}
    assert because == {UNWRITABLE}
    assert finding.events.filter(kind=Kind.STEP_BROUGHT_FORWARD).exists()
    assert mail.arrived == []


@pytest.mark.parametrize(
    ("error", "within"),
    [(ValueError("a fault of ours"), 300), (OperationalError("lock timeout"), 5)],
)
def test_trouble_of_the_database_delays_a_message_by_seconds_and_a_fault_of_ours_by_minutes(
    mail: MailServer, trust: Trust, monkeypatch: pytest.MonkeyPatch, error: Exception, within: int
) -> None:
    finding = fired(trust)

    def fails(*_given: Any, **_how: Any) -> messages.Message:
        raise error

    monkeypatch.setattr(messages, "write", fails)
    assert deliver_due() == Delivered(retried=2)
    for waiting in Notification.objects.filter(finding=finding):
        pause = (waiting.next_attempt_at - timezone.now()).total_seconds()
        assert within - 5 < pause <= within
