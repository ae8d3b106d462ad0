"""Delivering over real SMTP: what a message says, and who may mark it as sent."""

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from findings.models import Event, Finding
from findings.prepared import PLANNED_ONCE
from findings.services.timeline import database_now, lock
from findings.words import clock_time
from notifications import delivery, leases, messages
from notifications.attempts import begin
from notifications.channels.email import Email
from notifications.delivery import Delivered, deliver_due, send_and_settle
from notifications.drafts import Drafts
from notifications.firing import fire_due_steps
from notifications.models import Channel, DeliveryAttempt, DeliveryResult, Notification
from notifications.outcomes import MAY_HAVE_ARRIVED, NO_THIRD, settle
from tests.engine.mail import MailServer
from tests.engine.world import wait_until
from tests.factories import TEXT, Trust, acknowledged, flagged
from tests.integration.telling import (
    ago,
    due_again,
    email_to,
    fired,
    in_mid_send,
    left_behind,
    outcomes,
)

pytestmark = pytest.mark.django_db

Kind, Status, Outcome = Event.Kind, Notification.Status, DeliveryResult.Outcome


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
    due_at = clock_time(finding.clocks.get(kind="acknowledge").due_at)
    subject = str(arrived.message["Subject"])
    assert subject.startswith(f"Critical: please answer by {due_at} to")
    assert subject.endswith(f" ({finding.reference})")
    assert "Critical. A finding needs your answer." in arrived.text
    assert f" at {due_at} (in " in arrived.text
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
    late = "Critical: please answer, 2 hours 1 minute late"
    assert str(arrived.message["Subject"]).startswith(late)
    assert "Please see that somebody takes it on." in arrived.text
    assert "governance lead of the trust that made the images" in arrived.text


@pytest.mark.parametrize(
    ("now", "due_at", "subject"),
    [
        ("2026-07-01T12:00", "2026-07-01T13:05", "Urgent: please answer by 14:05 today"),
        ("2026-07-01T12:00", "2026-07-02T08:00", "Urgent: please answer by 09:00 tomorrow"),
        ("2026-07-01T12:00", "2026-07-06T11:00", "Urgent: please answer by 12:00 on Monday 6 July"),
        ("2026-07-02T12:00", "2026-07-01T12:00", "Urgent: please answer, 1 day late"),
        ("2026-10-24T23:30", "2026-10-25T00:30", "Urgent: please answer by 01:30 BST today"),
        ("2026-10-24T23:30", "2026-10-25T01:30", "Urgent: please answer by 01:30 GMT today"),
    ],
)
def test_the_subject_can_be_read_on_a_lock_screen(
    trust: Trust, now: str, due_at: str, subject: str
) -> None:
    """In London time, with the day as people say it, over both clock changes."""
    finding = fired(trust, category="urgent", at=ago(hours=1))
    notification = email_to(trust.referrer)
    notification.step.clock.due_at = datetime.fromisoformat(f"{due_at}Z")
    message = messages.write(
        notification, at=datetime.fromisoformat(f"{now}Z"), may_be_second=False
    )
    assert message.subject == f"{subject} ({finding.reference})"


def test_a_category_without_an_urgency_of_its_own_says_finding(trust: Trust) -> None:
    fired(trust, category="cancer", at=ago(hours=1))
    message = messages.write(email_to(trust.referrer), at=timezone.now(), may_be_second=False)
    assert message.subject.startswith("Finding: please answer by ")


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


# --- First what is critical ---------------------------------------------------------------------


@pytest.fixture
def urgent(trust: Trust) -> Finding:
    """Fired, so that its messages could go."""
    return fired(trust, category="urgent", at=ago(hours=1))


def test_nothing_goes_before_what_is_critical_has_fired(
    mail: MailServer, trust: Trust, urgent: Finding
) -> None:
    critical = flagged(trust)
    assert deliver_due() == Delivered()
    fire_due_steps()
    assert deliver_due() == Delivered(sent=4)
    assert [urgent.reference in one.text for one in mail.arrived] == [False, True]
    assert critical.reference in mail.arrived[0].text


def test_a_critical_step_that_cannot_be_fired_holds_nobody_up_for_long(
    mail: MailServer, trust: Trust, urgent: Finding
) -> None:
    flagged(trust, at=ago(seconds=leases.FIRED_WITHIN.seconds + 1))
    assert deliver_due() == Delivered(sent=2)


