"""Where `make run` keeps what must survive, and how it makes sure to be the only one there."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from imaging_safety import children
from imaging_safety.embedded import CannotStart

HERE = Path(__file__).resolve().parent.parent
FREE_AT_LEAST = 500 * 1024 * 1024  # bytes
# What manage.py needs to work beside a run.
LENT = (
    "SECRET_KEY",
    "DATABASE_URL",
    "REDIS_URL",
    "HTTPS",
    "DEMONSTRATION",
    "BASE_URL",
    "EMAIL_URL",
)
LEFTOVERS_GO_WITHIN = 40.0  # seconds after the supervisor before us was killed


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


class Place:
    """`.local/`: what survives a restart, private to the user."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.log, self.mail = base / "log", base / "mail"
        self.sign_ins = base / "sign-ins"

    def open(self) -> None:
        self.base.mkdir(parents=True, exist_ok=True)
        # As root, PostgreSQL's account passes through to its own directory; it can list nothing.
        self.base.chmod(0o711 if os.geteuid() == 0 else 0o700)
        for room in (self.log, self.mail):
            room.mkdir(exist_ok=True)
            room.chmod(0o700)
        free = shutil.disk_usage(self.base).free
        if free < FREE_AT_LEAST:
            raise CannotStart(
                f"Only {free // 1024**2} MB are free on the disk of {self.base}:"
                f" make room for {FREE_AT_LEAST // 1024**2} MB."
            )

    def secret_key(self) -> str:
        """Made once and kept, so that a restart signs nobody out."""
        kept = self.base / "secret-key"
        if not kept.exists():
            with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT, 0o600), "w") as written:
                written.write(secrets.token_urlsafe(50))
        return kept.read_text().strip()

    def lend(self, env: dict[str, str]) -> None:
        """Keep what this run uses, for `manage.py` in another terminal."""
        lent = {name: env[name] for name in LENT if name in env}
        kept = self.base / "environment"
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
            json.dump(lent, written)

    @property
    def lists(self) -> Path:
        """Where the lists of open findings are kept for the day when nothing answers."""
        return self.base / "downtime"

    def for_postgres(self) -> Path:
        """Inside, unless PostgreSQL's account cannot get there: a checkout under /root, say."""
        account = children.unprivileged_account()
        inside = self.base / "postgres"
        if not account or _may_enter(self.base, account):
            return inside
        name = hashlib.sha256(os.fsencode(self.base)).hexdigest()[:12]
        outside = Path("/var/lib/imaging-safety") / name
        outside.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        say(f"PostgreSQL may not enter {self.base}, so its rows are in {outside}.")
        return outside


def _may_enter(directory: Path, account: dict[str, object]) -> bool:
    command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)]
    tried = subprocess.run(command, stderr=subprocess.DEVNULL, cwd="/", **account)  # type: ignore[call-overload]
    return tried.returncode == 0


@contextmanager
def only_one(place: Place) -> Iterator[None]:
    """One `make run` at a time. The lock is free when the last process of the last one is gone."""
    lock = (place.base / "lock").open("a+")
    deadline = time.monotonic() + LEFTOVERS_GO_WITHIN
    while not _locked(lock):
        _refuse_if_running(place)
        if time.monotonic() > deadline:
            raise CannotStart(
                "Processes of an earlier run will not end: look for them with"
                f" `fuser {place.base / 'lock'}`."
            )
        time.sleep(0.1)
    (place.base / "running").write_text(f"{os.getpid()}")
    children.inherited.append(lock.fileno())
    try:
        yield
    finally:
        children.inherited.remove(lock.fileno())
        lock.close()


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refuse_if_running(place: Place) -> None:
    try:
        pid = int((place.base / "running").read_text())
        os.kill(pid, 0)
    except (ValueError, OSError):
        return
    raise CannotStart(
        f"Imaging Safety already runs from this directory (process {pid}):"
        f" use it, or stop it with `kill {pid}`."
    )


def _static_stamp() -> tuple[Path, str]:
    """Where the digest of our static files is kept, and what it is now."""
    ours = sorted((HERE / "imaging_safety" / "static").rglob("*"))
    facts = [(str(p.relative_to(HERE)), p.stat().st_size, p.stat().st_mtime_ns) for p in ours]
    pinned = (HERE / "requirements.txt").read_bytes()
    digest = hashlib.sha256(repr(facts).encode() + pinned).hexdigest()
    return HERE / "staticroot" / ".collected", digest


def static_files_are_current() -> bool:
    kept, digest = _static_stamp()
    return kept.exists() and kept.read_text() == digest


def keep_static_stamp() -> None:
    kept, digest = _static_stamp()
    kept.write_text(digest)
