"""`make run` as a test starts it, without the installing: one supervisor and what it runs."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg2
from django.db import connection

from imaging_safety import embedded, run

HERE = Path(__file__).resolve().parent.parent
UP_WITHIN = 240  # seconds, with the first load of the demonstration hospital


class Running:
    """One supervisor, as `make run` starts it."""

    def __init__(self, local: Path, **environment: str) -> None:
        self.local, self.port = local, run.free_port()
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")}
        self.hl7_port = run.free_port()
        ports = {"PORT": str(self.port), "MLLP_PORT": str(self.hl7_port)}
        self.env = kept | {"LOCAL_DIR": str(local)} | ports | environment
        self.said = local.parent / f"said-{self.port}"
        command = [sys.executable, "-m", "imaging_safety.run"]
        with self.said.open("w") as written:
            self.supervisor = subprocess.Popen(
                command, cwd=HERE, env=self.env, stdout=written, stderr=subprocess.STDOUT
            )

    def wait_until_up(self) -> "Running":
        deadline = time.monotonic() + UP_WITHIN
        while "Ctrl-C stops everything" not in self.said.read_text():
            assert self.supervisor.poll() is None, self.said.read_text()
            assert time.monotonic() < deadline, self.said.read_text()
            time.sleep(0.1)
        return self

    def health(self) -> dict[str, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/", timeout=10) as answer:
            return json.load(answer)

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.supervisor.pid).children(recursive=True)

    def listens_on(self) -> set[str]:
        addresses: set[str] = set()
        for process in self.family():
            # The servers' own children come and go.
            with suppress(psutil.NoSuchProcess):
                every = process.net_connections()
                addresses |= {one.laddr.ip for one in every if one.status == "LISTEN"}
        return addresses

    def member(self, word: str) -> psutil.Process:
        """The child that runs the program."""
        return next(child for child in self._children() if word in " ".join(child.cmdline()))

    def has(self, word: str) -> bool:
        return any(word in " ".join(child.cmdline()) for child in self._children())

    def _children(self) -> list[psutil.Process]:
        return psutil.Process(self.supervisor.pid).children()

    def is_well(self) -> bool:
        try:
            return self.health()["status"] == "ok"
        except OSError:
            return False

    def ask(self, question: str) -> object:
        directory = embedded.socket_directory(self.local / "postgres", embedded.SOCKET_NAME)
        connection = psycopg2.connect(
            host=str(directory), user=embedded.OWNER, dbname=embedded.DATABASE
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(question)
                return cursor.fetchone()[0]
        finally:
            connection.close()

    def end(self, how: int = signal.SIGTERM) -> int:
        self.supervisor.send_signal(how)
        return self.supervisor.wait(60)

    def end_if_running(self) -> None:
        if self.supervisor.poll() is None:
            self.end()

    def has_worked_since(self) -> datetime:
        """From when on its engine may have changed what was loaded."""
        began = min(self.member(word).create_time() for word in ("worker", "run_clock"))
        return datetime.fromtimestamp(began, UTC)

    @contextmanager
    def as_database(self) -> Iterator[None]:
        """This process asks its database, as the owner, instead of that of the tests."""
        before = dict(connection.settings_dict)
        directory = embedded.socket_directory(self.local / "postgres", embedded.SOCKET_NAME)
        there = {"HOST": str(directory), "NAME": embedded.DATABASE, "USER": embedded.OWNER}
        connection.close()
        connection.settings_dict.update(before | there | {"PORT": "", "PASSWORD": ""})
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict.update(before)
