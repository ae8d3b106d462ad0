"""`make run` for real, without the installing: up, answering, kept over a restart, and gone."""

import signal
import smtplib
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest

from imaging_safety import embedded, place, run
from tests.messages import oru
from tests.ris import Ris
from tests.supervised import Running
from tests.unit.test_checks import STRONG

pytestmark = pytest.mark.engine

HERE = Path(__file__).resolve().parents[2]
GONE_WITHIN = 30
PROGRAMS = (
    "gunicorn",
    "worker",
    "beat",
    "run_clock",
    "mllp",
    "mailsink",
    "postgres",
    "valkey-server",
)


@pytest.fixture
def start(local) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(**environment: str) -> Running:
        started.append(Running(local, **environment))
        return started[-1]

    yield begin
    for one in started:
        one.end_if_running()


@pytest.fixture(scope="module")
def running(first_run) -> Running:
    """One that several tests look at, or disturb and let recover."""
    return first_run


@pytest.fixture(scope="module")
def kept() -> dict[str, int]:
    """What the last test of one day tells the first of the next."""
    return {}


def assert_nothing_is_left(family: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(family, timeout=GONE_WITHIN)
    assert [" ".join(process.cmdline()) for process in alive] == []


def wait_for(condition: Callable[[], object], within: float = 60) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


# --- While it runs ----------------------------------------------------------------------------


def test_every_part_is_a_process_of_its_own(running):
    assert running.health()["status"] == "ok"
    for word in PROGRAMS:
        assert running.member(word).is_running(), word
    assert running.ask("SHOW fsync") == "on"
    assert f"http://127.0.0.1:{running.port}" in running.said.read_text()


def test_hl7_is_taken_by_mllp(running):
    def is_answered() -> bool:
        with suppress(ConnectionError), Ris(running.hl7_port) as ris:
            return ris.code(oru()) == "AA"
        return False

    wait_for(is_answered)
    assert running.ask("SELECT count(*) FROM findings_incomingmessage WHERE origin LIKE 'mllp%'")


def test_what_it_keeps_is_private_to_the_user(running, local):
    secret = local / "secret-key"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert len(secret.read_text()) >= 50
    for room in ("postgres", "valkey", "log", "mail"):
        assert stat.S_IMODE((local / room).stat().st_mode) == 0o700
    assert running.listens_on() == {"127.0.0.1"}


def test_the_application_cannot_rewrite_history(running):
    allowed = "SELECT has_table_privilege('imaging_safety', 'findings_event', '{}')"
    assert running.ask(allowed.format("INSERT")) is True
    assert running.ask(allowed.format("UPDATE")) is False
    assert running.ask(allowed.format("DELETE")) is False


def test_mail_is_kept_as_files(running, local):
    port = int(running.member("mailsink").cmdline()[-2])
    message = EmailMessage()
    message["From"], message["To"] = "imaging-safety@localhost", "referrer@example.test"
    message["Subject"] = "A finding needs you"
    message.set_content("Reference F-2K7Q")
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.send_message(message)
    wait_for(lambda: any("F-2K7Q" in kept.read_text() for kept in (local / "mail").glob("*.eml")))


def test_a_second_run_says_that_one_is_running(running, start):
    second = start()
    assert second.supervisor.wait(30) == 1
    said = second.said.read_text().strip()
    assert f"already runs from this directory (process {running.supervisor.pid})" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("word", ["worker", "gunicorn", "valkey-server", "postgres"])
def test_a_program_that_dies_is_started_again(running, word):
    died = running.member(word)
    family = [died, *died.children(recursive=True)]
    died.kill()
    wait_for(lambda: "again in" in running.said.read_text())
    assert_nothing_is_left(family)
    wait_for(lambda: running.has(word) and running.is_well())
    assert "(SIGKILL); again in" in running.said.read_text()


def test_sigterm_leaves_nothing(running, kept):
    """The last of the tests that share it."""
    kept["people"] = running.ask("SELECT count(*) FROM findings_person")
    family = running.family()
    assert len(family) > len(PROGRAMS)
    assert running.end(signal.SIGTERM) == 0
    assert_nothing_is_left(family)


# --- The next day -----------------------------------------------------------------------------


def test_a_second_start_keeps_the_rows_and_needs_no_care_after_kill_9(local, kept, start):
    """The day after the tests above."""
    people = kept["people"]
    secret = (local / "secret-key").read_text()

    second = start().wait_until_up()

    # At once: the worker is still looking for its broker, and hears no polite word.
    family = second.family()
    second.end(signal.SIGKILL)
    assert_nothing_is_left(family)
    third = start().wait_until_up()
    assert third.health()["status"] == "ok"
    assert third.ask("SELECT count(*) FROM findings_person") == people > 0
    assert (third.local / "secret-key").read_text() == secret

    family = third.family()
    assert third.end(signal.SIGINT) == 0, "Ctrl-C is a goodbye and not an error"
    assert third.said.read_text().rstrip().endswith("Stopped.")
    assert_nothing_is_left(family)


# --- What is refused, in one sentence ---------------------------------------------------------


@pytest.mark.parametrize(("name", "another"), [("PORT", 8001), ("MLLP_PORT", 2576)])
def test_a_port_in_use_is_said_in_one_sentence(start, name, another):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = start(**{name: str(port)})
        assert refused.supervisor.wait(30) == 1
    said = refused.said.read_text().strip()
    assert said == (
        f"Port {port} on 127.0.0.1 is in use: choose another, as in `make run {name}={another}`."
    )


def test_a_demonstration_on_every_address_is_refused(start):
    refused = start(BIND_ADDRESS="0.0.0.0")
    assert refused.supervisor.wait(60) == 1
    assert "imaging_safety.E004" in refused.said.read_text()


def test_a_full_disk_is_said_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(place, "FREE_AT_LEAST", 2**62)
    with pytest.raises(embedded.CannotStart, match="MB are free on the disk"):
        place.Place(tmp_path / "local").open()


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(embedded.CannotStart, match=f"PORT is {port}"):
        run.Run(place.Place(Path("unused")), {"PORT": port})


@pytest.mark.parametrize("given", ["--port=8001", "8001"])
def test_an_unknown_argument_is_refused(given, capsys):
    with pytest.raises(SystemExit) as ended:
        run.read_arguments([given])
    assert ended.value.code == 2
    assert f"{given} is not known here: see --help." in capsys.readouterr().err


def test_help_says_what_is_read_and_starts_nothing(tmp_path):
    asked = subprocess.run(
        [sys.executable, "-m", "imaging_safety.run", "--help"],
        cwd=HERE,
        env={"PATH": "/usr/bin:/bin", "LOCAL_DIR": str(tmp_path / "local")},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    read = ("PORT", "BIND_ADDRESS", "LOCAL_DIR", "DATABASE_URL", "REDIS_URL", "EMAIL_URL")
    assert [name for name in read if name not in asked.stdout] == []
    assert not (tmp_path / "local").exists()


# --- Servers of one's own ---------------------------------------------------------------------


def test_servers_of_ones_own_replace_the_embedded_ones_and_can_be_deployed(start):
    servers = embedded.Throwaway(durable=True).start()
    try:
        running = start(
            DATABASE_URL=servers.postgres.url(embedded.APPLICATION),
            DATABASE_OWNER_URL=servers.postgres.url(embedded.OWNER),
            REDIS_URL=servers.valkey.url,
            DEMONSTRATION="off",
        ).wait_until_up()
        assert running.health()["status"] == "ok"
        names = {process.name() for process in running.family()}
        assert not names & {"postgres", "valkey-server"}
        running.end()
        assert_can_be_deployed(servers)
    finally:
        servers.stop()


def assert_can_be_deployed(servers: embedded.Throwaway) -> None:
    """As the guide has it, with production's settings: what the owner does, and every check."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "SECRET_KEY": STRONG,
        "DATABASE_URL": servers.postgres.url(embedded.OWNER),
        "REDIS_URL": servers.valkey.url,
        "ALLOWED_HOSTS": "imaging.trust.example",
        "BASE_URL": "https://imaging.trust.example",
    }
    assert_runs(environment, "migrate", "--verbosity", "0")
    assert_runs(environment, "restrict_role", embedded.APPLICATION)
    environment["DATABASE_URL"] = servers.postgres.url(embedded.APPLICATION)
    every = ["check", "--deploy", "--database", "default", "--fail-level", "WARNING"]
    assert_runs(environment, *every)


def assert_runs(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=HERE,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
