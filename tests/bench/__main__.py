"""`python -m tests.bench`: the whole benchmark, or with --quick a small one."""

import argparse
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg2

from imaging_safety import children, embedded

HERE = Path(__file__).resolve().parent.parent.parent
RUNS = 5
# What is measured.
ENGINE = ("fire", "whole", "sweep")
WAY_IN = ("parse", "import", "mllp", "fhir")
# With rows of its own, and only where it is asked for.
PAGES = ("lab", "lists", "pages")
MEASURES = "measures"


class Database:
    """One copy of the prepared rows."""

    def __init__(self, servers: embedded.Throwaway, name: str) -> None:
        self.name = name
        self.url = servers.postgres.url(embedded.OWNER, name)
        self.superuser = psycopg2.connect(servers.postgres.url("postgres", name))
        self.superuser.autocommit = True

    def ask(self, sql: str) -> Any:
        with self.superuser.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    def fall_due_at(self, at: datetime) -> None:
        from tests.bench.rows import fall_due_at

        fall_due_at(self.superuser, at)


class Bench:
    """The servers of the benchmark and what runs beside them."""

    def __init__(self, given: argparse.Namespace, servers: embedded.Throwaway) -> None:
        self.given, self.servers = given, servers
        self.room = servers.base
        self.copies = 0

    def execute(self, sql: str) -> None:
        connection = psycopg2.connect(self.servers.postgres.url("postgres", "postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
        connection.close()

    @contextmanager
    def copy(self) -> Iterator[Database]:
        """The rows as they were prepared, in a database of their own."""
        self.copies += 1
        name = f"copy{self.copies}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {embedded.DATABASE} OWNER {embedded.OWNER}")
        database = Database(self.servers, name)
        try:
            yield database
        finally:
            database.superuser.close()
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def engines(self, database: Database, parts: list[str], port: int = 1) -> Iterator[int]:
        """Gives the process that they descend from."""
        log = self.room / f"{parts[0]}{self.copies}.log"
        env = os.environ | {
            "DATABASE_URL": database.url,
            "EMAIL_URL": f"smtp://127.0.0.1:{port}",
        }
        command = [sys.executable, "-m", "tests.engine.crowd", *parts]
        child = children.start(command, log=log, env=env, cwd=HERE)
        try:
            yield child.pid
        finally:
            children.stop(child, within=2)
            if "Traceback" in (said := log.read_text()):
                print(said[-2000:])

    @contextmanager
    def sink(self) -> Iterator[tuple[int, Path]]:
        kept = self.room / f"mail{self.copies}"
        command = [sys.executable, "-m", "tests.bench.sink", str(kept)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE)
        assert child.stdout is not None
        try:
            yield int(child.stdout.readline()), kept
        finally:
            child.kill()
            child.wait()


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--quick", action="store_true", help="2,000 findings, one run")
    asked.add_argument("--findings", type=int, default=10_000)
    asked.add_argument("--runs", type=int, default=RUNS)
    asked.add_argument("--steps", type=int, default=10_000_000, help="not due, for the sweep")
    asked.add_argument("--reports", type=int, default=5000, help="for each way in")
    asked.add_argument("--only", choices=[*ENGINE, *WAY_IN, *PAGES, MEASURES])
    given = asked.parse_args()
    if given.quick:
        given.findings, given.runs, given.steps = 2000, 1, 100_000
        given.reports = 1000
    # Whoever ends it finds nothing left: the directory has twenty hospitals.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    servers = embedded.Throwaway(durable=True)
    if given.only == MEASURES:
        servers.postgres.shared_buffers = "2GB"  # as a trust's server has for millions of rows
    try:
        servers.postgres.start()
        os.environ.update(_environment(servers))
        import django

        django.setup()
        _measure(Bench(given, servers))
    except KeyboardInterrupt:
        return 130
    finally:
        servers.stop()
    return 0


def _environment(servers: embedded.Throwaway) -> dict[str, str]:
    return {
        "DATABASE_URL": servers.postgres.url(embedded.OWNER),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "HTTPS": "off",
        "BASE_URL": "http://127.0.0.1:8000",
        "DJANGO_SETTINGS_MODULE": "imaging_safety.settings",
    }


def _measure(bench: Bench) -> None:
    from django.core.management import call_command
    from django.db import connection

    from tests.bench.rows import a_burst
    from tests.bench.way_in import a_past

    only = bench.given.only
    if only in PAGES:
        return _of_the_demonstration(bench)
    call_command("migrate", verbosity=0)
    if only in WAY_IN:
        bench.given.findings = 100  # a trust with its people is enough
    if only == MEASURES:
        return _measures(bench)
    a_burst(bench.given.findings, bench.given.seed)
    a_past(bench.given.seed)
    connection.close()  # nobody may be in a database that is copied
    print(
        f"{bench.given.findings} findings, seed {bench.given.seed}, median of {bench.given.runs}"
        f" runs, load of this machine {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores.\n",
        flush=True,
    )
    print(f"{'':44} {'measured':>10} {'limit':>10} {'ratio':>6}", flush=True)
    _engine_and_way_in(bench, only)


def _engine_and_way_in(bench: Bench, only: str | None) -> None:
    if only in (None, "fire"):
        _fire(bench)
    if only in (None, "whole"):
        _whole(bench)
    if only in (None, "sweep"):
        _sweep(bench)
    if only in (None, "parse"):
        _parse(bench)
    if only in (None, "import"):
        _import(bench)
    if only in (None, "mllp"):
        _mllp(bench)
    if only in (None, "fhir"):
        _fhir(bench)


def say(words: str, values: list[float], limits: list[float] | None = None) -> None:
    """One line of the table; the range of the runs stands behind."""
    value = median(values)
    line = f"{words:44} {value:10,.2f}"
    if limits:
        line += f" {median(limits):10,.2f} {value / median(limits):6.2f}"
    spread = f"   {min(values):,.2f} to {max(values):,.2f}" if len(values) > 1 else ""
    print(line + spread, flush=True)


def _fire(bench: Bench) -> None:
    from tests.bench import burst, limits

    measured, limit = [], []
    for _ in range(bench.given.runs):
        measured.append(burst.fire_only(bench, bench.given.findings))
        with bench.copy() as database:
            database.fall_due_at(datetime.now(UTC))
            limit.append(limits.fired_in_sql(database.url))
    say("fired, steps/s (limit: the rows in raw SQL)", measured, limit)


def _whole(bench: Bench) -> None:
    from tests.bench import burst, limits

    runs, by_hand, kept = [], [], []
    for _ in range(bench.given.runs):
        runs.append(burst.whole(bench, bench.given.findings))
        with bench.copy() as database, bench.sink() as (port, _):
            by_hand.append(limits.sent_by_hand(port))
            kept.append(limits.sent_and_kept(database.url, port))
    say("sent, messages/s (limit: two commits and mail)", [run.sent for run in runs], kept)
    say("two commits and mail (limit: mail alone)", kept, by_hand)
    say("fired while sending, steps/s", [run.fired for run in runs])
    say("first critical one at the server after, s", [run.first_critical for run in runs])
    say("last critical one after, s", [run.last_critical for run in runs])
    say("messages before it that are not critical", [run.overtaken for run in runs])
    say("everything after, s", [run.everything for run in runs])
    say("processor for each finding, with database, ms", [run.processor for run in runs])


def _sweep(bench: Bench) -> None:
    from tests.bench import sweep

    sweep.measure(bench)


def _parse(bench: Bench) -> None:
    from tests.bench import way_in

    way_in.measure_parse(bench)


def _import(bench: Bench) -> None:
    from tests.bench import way_in

    way_in.measure_import(bench)


def _mllp(bench: Bench) -> None:
    from tests.bench import mllp

    mllp.measure(bench)


def _fhir(bench: Bench) -> None:
    from tests.bench import fhir

    fhir.measure(bench)


def _measures(bench: Bench) -> None:
    from tests.bench import measures

    measures.measure(bench)


def _of_the_demonstration(bench: Bench) -> None:
    from tests.bench import lab, lists, pages

    {"lab": lab.measure, "lists": lists.measure, "pages": pages.measure}[bench.given.only](bench)


if __name__ == "__main__":
    sys.exit(main())
