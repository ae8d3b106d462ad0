"""A real PostgreSQL and a real broker for the tests, up before Django reads its settings.

Loaded with `-p`: pytest-django reads the settings before any conftest.py. With xdist the
controller starts the pair and the workers inherit its address, each with a broker of its own.

The broker is Redis where the machine has it, and Valkey from its wheel where not; the test of
`make run` uses Valkey, so that both are tested on a machine that has both.
"""

import atexit
import os
import re
import shutil
from pathlib import Path

import psycopg2
import pytest

from imaging_safety import embedded
from tests.committed_rows import PASSED_BY
from tests.one_migration import TURNS

# What the settings ask for; a test that needs another value says so itself.
ENVIRONMENT = {
    "SECRET_KEY": "tests-sign-nothing-that-lives-longer-than-the-tests-do-0123456789",
    "HTTPS": "off",
    "EMAIL_URL": "smtp://127.0.0.1:1",  # Django's test runner keeps mail in memory
    "BASE_URL": "http://127.0.0.1:8000",
    "DJANGO_SETTINGS_MODULE": "imaging_safety.settings",
}


# Set for the processes that we start: the server they are given goes away with us.
THROWN_AWAY = "TEST_POSTGRES_IS_THROWN_AWAY"


def _start_missing() -> None:
    """Start what the environment does not already name."""
    if "DATABASE_URL" in os.environ and "REDIS_URL" in os.environ:
        return
    redis = shutil.which("redis-server")
    servers = embedded.Throwaway(broker=Path(redis) if redis else None)
    atexit.register(servers.stop)
    if "REDIS_URL" not in os.environ:
        os.environ["REDIS_URL"] = servers.valkey.start().url
    if "DATABASE_URL" not in os.environ:
        os.environ["DATABASE_URL"] = servers.postgres.start().url(embedded.OWNER)
        _let_pass_by_triggers(servers.postgres)
        os.environ[THROWN_AWAY] = "yes"
        os.environ[TURNS] = str(servers.base / "turns")


def _let_pass_by_triggers(postgres: embedded.Postgres) -> None:
    """For tests/committed_rows.py, which takes away what is append-only, too."""
    connection = psycopg2.connect(postgres.url("postgres", "postgres"))
    with connection, connection.cursor() as cursor:
        cursor.execute(f"GRANT SET ON PARAMETER {PASSED_BY} TO {embedded.OWNER}")
    connection.close()


def broker_for(url: str, worker: str) -> str:
    """The same broker, in the numbered database of this xdist worker (gw0, gw1, …)."""
    number = int(re.sub(r"\D", "", worker)) + 1
    if url.startswith("redis+socket:"):
        return f"{url.partition('?')[0]}?virtual_host={number}"
    return re.sub(r"^(rediss?://[^/?]+)(/\d*)?", rf"\1/{number}", url)


def _begin() -> None:
    os.environ.update({k: v for k, v in ENVIRONMENT.items() if k not in os.environ})
    _start_missing()
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ["REDIS_URL"] = broker_for(os.environ["REDIS_URL"], worker)


_begin()


def pytest_configure(config: pytest.Config) -> None:
    """Databases of a server that goes away need no dropping, which a session left by a browser
    would refuse."""
    if THROWN_AWAY in os.environ:
        config.option.reuse_db = True


def pytest_report_header() -> list[str]:
    named = (os.environ[name].rpartition("@")[2] for name in ("DATABASE_URL", "REDIS_URL"))
    return [f"services: {', '.join(named)}"]
