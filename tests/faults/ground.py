"""What the storm falls on: the servers, what listens outside, and every process of the application.

`look` does what a supervisor does: whoever has ended is started again, unless the nemesis holds it
down. Everything is started from the main thread, with which it would die.
"""

import os
import pickle
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil

from imaging_safety import children, embedded
from imaging_safety.run import free_port
from tests.engine.mail import MailServer
from tests.engine.posts import HEARTBEAT, TRUST, PostServer
from tests.faults.disk import Disk
from tests.faults.turned import Clock, TurnedPostgres

if TYPE_CHECKING:
    from tests.faults.postman import Postman

HERE = Path(__file__).resolve().parent.parent.parent
PARTS = (
    ["fire"] * 2
    + ["deliver"] * 3
    + ["watch"]
    + ["client"] * 3
    + ["many"]
    + ["visitor"] * 2
    + ["feed"] * 2
)
PIDS = "pids"
LEASE = 5  # seconds
START_WITHIN = 60.0
# Shorter than in a hospital, so that a few seconds of trouble are more than they allow; the lists
# that a trigger asks for must be there (see settings.py).
TIMEOUTS = (
    "-c statement_timeout=8000 -c lock_timeout=4000 -c idle_in_transaction_session_timeout=10000"
    " -c pgtrigger.ignore={}"
)
# The server's own, for the storm.
SERVER = {"max_wal_size": "128MB", "deadlock_timeout": "500ms"}
NUMBER, SERVICE = "+447700900123", "8f1a1c1e-0000-4000-8000-000000000001"


