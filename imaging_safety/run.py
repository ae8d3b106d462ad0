"""`make run`: the whole of Imaging Safety on one machine, each part a process of its own.

It starts PostgreSQL and Valkey (unless DATABASE_URL and REDIS_URL name others), prepares the
database, then keeps a web server, a Celery worker, beat, the second waker, the HL7 listener and a
mail sink running until Ctrl-C or SIGTERM. What must survive lies in `.local/`.
"""

import argparse
import errno
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from imaging_safety import children
from imaging_safety.embedded import APPLICATION, OWNER, CannotStart, Postgres, Valkey
from imaging_safety.place import (
    HERE,
    Place,
    keep_static_stamp,
    only_one,
    say,
    static_files_are_current,
)
from imaging_safety.supervise import LOOK_EVERY, Program, Supervisor

ANSWERS_WITHIN = 60.0  # seconds
# How gunicorn is run.
WEB = (
    *("--workers", "2", "--threads", "4", "--graceful-timeout", "5"),
    *("--preload", "--no-control-socket"),
)
ENVIRONMENT = """
There is nothing else to say here: what changes is set in the environment.
  PORT                 where the pages are (8000)
  MLLP_PORT            where HL7 messages are taken by MLLP, on MLLP_HOST (2575)
  BIND_ADDRESS         on which address of this machine (127.0.0.1)
  LOCAL_DIR            what is kept over a restart (.local, beside manage.py)
  DATABASE_URL         a PostgreSQL of your own, else one is started
  DATABASE_OWNER_URL   the same as the owner of its tables, who migrates
  REDIS_URL            a Redis or Valkey of your own, else one is started
  POSTGRES_BIN         the programs of the PostgreSQL that is started
  EMAIL_URL            a mail server of your own, else mail is kept in a directory
  DEMONSTRATION        off: no invented hospital
and every setting of imaging_safety/settings.py.
"""


class Stop(Exception):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


