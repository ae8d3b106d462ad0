"""What the tests with real processes share: their environment, their children, and the checker."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection

from findings.models import Event, Finding, Step
from imaging_safety import children
from notifications.models import Channel, Notification
from tests.engine.mail import Arrived, MailServer

HERE = Path(__file__).resolve().parent.parent.parent
Status, Kind = Notification.Status, Event.Kind


def wait_until(true: Callable[[], object], within: float = 30.0, what: str = "") -> float:
    """Seconds it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within, f"not within {within} s: {what or true}"
        time.sleep(0.05)
    return time.monotonic() - began


def test_database_url() -> str:
    """The database of this test run, as another process names it."""
    url = urlsplit(os.environ["DATABASE_URL"])
    return url._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


test_database_url.__test__ = False  # type: ignore[attr-defined]


class Engines:
    """Children with the test's database, mail server and, if given, broker."""

    def __init__(self, logs: Path, mail: MailServer, **env: str) -> None:
        self.logs = logs
        self.env = {
            **os.environ,
            "DATABASE_URL": test_database_url(),
            "EMAIL_URL": f"smtp://127.0.0.1:{mail.port}",
            "FIRE_EVERY_SECONDS": "1",
            "DELIVER_EVERY_SECONDS": "1",
            "WATCH_EVERY_SECONDS": "5",
            "PYTHONUNBUFFERED": "1",
            **env,
        }
        self.started: list[subprocess.Popen[bytes]] = []
        self._worker: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        log = self.logs / f"{len(self.started)}.log"
        child = children.start([sys.executable, *arguments], log=log, env=self.env, cwd=HERE)
        self.started.append(child)
        return child

    def crowd(self, *parts: str) -> subprocess.Popen[bytes]:
        child = self.start("-m", "tests.engine.crowd", *parts)
        log = self.logs / f"{len(self.started) - 1}.log"
        wait_until(lambda: "ready" in log.read_text(), what="the crowd to be there")
        return child

    def worker(self) -> None:
        """With its own pool of two, as deployed, and started again whenever it has ended."""
        self._worker = self._start_worker()
        log = self.logs / f"{len(self.started) - 1}.log"
        wait_until(lambda: "ready" in log.read_text(), 60, what="the worker to be there")

    def _start_worker(self) -> subprocess.Popen[bytes]:
        return self.start(
            *("-m", "celery", "--app", "imaging_safety", "worker", "--concurrency", "2"),
            *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        )

    def kill_worker(self) -> None:
        """kill -9 of it and of its pool."""
        assert self._worker is not None
        os.killpg(self._worker.pid, signal.SIGKILL)

    def look(self) -> None:
        """What a supervisor does. kombu 5.7 ends the worker when the broker dies while a task is
        not yet acknowledged; and we kill it ourselves."""
        if self._worker is not None and self._worker.poll() is not None:
            self._worker = self._start_worker()

    def beat(self) -> subprocess.Popen[bytes]:
        return self.start(
            *("-m", "celery", "--app", "imaging_safety", "beat"),
            *("--scheduler", "celery.beat:Scheduler"),
        )

    def clock(self) -> subprocess.Popen[bytes]:
        return self.start("manage.py", "run_clock")

    def stop(self) -> None:
        for child in reversed(self.started):
            children.stop(child, within=2)


@contextmanager
def engines(logs: Path, mail: MailServer, **env: str) -> Iterator[Engines]:
    made = Engines(logs, mail, **env)
    try:
        yield made
    finally:
        made.stop()


# --- The checker: the end state and the history judge, not the log -----------------------------


def all_quiet() -> bool:
    """Nothing is due and nothing waits."""
    waiting = Notification.objects.on_their_way()
    return not Step.objects.due().exists() and not waiting.exists()


def check_history(mail: MailServer, *, kills: int) -> None:
    """What must be true after any run, whatever was killed in it."""
    for finding in Finding.objects.all():
        _check_timeline(finding)
    _check_mail(mail, kills)


def _check_timeline(finding: Finding) -> None:
    events = list(finding.events.order_by("number"))
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    fired = Counter(event.data["level"] for event in events if event.kind == Kind.STEP_FIRED)
    steps = finding.steps.filter(fired_at__isnull=False)
    assert fired == Counter(steps.values_list("level", flat=True)), "one event a fired step"
    answered = [event.number for event in events if event.kind == Kind.ACKNOWLEDGED]
    for event in events:
        if event.kind == Kind.STEP_FIRED and answered:
            assert event.number < answered[0], "nothing fires after an acknowledgement"


def _check_mail(mail: MailServer, kills: int) -> None:
    by_id: dict[str, list[Arrived]] = {}
    for arrived in mail.arrived:
        by_id.setdefault(arrived.message_id, []).append(arrived)
    sent = Notification.objects.filter(channel=Channel.EMAIL, status=Status.SENT)
    missing = [one.pk for one in sent.select_related("recipient") if one.message_id not in by_id]
    assert missing == [], "whatever is marked as sent was taken over by the server"
    known = {one.message_id for one in Notification.objects.filter(channel=Channel.EMAIL)}
    assert set(by_id) <= known
    copies = [later for same in by_id.values() for later in same[1:]]
    assert len(copies) <= kills, "at most one second copy for each killed sender"
    assert all(copy.may_be_second for copy in copies), "and it says so"