def test_nothing_goes_before_what_is_critical_and_in_another_senders_hands(
    mail: MailServer, trust: Trust, urgent: Finding
) -> None:
    critical = fired(trust)
    leases.take(Channel.EMAIL, 1)
    assert deliver_due() == Delivered(sent=2)  # what is shown in the application
    assert mail.arrived == []
    Notification.objects.filter(status=Status.SENDING).update(lease_until=ago(seconds=1))
    deliver_due()
    assert critical.reference in mail.arrived[0].text
    assert urgent.reference in mail.arrived[1].text


def test_what_was_kept_back_for_long_goes_whatever_is_critical_now(
    mail: MailServer, trust: Trust, urgent: Finding
) -> None:
    """In trouble, when there is always something critical that nobody has sent yet."""
    Notification.objects.filter(finding=urgent).update(
        next_attempt_at=ago(seconds=leases.KEPT_BACK.seconds + 1)
    )
    flagged(trust)
    assert deliver_due() == Delivered(sent=2)
    assert urgent.reference in mail.arrived[0].text


def test_a_slow_server_of_something_critical_holds_nobody_up(
    mail: MailServer, trust: Trust, urgent: Finding
) -> None:
    fired(trust)
    in_mid_send()
    deliver_due()
    assert urgent.reference in mail.arrived[0].text


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
    finding.steps.unfired().filter(clock__kind="acknowledge").update(
        brought_forward_to=ago(minutes=1)
    )
    fire_due_steps()
    deliver_due()
    assert len(mail.to(trust.referrer.email)) == 1
    assert set(
        Notification.objects.filter(status=Status.NOT_NEEDED).values_list("pk", flat=True)
    ) == (first)


# --- Leases ------------------------------------------------------------------------------------


def test_a_dead_senders_message_is_sent_when_its_lease_ends_and_says_so(
    mail: MailServer, trust: Trust
) -> None:
    fired(trust)
    notification = email_to(trust.referrer)
    left_behind(notification, until=ago(seconds=1))
    deliver_due()
    (arrived,) = mail.arrived
    assert arrived.may_be_second
    assert arrived.message_id == notification.message_id
    first, second = notification.attempts.order_by("number")
    assert not hasattr(first, "result")
    assert second.result.outcome == Outcome.ACCEPTED


def test_a_message_under_somebody_elses_lease_is_left_alone(mail: MailServer, trust: Trust) -> None:
    fired(trust)
    left_behind(email_to(trust.referrer), until=timezone.now() + timedelta(seconds=30))
    assert deliver_due() == Delivered(sent=1)
    assert mail.arrived == []


def test_a_sender_whose_lease_ran_out_cannot_mark_the_message(
    mail: MailServer, trust: Trust
) -> None:
    fired(trust)
    taken_over = uuid.uuid4()
    notification = email_to(trust.referrer)

    turn = in_mid_send()
    Notification.objects.filter(pk=notification.pk).update(lease_token=taken_over)
    assert settle(turn, None) == Outcome.LEASE_LOST
    notification.refresh_from_db()
    assert (notification.status, notification.lease_token) == (Status.SENDING, taken_over)
    assert outcomes(notification) == [Outcome.LEASE_LOST]


def test_a_sender_that_slept_through_its_turn_sends_nothing(mail: MailServer, trust: Trust) -> None:
    """A machine that was suspended for an hour must not wake up and send what was answered."""
    fired(trust)
    notification = email_to(trust.referrer)
    sender = Email()
    sender.open()
    try:
        assert send_and_settle(in_mid_send(left=-1), sender) == Outcome.TRANSIENT
    finally:
        sender.close()
    assert mail.arrived == []
    notification.refresh_from_db()
    assert notification.status == Status.QUEUED


def test_an_attempt_has_the_time_at_which_the_finding_was_looked_at(
    mail: MailServer, trust: Trust
) -> None:
    """A later one would stand after an answer that it could not have seen."""
    fired(trust)
    with transaction.atomic():
        began = database_now()
        turn = in_mid_send()
        assert DeliveryAttempt.objects.get(pk=turn.attempt.pk).started_at <= began


# --- Several under one lease -------------------------------------------------------------------