class Ground:
    """Made, then `prepare`d and `start`ed; `stop` leaves nothing running."""

    # What the children of a program are called.
    POOLS = {"web": "web", "pool": "worker"}

    def __init__(self, keep: Path | None, *, on_disk: bool, nursery: list[str]) -> None:
        # `nursery`: how its processes are to be, see there.
        self.keep, self.nursery = keep, nursery
        redis = shutil.which("redis-server")
        self.servers = embedded.Throwaway(durable=True, broker=Path(redis) if redis else None)
        self.database_clock = Clock(self.servers.base / "clock")
        self.servers.postgres = TurnedPostgres(self.servers.base / "postgres", durable=True)
        self.servers.postgres.clock = self.database_clock
        self.postgres, self.broker = self.servers.postgres, self.servers.valkey
        self.disk = Disk(self.postgres.base)
        if not on_disk:
            self.disk.mount()
        if keep:
            keep.mkdir(parents=True)  # a new one: another storm's history would be judged, too
        self.room = keep or embedded.temporary_directory()
        self.mail, self.posts = MailServer().start(), PostServer().start()
        # Of nobody's: only the engine decides whether it is called.
        self.monitor = PostServer().start()
        self.web_port, self.hl7_port = free_port(), free_port()
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        # By name: what the nemesis holds down.
        self.down: set[str] = set()
        self.addresses: list[str] = []
        self.postman: Postman

    # --- To begin with -------------------------------------------------------------------------

    def prepare(self) -> None:
        """The servers, the settings of this process, the tables, and who is there."""
        self.servers.start()
        self._adjust_server()
        os.environ.update(self._environment())
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        from imaging_safety import grants

        call_command("migrate", verbosity=0)
        grants.restrict(connection, embedded.APPLICATION)
        self._cast()
        connection.close()
        from tests.faults.postman import Postman

        self.postman = Postman()

    def _adjust_server(self) -> None:
        import psycopg2

        server = psycopg2.connect(self.superuser())
        server.autocommit = True
        with server.cursor() as cursor:
            for name, to in SERVER.items():
                cursor.execute(f"ALTER SYSTEM SET {name} = '{to}'")
            cursor.execute("SELECT pg_reload_conf()")
        server.close()

    def superuser(self) -> str:
        return self.postgres.url("postgres")

    def _environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.postgres.url(embedded.OWNER),
            "REDIS_URL": self.broker.url,
            "SECRET_KEY": secrets.token_urlsafe(50),
            "HTTPS": "off",
            "BASE_URL": f"http://127.0.0.1:{self.web_port}",
            "MLLP_PORT": str(self.hl7_port),
            "DJANGO_SETTINGS_MODULE": "imaging_safety.settings",
            "LOG_LEVEL": "WARNING",
            "EMAIL_URL": f"smtp://127.0.0.1:{self.mail.port}",
            "NOTIFY_URL": self.posts.url,
            "NOTIFY_API_KEY": f"storm-{SERVICE}-{SERVICE}",
            "NOTIFY_TEMPLATE_ID": "storm",
            "WEBHOOK_URL": f"{self.posts.url}{TRUST}",
            "WEBHOOK_SECRET": "s" * 40,
            "HEARTBEAT_URL": f"{self.monitor.url}{HEARTBEAT}",
            "DELIVERY_LEASE_SECONDS": str(LEASE),
            "FIRE_EVERY_SECONDS": "1",
            "DELIVER_EVERY_SECONDS": "1",
            "WATCH_EVERY_SECONDS": "5",
        }

    def _cast(self) -> None:
        from knox.models import AuthToken

        from notifications.models import Channel
        from tests.factories import RouteFactory, a_trust
        from tests.faults.client import CAST, Cast
        from tests.pages import signed_in

        trust = a_trust()
        RouteFactory(person=trust.referrer, channel=Channel.SMS, address=NUMBER, position=3)
        RouteFactory(person=trust.colleague, channel=Channel.WEBHOOK, address="bleep", position=3)
        tokens = [
            AuthToken.objects.create(person)[1] for person in (trust.radiologist, trust.referrer)
        ]
        session = signed_in(trust.radiologist).cookies["sessionid"].value
        cast = Cast(trust, os.environ["BASE_URL"], self.hl7_port, session, (tokens[0], tokens[1]))
        (self.room / CAST).write_bytes(pickle.dumps(cast))
        self.addresses = [
            person.email for person in (trust.referrer, trust.colleague, trust.responsible)
        ]

    # --- Processes -----------------------------------------------------------------------------

    def start(self) -> None:
        (self.room / PIDS).mkdir(exist_ok=True)
        self.look()
        ends = time.monotonic() + START_WITHIN
        while len(list((self.room / PIDS).iterdir())) < len(PARTS):
            if time.monotonic() > ends or self.programs["nursery"].poll() is not None:
                raise SystemExit(f"The engines did not start: see {self.room}/nursery.log.")
            time.sleep(0.1)

    def look(self) -> None:
        """Start again whatever has ended and is not held down."""
        for name, arguments in self._commands().items():
            if name not in self.down and not self.runs(name):
                self.programs[name] = self._start(name, *arguments)
        if "broker" not in self.down and not _is_alive(self.broker.child):
            self.broker.start()
        if not self.down & {"database", "disk"} and not _is_alive(self.postgres.child):
            self.postgres.start()

    def _commands(self) -> dict[str, tuple[str | Path, ...]]:
        celery = ("-m", "celery", "--app", "tests.faults.worker")
        web = ("-m", "gunicorn", "tests.faults.web:application", "--preload")
        return {
            "nursery": ("-m", "tests.faults.nursery", self.room, *PARTS, *self.nursery),
            "worker": (*celery, "worker", "--concurrency", "1", "--without-gossip"),
            "beat": (*celery, "beat", "--scheduler", "celery.beat:Scheduler"),
            "web": (
                *web,
                *("--bind", f"127.0.0.1:{self.web_port}", "--workers", "2", "--threads", "2"),
                "--no-control-socket",
            ),
            # Its checks would refuse that texts and messages do not go outside, as here.
            "listener": ("manage.py", "mllp", "--skip-checks"),
        }

    def _start(self, name: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """With the application's own role, which may change no line of history."""
        url = f"{self.postgres.url(embedded.APPLICATION)}&options={quote(TIMEOUTS)}"
        return children.start(
            [sys.executable, *arguments],
            log=self.room / f"{name}.log",
            env=os.environ | {"DATABASE_URL": url},
            cwd=HERE,
        )

    def runs(self, name: str) -> bool:
        return _is_alive(self.programs.get(name))

    def kill(self, name: str) -> None:
        """One of Celery or of the web, with whatever it has started."""
        os.killpg(self.programs[name].pid, signal.SIGKILL)
        self.programs[name].wait()

    def pids(self, part: str) -> list[int]:
        """The processes of a part in the nursery; or the children of gunicorn or of Celery."""
        if part in self.POOLS:
            program = psutil.Process(self.programs[self.POOLS[part]].pid)
            return sorted(one.pid for one in program.children())
        found = [
            int(name.read_text() or 0) for name in sorted((self.room / PIDS).glob(f"{part}-*"))
        ]
        return [pid for pid in found if _is_ours(pid)]

    def rest_the_clients(self) -> None:
        from tests.faults.nursery import CALM

        (self.room / CALM).touch()

    def leave(self) -> None:
        """The processes go; the servers stay, to be judged."""
        for name in ("nursery", "listener", "web", "worker", "beat"):
            children.stop(self.programs.get(name), signal.SIGKILL)

    def stop(self) -> None:
        self.leave()
        if hasattr(self, "postman"):
            self.postman.stop()
        self.mail.stop()
        self.posts.stop()
        self.monitor.stop()
        self.servers.stop()
        if self.keep is None:
            shutil.rmtree(self.room, ignore_errors=True)


def _is_alive(child: subprocess.Popen[bytes] | None) -> bool:
    return child is not None and child.poll() is None


def _is_ours(pid: int) -> bool:
    """Not one that was forked again this very moment: a number is used again some day."""
    try:
        return "tests.faults.nursery" in " ".join(psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return False
