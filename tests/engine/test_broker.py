"""The broker only wakes: flushed, frozen, killed or absent, nothing is lost and no page hangs.

With Valkey and with Redis, each with a real worker and a real beat.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from redis import Redis

from findings.models import Finding
from imaging_safety import embedded
from notifications import bell, tasks
from tests.engine.mail import Arrived, MailServer, deliver_to
from tests.engine.world import Engines, all_quiet, check_history, engines, wait_until
from tests.factories import Trust, flagged

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _bell() -> Iterator[None]:
    bell.try_again()
    yield
    bell.try_again()


@pytest.fixture(params=["valkey", "redis"])
def broker(
    request: pytest.FixtureRequest, broker_at: Callable[[str], None]
) -> Iterator[embedded.Valkey]:
    """A broker of the test's own; this process rings there too, as a web server would."""
    redis = shutil.which("redis-server")
    if request.param == "redis" and redis is None:
        pytest.skip("redis-server is not on this machine")
    program = Path(redis) if request.param == "redis" and redis else embedded.valkey_binary()
    server = embedded.Valkey(embedded.temporary_directory(), durable=False, program=program)
    server.start()
    broker_at(server.url)
    yield server
    server.stop()
    shutil.rmtree(server.base, ignore_errors=True)


@pytest.fixture
def engine(
    trust: Trust, mail: MailServer, broker: embedded.Valkey, tmp_path: Path
) -> Iterator[Engines]:
    with engines(tmp_path, mail, REDIS_URL=broker.url, DELIVERY_LEASE_SECONDS="10") as made:
        yield made


def arrives(engine: Engines, mail: MailServer, finding: Finding, *, within: float) -> None:
    def is_there() -> bool:
        engine.look()
        return bool(copies(mail, finding))

    wait_until(is_there, within, what="a message")


def copies(mail: MailServer, finding: Finding) -> list[Arrived]:
    return [one for one in list(mail.arrived) if finding.reference in str(one.message["Subject"])]


def timed_flag(trust: Trust) -> tuple[Finding, float]:
    """As the page does it: saved, and the bell rung after the commit."""
    began = time.monotonic()
    finding = flagged(trust)
    return finding, time.monotonic() - began


def test_the_first_message_goes_out_at_once_and_no_trouble_of_the_broker_loses_one(
    trust: Trust, mail: MailServer, broker: embedded.Valkey, engine: Engines, client: Client
) -> None:
    engine.worker()
    # No beat yet: only the bell can have woken the worker. On a quiet machine it takes less than a
    # second; on a busy one the test waits, since how long it takes is not what it is about.
    finding, _ = timed_flag(trust)
    arrives(engine, mail, finding, within=30)
    engine.beat()
    for finding in _flushed(trust, broker):
        arrives(engine, mail, finding, within=20)
    arrives(engine, mail, _frozen(trust, broker, client), within=40)
    arrives(engine, mail, _killed_and_started_again(trust, broker), within=60)
    _worker_killed(trust, mail, engine)
    wait_until(all_quiet, 60, what="every message settled")
    check_history(mail, kills=2)  # ours, and the worker that kombu may have ended


def _flushed(trust: Trust, broker: embedded.Valkey) -> list[Finding]:
    """FLUSHALL while work comes in: the sweep finds the rows."""
    findings = []
    with Redis(unix_socket_path=str(broker.socket)) as redis:
        for _ in range(4):
            findings.append(flagged(trust))
            redis.flushall()
    return findings


def _frozen(trust: Trust, broker: embedded.Valkey, client: Client) -> Finding:
    """SIGSTOP, a hung machine: the page that saved a finding answers, and so does every other."""
    assert broker.child is not None
    os.kill(broker.child.pid, signal.SIGSTOP)
    try:
        finding, took = timed_flag(trust)
        assert took < 3, "a frozen broker holds no page"
        began = time.monotonic()
        assert bell.ring(tasks.fire) is False
        assert time.monotonic() - began < 0.1, "and the next one does not even try"
        client.force_login(trust.referrer)
        assert client.get("/inbox/").status_code == 200
        assert client.get("/health/").json()["status"] == "degraded"
    finally:
        os.kill(broker.child.pid, signal.SIGCONT)
    return finding


def _killed_and_started_again(trust: Trust, broker: embedded.Valkey) -> Finding:
    """kill -9 of the broker, and it comes back empty."""
    assert broker.child is not None
    broker.child.kill()
    broker.child.wait()
    bell.try_again()
    finding, took = timed_flag(trust)
    assert took < 3, "a broker that is down holds no page"
    broker.start()
    return finding


def _worker_killed(trust: Trust, mail: MailServer, engine: Engines) -> None:
    """kill -9 of the whole worker while the mail server has its message and has not said so."""
    mail.before_answering[trust.referrer.email] = engine.kill_worker
    finding, _ = timed_flag(trust)

    def has_second_copy() -> bool:
        engine.look()
        return [one.may_be_second for one in copies(mail, finding)] == [False, True]

    wait_until(has_second_copy, 60, what="the second copy, which says that it may be one")


def test_a_password_that_changed_holds_up_nothing_and_is_said(
    trust: Trust, mail: MailServer, broker: embedded.Valkey, client: Client, settings: Any
) -> None:
    """It was changed at the broker and not in our settings: the sweep without a broker goes on."""
    deliver_to(mail, settings)
    with Redis(unix_socket_path=str(broker.socket)) as redis:
        redis.config_set("requirepass", "another one")
    finding, took = timed_flag(trust)
    assert took < 3, "no page waits for it"
    bell.try_again()
    assert bell.ring(tasks.fire) is False
    assert client.get("/health/").json() == {
        "status": "degraded",
        "release": settings.RELEASE,
        "database": "ok",
        "broker": "down",
    }
    call_command("run_clock", "--once")
    assert len(copies(mail, finding)) == 1