def taken_together(*, begun: int) -> list[Notification]:
    """As a sender leaves its batch that dies while the last of `begun` messages is under way."""
    lease = leases.take(Channel.EMAIL, 10)
    drafts = Drafts(lease.ids)
    for group in drafts.groups[:begun]:
        turn = begin(drafts.write(group), lease.token)
        assert turn is not None
        if group != drafts.groups[begun - 1]:
            settle(turn, None)
    return [group[0] for group in drafts.groups]


def test_of_a_dead_senders_batch_only_the_one_under_way_may_be_a_second_copy(
    mail: MailServer, trust: Trust
) -> None:
    for _ in range(3):
        fired(trust)
    sent, under_way, untouched = taken_together(begun=2)
    Notification.objects.filter(status=Status.SENDING).update(lease_until=ago(seconds=1))
    deliver_due()
    said = {one.message_id: one.may_be_second for one in mail.arrived}
    assert said == {under_way.message_id: True, untouched.message_id: False}
    assert outcomes(sent) == [Outcome.ACCEPTED]


def test_only_what_is_under_way_waits_for_the_whole_lease_of_a_dead_sender(trust: Trust) -> None:
    for _ in range(2):
        fired(trust)
    left = [Notification.objects.get(pk=one.pk) for one in taken_together(begun=1)]
    spans = [one.lease_until - timezone.now() for one in left if one.lease_until]
    assert spans[0] > timedelta(seconds=50)
    assert spans[1] <= leases.HOLD


def test_what_is_answered_while_its_batch_is_sent_stays(mail: MailServer, trust: Trust) -> None:
    """Also when it was read before the answer: the attempt looks again."""
    finding = fired(trust)
    lease = leases.take(Channel.EMAIL, 10)
    drafts = Drafts(lease.ids)
    draft = drafts.write(drafts.groups[0])
    acknowledged(trust, finding)
    assert begin(draft, lease.token) is None
    assert not DeliveryAttempt.objects.exists()


def test_a_message_that_somebody_else_took_over_is_not_begun(trust: Trust) -> None:
    fired(trust)
    lease = leases.take(Channel.EMAIL, 10)
    drafts = Drafts(lease.ids)
    Notification.objects.filter(pk__in=lease.ids).update(lease_token=uuid.uuid4())
    assert begin(drafts.write(drafts.groups[0]), lease.token) is None


