"""`python -m tests.faults.campaign --seed 1 --kills 1000 --findings 10000`.

Real PostgreSQL that syncs, a real broker, a real worker and beat, and forked engines and clients.
Runs until so many kills were done and so many findings were flagged, then lets everything finish,
and judges. Ends with a table, and with 1 when anything is lost or wrong.
"""

import argparse
import logging
import os
import pickle
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from imaging_safety import children, embedded

if TYPE_CHECKING:
    from datetime import datetime

    from tests.faults.checker import Verdict
    from tests.faults.nemesis import Nemesis

HERE = Path(__file__).resolve().parent.parent.parent
PARTS = ["fire", "fire", "deliver", "deliver", "deliver", "watch", *["client"] * 3]
LEASE = 5  # seconds
# A lease, the retries of a mail server that said "later", and a margin.
QUIET_WITHIN = 240.0
START_WITHIN = 60.0
PIDS = "pids"


def main() -> int:
    given = _arguments()
    servers = embedded.Throwaway(durable=True, broker=_broker())
    servers.start()
    os.environ.update(_environment(servers))
    import django

    django.setup()
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # every line of every SMTP session
    try:
        return _Campaign(given, servers).run()
    finally:
        servers.stop()


def _arguments() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    asked.add_argument("--kills", type=int, default=1000)
    asked.add_argument("--findings", type=int, default=10_000)
    asked.add_argument("--rest", type=float, default=0.5, help="seconds between faults, mean")
    asked.add_argument("--keep", type=Path, help="keep history and logs in this directory")
    return asked.parse_args()


def _broker() -> Path | None:
    redis = shutil.which("redis-server")
    return Path(redis) if redis else None


def _environment(servers: embedded.Throwaway) -> dict[str, str]:
    return {
        "DATABASE_URL": servers.postgres.url(embedded.OWNER),
        "REDIS_URL": servers.valkey.url,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "HTTPS": "off",
        "BASE_URL": "http://127.0.0.1:8000",
        "DJANGO_SETTINGS_MODULE": "imaging_safety.settings",
        "DELIVERY_LEASE_SECONDS": str(LEASE),
        "FIRE_EVERY_SECONDS": "1",
        "DELIVER_EVERY_SECONDS": "1",
        "WATCH_EVERY_SECONDS": "5",
    }


class _Campaign:
    def __init__(self, given: argparse.Namespace, servers: embedded.Throwaway) -> None:
        from tests.engine.mail import MailServer

        self.given, self.servers = given, servers
        self.room = given.keep or embedded.temporary_directory()
        self.room.mkdir(exist_ok=True)
        self.mail = MailServer().start()
        os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{self.mail.port}"
        self.nursery: subprocess.Popen[bytes] | None = None
        self.celery: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> int:
        from tests.faults.checker import judge

        print(f"Seed {self.given.seed}: the same again with --seed {self.given.seed}.", flush=True)
        addresses = self._prepare()
        with self._engines():
            began = _now()
            nemesis = self._storm(addresses)
            self._calm()
            self._wait_until_quiet()
        verdict = judge(self.room, self.mail, began)
        self._say(nemesis, verdict)
        self.mail.stop()
        if not self.given.keep:
            shutil.rmtree(self.room, ignore_errors=True)
        return int(bool(verdict.wrong or verdict.lost))

    def _prepare(self) -> list[str]:
        from django.core.management import call_command
        from django.db import connection

        from tests.factories import a_trust
        from tests.faults.client import TRUST

        call_command("migrate", verbosity=0)
        trust = a_trust()
        (self.room / TRUST).write_bytes(pickle.dumps(trust))
        connection.close()
        return [one.email for one in (trust.referrer, trust.colleague, trust.responsible)]

    @contextmanager
    def _engines(self) -> Iterator[None]:
        self._start_nursery(PARTS)
        self._look()
        try:
            yield
        finally:
            for child in (self.nursery, *self.celery.values()):
                children.stop(child, signal.SIGKILL)

    def _start(self, name: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
        return children.start(
            [sys.executable, *arguments], log=self.room / f"{name}.log", env=os.environ, cwd=HERE
        )

    def _look(self) -> None:
        """What a supervisor does: whoever of Celery has ended is started again."""
        app = ("-m", "celery", "--app", "imaging_safety")
        wanted = {
            "worker": (*app, "worker", "--concurrency", "1", "--without-gossip"),
            "beat": (*app, "beat", "--scheduler", "celery.beat:Scheduler"),
        }
        for name, arguments in wanted.items():
            child = self.celery.get(name)
            if child is None or child.poll() is not None:
                self.celery[name] = self._start(name, *arguments)

    def _kill_worker(self) -> None:
        os.killpg(self.celery["worker"].pid, signal.SIGKILL)
        self.celery["worker"].wait()

    def _storm(self, addresses: list[str]) -> "Nemesis":
        from tests.faults.nemesis import Nemesis, schedule

        nemesis = Nemesis(self.room, self.servers, self.mail, self._kill_worker, addresses)
        said = time.monotonic()
        for fault in schedule(self.given.seed, self.given.rest):
            flagged = self._flagged()
            if nemesis.kills >= self.given.kills and flagged >= self.given.findings:
                break
            nemesis.do(fault)
            self._look()
            if time.monotonic() - said > 30:
                said = time.monotonic()
                print(f"{nemesis.kills} kills, {flagged} findings", flush=True)
        return nemesis

    def _flagged(self) -> int:
        from tests.faults.client import HISTORY

        kept = self.room / HISTORY
        text = kept.read_text() if kept.exists() else ""
        return sum('"ok"' in line and '"flag"' in line for line in text.splitlines())

    def _calm(self) -> None:
        """The clients go; the engines stay to finish."""
        assert self.nursery is not None
        children.stop(self.nursery, signal.SIGKILL)
        self._start_nursery([part for part in PARTS if part != "client"])

    def _start_nursery(self, parts: list[str]) -> None:
        pids = self.room / PIDS
        shutil.rmtree(pids, ignore_errors=True)
        pids.mkdir()
        self.nursery = self._start("nursery", "-m", "tests.faults.nursery", self.room, *parts)
        ends = time.monotonic() + START_WITHIN
        while len(list(pids.iterdir())) < len(parts):
            if time.monotonic() > ends or self.nursery.poll() is not None:
                raise SystemExit(f"The engines did not start: see {self.room}/nursery.log.")
            time.sleep(0.1)

    def _wait_until_quiet(self) -> None:
        from django.db import OperationalError, connection

        from tests.engine.world import all_quiet

        ends = time.monotonic() + QUIET_WITHIN
        while time.monotonic() < ends:
            try:
                if all_quiet():
                    return
            except OperationalError:
                connection.close()
            self._look()
            time.sleep(0.5)

    def _say(self, nemesis: "Nemesis", verdict: "Verdict") -> None:
        for name, count in sorted(nemesis.done.items()):
            print(f"  {name:24} {count:6}")
        for name, value in asdict(verdict).items():
            if name != "wrong":
                words = name.replace("_", " ") + (" (s)" if isinstance(value, float) else "")
                print(f"{words:26} {value:8.1f}" if " (s)" in words else f"{words:26} {value:8}")
        for sentence in verdict.wrong[:50]:
            print(f"WRONG {sentence}")
        print(f"Seed {self.given.seed}. {'WRONG' if verdict.wrong else 'Nothing wrong.'}")


def _now() -> "datetime":
    from django.utils import timezone

    return timezone.now()


if __name__ == "__main__":
    random.seed()
    sys.exit(main())