def refuse_taken_port(address: str, port: int, instead: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((address, port))
        except OSError as error:
            reason = "is not ours to use" if error.errno == errno.EACCES else "is in use"
            raise CannotStart(
                f"Port {port} on {address} {reason}: choose another, as in `make run {instead}`."
            ) from error


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return tried.getsockname()[1]


class Run:
    """One run, from the first server to the last goodbye."""

    def __init__(self, place: Place, env: dict[str, str]) -> None:
        self.place, self.env = place, env
        self.address = env.get("BIND_ADDRESS", "127.0.0.1")
        self.port = _port(env, "PORT", "8000")
        self.hl7_address = env.get("MLLP_HOST", "127.0.0.1")
        self.hl7_port = _port(env, "MLLP_PORT", "2575")
        self.owner_url = ""
        self.mail_port = 0
        self.supervisor = Supervisor(say)

    @property
    def url(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        refuse_taken_port(self.address, self.port, "PORT=8001")
        refuse_taken_port(self.hl7_address, self.hl7_port, "MLLP_PORT=2576")
        self._settle_environment()
        self._start_servers()
        self._prepare()
        self.place.lend(self.env)
        self._start_web()
        self._wait_for_answer()
        self._start_engine()

    def watch(self) -> None:
        maker = os.getppid() if "MAKELEVEL" in os.environ else None
        while maker is None or os.getppid() == maker:
            self.supervisor.look()
            time.sleep(LOOK_EVERY)

    def _settle_environment(self) -> None:
        """What is not set is set so that the demonstration runs on this machine alone."""
        settled = {
            "DJANGO_SETTINGS_MODULE": "imaging_safety.settings",
            "SECRET_KEY": self.place.secret_key(),
            "HTTPS": "off",
            "DEMONSTRATION": "on",
            "BASE_URL": self.url,
            "DOWNTIME_FOLDER": str(self.place.lists),
            "PYTHONUNBUFFERED": "1",
        }
        if "EMAIL_URL" not in self.env and importlib.util.find_spec("aiosmtpd"):
            self.mail_port = free_port()
            settled["EMAIL_URL"] = f"smtp://127.0.0.1:{self.mail_port}"
        self.env = settled | self.env

    def _start_servers(self) -> None:
        if "DATABASE_URL" not in self.env:
            postgres = Postgres(self.place.for_postgres(), durable=True)
            self.supervisor.start("PostgreSQL", postgres)
            self.owner_url = postgres.url(OWNER)
            self.env["DATABASE_URL"] = postgres.url(APPLICATION)
        else:
            self.owner_url = self.env.get("DATABASE_OWNER_URL", self.env["DATABASE_URL"])
        if "REDIS_URL" not in self.env:
            valkey = Valkey(self.place.base / "valkey", durable=True)
            self.supervisor.start("Valkey", valkey)
            self.env["REDIS_URL"] = valkey.url

    def _prepare(self) -> None:
        """Static files and rows at the same time: both take a while on a first start."""
        say("Preparing the database; the first time takes a minute.")
        made = self._collect_files()
        arguments = ["make_ready", "--sign-ins", str(self.place.sign_ins)]
        if self.owner_url != self.env["DATABASE_URL"]:
            arguments += ["--role", urlsplit(self.env["DATABASE_URL"]).username or APPLICATION]
        rows = self._manage(*arguments, DATABASE_URL=self.owner_url)
        try:
            self._wait_for("make_ready", rows)
            if made:
                self._wait_for("collectstatic", made)
                keep_static_stamp()
        finally:
            children.stop(rows)
            children.stop(made)

    def _collect_files(self) -> subprocess.Popen[bytes] | None:
        """Compressing every file takes 13 s, so only when one has changed."""
        if static_files_are_current():
            return None
        return self._manage("collectstatic", "--no-input", "--clear", "--verbosity", "0")

    def _wait_for(self, command: str, child: subprocess.Popen[bytes]) -> None:
        if child.wait():
            log = self.place.log / f"{command}.log"
            raise CannotStart(f"`manage.py {command}` failed: {reason_in(log)} (see {log}).")

    def _manage(self, *arguments: str, **extra: str) -> subprocess.Popen[bytes]:
        log = self.place.log / f"{arguments[0]}.log"
        log.unlink(missing_ok=True)
        command: list[str | Path] = [sys.executable, HERE / "manage.py", *arguments]
        return children.start(command, log=log, env=self.env | extra, cwd=HERE)

    def _start_web(self) -> None:
        if self.mail_port:
            sink = ("imaging_safety.mailsink", str(self.mail_port), self.place.mail)
            self._python("mail", *sink, is_ground=True)
        self._python(
            "web",
            *("gunicorn", "imaging_safety.wsgi", "--bind", self.url.removeprefix("http://"), *WEB),
        )

    def _start_engine(self) -> None:
        celery = ("celery", "--app", "imaging_safety")
        self._python(
            "worker",
            *celery,
            *("worker", "--concurrency", "2", "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle"),
            farewell=signal.SIGKILL,  # it hears nothing else while it looks for its broker
            stops_within=15,
        )
        # The schedule in memory: it is static, and a file of it can break.
        beat = (*celery, "beat", "--scheduler", "celery.beat:Scheduler")
        self._python("beat", *beat, farewell=signal.SIGKILL)
        self._program("clock", HERE / "manage.py", "run_clock")
        self._program("hl7", HERE / "manage.py", "mllp")

    def _python(self, name: str, module: str, *arguments: str | Path, **how: float) -> None:
        self._program(name, "-m", module, *arguments, **how)

    def _program(self, name: str, *arguments: str | Path, **how: float) -> None:
        command = [sys.executable, *(str(argument) for argument in arguments)]
        log = self.place.log / f"{name}.log"
        self.supervisor.start(name, Program(command, log, self.env, HERE, **how))  # type: ignore[arg-type]

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + ANSWERS_WITHIN
        while not self._answers():
            self.supervisor.look()
            if time.monotonic() > deadline:
                log = self.place.log / "web.log"
                raise CannotStart(f"The pages do not answer: {reason_in(log)} (see {log}).")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/", timeout=5) as answer:  # noqa: S310  our own
                return json.load(answer)["database"] == "ok"
        except (urllib.error.URLError, OSError, ValueError):
            return False

    def greet(self) -> None:
        say(f"\nImaging Safety runs at {self.url}")
        say(f"HL7 messages are taken by MLLP on {self.hl7_address}:{self.hl7_port}\n")
        if self.place.sign_ins.exists():
            say(self.place.sign_ins.read_text())
        if self.mail_port:
            say(f"Mail that it sends is kept in {self.place.mail}")
        say(f"Logs are in {self.place.log}\nCtrl-C stops everything.")


def _port(env: dict[str, str], name: str, otherwise: str) -> int:
    given = env.get(name, otherwise)
    if not given.isdigit() or not 0 < int(given) < 65536:
        raise CannotStart(f"{name} is {given}: it must be a number from 1 to 65535.")
    return int(given)


def reason_in(log: Path) -> str:
    """The refusal of a system check with its hint, or else the last thing that was said."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if "(imaging_safety.E" in line:
            return " ".join(lines[number : number + 2])
    return lines[-1] if lines else "it said nothing"


def _raise_stop(_number: int, _frame: object) -> None:
    raise Stop


def _in_one_sentence(error: OSError) -> str:
    """For what the disk refused."""
    where = f" {error.filename}" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"The disk is full: free some space{' for' + where if where else ''}."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"You may not write{where}: run as the owner of this directory."
    return f"{error.strerror or error}{where}."


def run() -> None:
    place = Place(Path(os.environ.get("LOCAL_DIR") or HERE / ".local").resolve())
    place.open()
    with only_one(place):
        children.begin_guard()
        this = Run(place, dict(os.environ))
        try:
            this.start()
            this.greet()
            this.watch()
        finally:
            _go_deaf()
            this.supervisor.stop()
            if children.guard:
                children.guard.dismiss()


def _go_deaf() -> None:
    """A second Ctrl-C must not leave half of it running."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def read_arguments(given: Sequence[str] | None = None) -> None:
    """Help is printed, and whatever else was given is refused."""
    parser = argparse.ArgumentParser(
        prog="python -m imaging_safety.run",
        description=__doc__,
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _, unknown = parser.parse_known_args(given)
    if unknown:
        parser.error(f"{' '.join(unknown)} is not known here: see --help.")


def main() -> int:
    read_arguments()
    signal.signal(signal.SIGINT, _raise_stop)
    signal.signal(signal.SIGTERM, _raise_stop)
    signal.signal(signal.SIGHUP, _raise_stop)
    try:
        run()
    except Stop:
        say("\nStopped.")
    except CannotStart as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{_in_one_sentence(error)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