def test_something_critical_goes_before_the_rest_of_a_batch(
    mail: MailServer, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TURN", 0.0)  # as with a slow server
    for _ in range(3):
        fired(trust, category="urgent", at=ago(minutes=9))
    critical: list[Finding] = []

    def meanwhile() -> bool:
        if len(mail.arrived) == 1 and not critical:
            critical.append(fired(trust))
        return False

    deliver_due(stop=meanwhile)
    subjects = [str(one.message["Subject"]) for one in mail.arrived]
    assert [subject.partition(":")[0] for subject in subjects] == [
        *("Urgent", "Critical", "Urgent", "Urgent")
    ]


def test_a_batch_is_read_with_the_same_few_questions(
    mail: MailServer, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each e-mail costs two statements more, its attempt and its result; what is shown in the
    application costs none."""
    # However busy the machine is: time for all of them.
    monkeypatch.setattr(delivery, "TURN", 60.0)
    monkeypatch.setattr(delivery, "TURN_IN_APP", 60.0)

    def asked(count: int) -> int:
        for _ in range(count):
            fired(trust)
        with CaptureQueriesContext(connection) as queries:
            deliver_due()
        # Said until a transaction is committed, which none is here.
        return sum(one["sql"] != PLANNED_ONCE for one in queries)

    asked(1)  # prepares those two, once a connection
    assert asked(5) - asked(2) == 3 * 2
    # After the first few there are as many in a batch as its turn has time for.
    assert asked(30) - asked(20) == 10 * 2


# --- Nobody knows ------------------------------------------------------------------------------


def test_what_may_have_arrived_is_sent_once_more_and_then_goes_another_way(
    mail: MailServer, trust: Trust
) -> None:
    """Case 75: the server takes the message, and its answer is lost."""
    finding = fired(trust)
    email, second = email_to(trust.referrer), finding.steps.get(clock__kind="acknowledge", level=2)
    mail.hang_up_on.add(trust.referrer.email)
    assert deliver_due() == Delivered(sent=1, retried=1)
    email.refresh_from_db()
    assert email.status == Status.QUEUED
    assert email.next_attempt_at - timezone.now() > timedelta(seconds=50)
    assert finding.steps.get(pk=second.pk).falls_at == second.falls_at

    mail.hang_up_on.add(trust.referrer.email)
    due_again(email)
    assert deliver_due() == Delivered(failed=1)
    assert [one.message_id for one in mail.arrived] == [email.message_id] * 2
    assert [one.may_be_second for one in mail.arrived] == [False, True]
    assert outcomes(email) == [Outcome.UNKNOWN, Outcome.UNKNOWN]
    assert not trust.referrer.routes.filter(failed_at__isnull=False).exists()
    first, last = finding.events.filter(kind=Kind.SEND_FAILED)
    assert first.data["because"].endswith(MAY_HAVE_ARRIVED)
    assert last.data["because"].endswith(NO_THIRD)
    assert finding.steps.get(pk=second.pk).falls_at < second.falls_at, "nobody may have heard"

    due_again(email)
    deliver_due()
    assert len(mail.arrived) == 2, "no third copy"


def test_a_connection_lost_before_the_text_is_no_doubt(
    mail: MailServer, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang_up(server: Any, *_rest: Any) -> str:
        server.transport.abort()
        return "421 Gone"

    monkeypatch.setattr(mail, "handle_MAIL", hang_up, raising=False)
    fired(trust)
    deliver_due()
    assert outcomes(email_to(trust.referrer)) == [Outcome.TRANSIENT]


# --- A server that ends the connection -----------------------------------------------------------


def closes(mail: MailServer, monkeypatch: pytest.MonkeyPatch, command: str, *, after: int) -> None:
    """Once, when it has taken so many messages, the command is answered by a 421 and a hang-up."""
    as_ever = getattr(mail, f"handle_{command}", None)
    closed: list[str] = []

    async def close(server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if len(mail.arrived) == after and not closed:
            closed.append(address)
            asyncio.get_running_loop().call_later(0.01, server.transport.close)
            return "421 4.7.0 Too many messages in this connection"
        if as_ever:
            return await as_ever(server, session, envelope, address, options)
        envelope.mail_from = address
        return "250 OK"

    monkeypatch.setattr(mail, f"handle_{command}", close, raising=False)


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
def test_a_connection_that_the_server_ends_costs_no_pause(
    mail: MailServer, trust: Trust, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    closes(mail, monkeypatch, command, after=1)
    for _ in range(2):
        fired(trust)
    assert deliver_due() == Delivered(sent=4, retried=1)
    first, second = (
        Notification.objects.get(public_id=one.message_id[1:37]) for one in mail.arrived
    )
    assert outcomes(first) == [Outcome.ACCEPTED]
    assert outcomes(second) == [Outcome.TRANSIENT, Outcome.ACCEPTED]
    assert not mail.arrived[1].may_be_second


def test_a_server_that_takes_nobody_is_left_alone_for_a_while(
    mail: MailServer, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    closes(mail, monkeypatch, "MAIL", after=0)
    fired(trust)
    assert deliver_due() == Delivered(sent=1, retried=1)
    assert email_to(trust.referrer).next_attempt_at - timezone.now() > timedelta(seconds=10)


# --- Attempts ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_attempt_is_committed_before_the_call_and_nothing_is_open_during_it(
    trust: Trust, settings: Any
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.LooksAround"
    fired(trust)
    deliver_due()
    assert LooksAround.saw == [(False, 1)]


@pytest.mark.django_db(transaction=True)
def test_a_result_waits_for_the_finding_and_then_sees_whose_the_message_is(trust: Trust) -> None:
    """One statement, and so one look at the rows: what changes while it waits must still count."""
    finding = fired(trust)
    turn = in_mid_send()

    def settled() -> str:
        try:
            return settle(turn, None)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock(finding)
            result = pool.submit(settled)
            wait_until(somebody_waits, within=10)
            # It holds nothing yet, or two writers could wait for each other.
            message = Notification.objects.select_for_update(nowait=True).get(channel="email")
            Notification.objects.filter(pk=message.pk).update(lease_token=uuid.uuid4())
        assert result.result(10) == Outcome.LEASE_LOST


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
        return cursor.fetchone() is not None


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
