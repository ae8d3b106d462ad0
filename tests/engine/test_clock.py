"""`manage.py run_clock`: the second waker, with no broker at all, through restarts of the rest."""

import signal
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from findings.models import Examination, Finding
from findings.services.timeline import database_now
from notifications import pulse
from notifications.models import Notification, Pulse
from tests.engine.mail import MailServer
from tests.engine.world import Engines, all_quiet, check_history, engines, wait_until
from tests.factories import Trust, flagged, waiting_examination

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

NO_BROKER = "redis://127.0.0.1:1/0"


@pytest.fixture
def engine(trust: Trust, mail: MailServer, tmp_path: Path) -> Iterator[Engines]:
    with engines(tmp_path, mail, REDIS_URL=NO_BROKER, EMAIL_TIMEOUT_SECONDS="8") as made:
        yield made


def has_mail(mail: MailServer, finding: Finding | Examination) -> bool:
    return any(finding.reference in str(one.message["Subject"]) for one in list(mail.arrived))


def has_fired(finding: Finding) -> bool:
    return finding.steps.get(clock__kind="acknowledge", level=1).fired_at is not None


def end_other_connections() -> int:
    """What a restart of PostgreSQL does to a process that is connected."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return cursor.fetchone()[0]


def test_without_a_broker_everything_goes_out_through_restarts_of_the_rest(
    trust: Trust, mail: MailServer, engine: Engines
) -> None:
    clock = engine.clock()
    who_woke = Pulse.objects.filter(name=pulse.RUN_CLOCK)
    first = flagged(trust)
    wait_until(lambda: has_mail(mail, first), 20, what="the first message")
    # Before its connection is ended: a round of the watcher that is broken off comes again late.
    wait_until(who_woke.exists, 20, what="it is known who woke the engine")

    assert end_other_connections() > 0
    second = flagged(trust)
    wait_until(lambda: has_mail(mail, second), 20, what="a message after the database came back")

    mail.stop()
    third = flagged(trust)
    wait_until(lambda: has_fired(third), 10, what="a step fired while mail is down")
    mail.start()
    wait_until(lambda: has_mail(mail, third), 20, what="a message after the mail server is back")

    wait_until(all_quiet, 10)
    check_history(mail, kills=0)
    clock.send_signal(signal.SIGTERM)
    assert clock.wait(10) == 0


def test_two_at_once_are_normal(trust: Trust, mail: MailServer, engine: Engines) -> None:
    engine.clock(), engine.clock()
    wait_until(lambda: Pulse.objects.filter(name="deliver").exists(), 20)
    findings = [flagged(trust) for _ in range(10)]
    made_at = timezone.now() - timedelta(days=22)
    waits = [waiting_examination(trust, performed_at=made_at) for _ in range(10)]
    wait_until(lambda: all(has_mail(mail, one) for one in (*findings, *waits)), 20)
    wait_until(all_quiet, 10)
    check_history(mail, kills=0)
    assert len(mail.arrived) == 20


def test_a_mail_server_that_hangs_holds_up_no_step(
    trust: Trust, mail: MailServer, engine: Engines
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine.env["EMAIL_URL"] = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        engine.clock()
        first = flagged(trust)
        wait_until(lambda: has_fired(first), 20)
        hung, _ = silent.accept()  # somebody is connected now, and hears nothing
        with hung:
            began = time.monotonic()
            for _ in range(2):
                finding = flagged(trust)
                wait_until(lambda one=finding: has_fired(one), 5, what="a step beside hung mail")
            assert time.monotonic() - began < 6


def test_whoever_is_told_to_end_gives_back_what_it_has_not_begun(
    trust: Trust, mail: MailServer, engine: Engines
) -> None:
    mail.pause = 0.5
    findings = [flagged(trust) for _ in range(20)]
    clock = engine.clock()
    wait_until(lambda: mail.arrived, 20, what="the first message")
    clock.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert clock.wait(10) == 0
    assert time.monotonic() - began < 8, "what is being sent is sent to its end, and no more"
    waiting = Notification.objects.exclude(status=Notification.Status.SENT)
    assert len(waiting) > 5
    now = database_now()
    for one in waiting:
        assert (one.status, one.lease_token) == (Notification.Status.QUEUED, None)
        assert one.next_attempt_at <= now, "whoever comes next need not wait"
    mail.pause = 0
    engine.clock()
    wait_until(lambda: all(has_mail(mail, finding) for finding in findings), 20)
    wait_until(all_quiet, 10)
    check_history(mail, kills=0)


def test_once_does_one_round_of_each(trust: Trust) -> None:
    finding = flagged(trust)
    began = timezone.now()
    call_command("run_clock", "--once")
    assert has_fired(finding)
    rounds = Pulse.objects.filter(at__gte=began).values_list("name", flat=True)
    assert set(rounds) >= {"fire", "deliver", "watch"}
