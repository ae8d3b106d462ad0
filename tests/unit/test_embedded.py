"""The embedded servers: private, restricted, and gone with whoever started them."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from imaging_safety import children, embedded
from tests.services_plugin import broker_for

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def servers() -> Iterator[embedded.Throwaway]:
    started = embedded.Throwaway().start()
    yield started
    started.stop()


@pytest.fixture
def outdoors() -> Iterator[Path]:
    """A directory the unprivileged account may pass; pytest's own is closed to it under root."""
    base = embedded.temporary_directory()
    base.chmod(0o711)
    yield base
    shutil.rmtree(base)


def ask(url: str, question: str) -> object:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchone()[0]
    finally:
        connection.close()


def test_neither_role_is_a_superuser_and_the_application_owns_nothing(servers):
    question = "SELECT rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = user"
    assert ask(servers.postgres.url(embedded.OWNER), question) is False
    assert ask(servers.postgres.url(embedded.APPLICATION), question) is False
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask(servers.postgres.url(embedded.APPLICATION), "CREATE TABLE mine (); SELECT 1")


def test_sockets_are_in_directories_that_only_one_account_may_enter(servers):
    for directory in (servers.postgres.sockets, servers.valkey.socket.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert ask(servers.postgres.url(embedded.OWNER), "SHOW listen_addresses") == ""


def test_a_durable_server_keeps_what_it_confirmed_and_its_rows_over_a_restart(outdoors):
    first = embedded.Postgres(outdoors / "postgres", durable=True).start()
    try:
        assert ask(first.url(embedded.OWNER), "SHOW fsync") == "on"
        assert ask(first.url(embedded.OWNER), "SHOW autovacuum") == "on"
        owner = psycopg2.connect(first.url(embedded.OWNER))
        with owner, owner.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 42 AS number")
        owner.close()
        first.stop()
        second = embedded.Postgres(outdoors / "postgres", durable=True).start()
        try:
            assert ask(second.url(embedded.OWNER), "SELECT number FROM kept") == 42
        finally:
            second.stop()
    finally:
        first.stop()


def test_a_number_left_over_from_a_power_cut_does_not_stop_postgres(outdoors):
    server = embedded.Postgres(outdoors / "postgres", durable=False).start()
    server.stop()
    left = server.data / "postmaster.pid"
    left.write_text(f"{os.getpid()}\n{server.data}\n1\n5432\n\n\n1 1\nready\n")
    os.chown(left, server.data.stat().st_uid, -1)
    again = embedded.Postgres(outdoors / "postgres", durable=False).start()
    again.stop()


def test_a_directory_too_deep_for_a_socket_gets_a_short_private_one(outdoors):
    deep = outdoors / ("d" * 90)
    deep.mkdir(mode=0o711)
    server = embedded.Postgres(deep / "postgres", durable=False).start()
    try:
        assert server.sockets.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700
        assert ask(server.url(embedded.OWNER), "SELECT 1") == 1
    finally:
        server.stop()
    assert not server.sockets.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has programs that others may not reach")
def test_as_root_programs_behind_a_closed_door_are_copied(monkeypatch, outdoors):
    closed = embedded.private_directory(outdoors / "closed")
    site = closed / "site-packages"
    installed = embedded.postgres_binaries().parent
    site.mkdir()
    subprocess.run(["cp", "-a", installed.parent, site], check=True)
    libraries = installed.parent.with_name(f"{installed.parent.name}.libs")
    subprocess.run(["cp", "-a", libraries, site], check=True)
    monkeypatch.setenv("POSTGRES_BIN", str(site / installed.parent.name / installed.name / "bin"))
    server = embedded.Postgres(outdoors / "postgres", durable=False).start()
    try:
        assert str(server.binaries).startswith(str(outdoors))
        assert psutil.Process(server.pid).uids().real != 0
        assert ask(server.url(embedded.OWNER), "SELECT 1") == 1
    finally:
        server.stop()


def test_no_programs_for_the_platform_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setattr(embedded, "_postgres_directories", lambda: iter(()))
    with pytest.raises(embedded.CannotStart, match="set DATABASE_URL"):
        embedded.postgres_binaries()


def start_by_hand() -> subprocess.Popen[str]:
    """A developer's own pair of servers, as another process."""
    command = [sys.executable, "-m", "imaging_safety.embedded"]
    by_hand = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for _ in range(3):
        assert by_hand.stdout.readline().startswith("export ")
    return by_hand


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_servers_never_outlive_the_process_that_started_them(how):
    by_hand = start_by_hand()
    family = psutil.Process(by_hand.pid).children(recursive=True)
    names = set()
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # a server's short-lived child
            names.add(process.name())
    assert {"postgres", "valkey-server"} <= names
    by_hand.send_signal(how)
    by_hand.wait(60)  # PostgreSQL writes everything down first, on a busy disk
    by_hand.stdout.close()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []


def test_the_guard_ends_what_it_watches_when_its_parent_dies():
    """What macOS needs; the kernel does it on Linux."""
    program = (
        "import os, signal, subprocess, sys, time\n"
        "from imaging_safety import children\n"
        "children.guard = children.Guard()\n"
        "asleep = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "children.guard.watch(asleep.pid)\n"
        "print(asleep.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    told = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(int(told.stdout)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(told.stdout))


def test_a_child_that_does_not_listen_is_ended_with_its_own_children(tmp_path):
    deaf = "import os, signal, time; signal.signal(15, 1); os.fork(); print(1); time.sleep(600)"
    log = tmp_path / "log"
    child = children.start([sys.executable, "-uc", deaf], log=log)
    deadline = time.monotonic() + 10
    while log.read_text().count("1") < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    family = [psutil.Process(child.pid), *psutil.Process(child.pid).children()]
    assert len(family) == 2
    children.stop(child, within=0.2)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []


@pytest.mark.parametrize(
    ("url", "numbered"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/3"),
        ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379/3"),
        ("rediss://:secret@broker/0?ssl_cert_reqs=required", None),
        ("redis+socket:///run/x/socket", "redis+socket:///run/x/socket?virtual_host=3"),
        (
            "redis+socket:///run/x/socket?virtual_host=0",
            "redis+socket:///run/x/socket?virtual_host=3",
        ),
    ],
)
def test_each_xdist_worker_has_a_broker_of_its_own(url, numbered):
    expected = numbered or "rediss://:secret@broker/3?ssl_cert_reqs=required"
    assert broker_for(url, "gw2") == expected


def test_what_a_killed_run_left_in_the_temporary_directory_is_tidied_up():
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = Path(tempfile.gettempdir()) / f"{embedded.TEMPORARY_PREFIX}{ended.pid}-left"
    left.mkdir()
    embedded.temporary_directory().rmdir()
    assert not left.exists()
