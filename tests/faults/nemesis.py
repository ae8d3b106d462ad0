"""The nemesis: a schedule of faults that its seed alone decides, and the hand that does them."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from redis import Redis, RedisError

from imaging_safety import embedded
from tests.engine.mail import MailServer

# Fault, and how often beside the others. Names as in the catalogue of the docs: P processes,
# R broker, D database, C channel.
WEIGHTS = {
    "kill a deliverer": 30,
    "kill a firer": 15,
    "kill a client": 15,
    "kill the watch": 3,
    "kill the worker": 3,
    "kill the broker": 4,
    "kill the database": 3,
    "freeze a deliverer": 4,
    "freeze the broker": 3,
    "flush the broker": 5,
    "mail says later": 4,
    "mail hangs up": 8,
}


@dataclass(frozen=True)
class Fault:
    """What is done, after how many seconds of rest, and for how long where it lasts."""

    name: str
    rest: float
    lasts: float
    choice: float


def schedule(seed: int, rest: float) -> Iterator[Fault]:
    """Without end; the same seed gives the same faults in the same order."""
    chance = random.Random(seed)
    while True:
        (name,) = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        yield Fault(name, chance.uniform(0, 2 * rest), chance.uniform(0.5, 4), chance.random())


class Nemesis:
    """Does what the schedule says. Whatever it stops it starts again."""

    def __init__(
        self,
        room: Path,
        servers: embedded.Throwaway,
        mail: MailServer,
        kill_worker: Callable[[], None],
        addresses: list[str],
    ) -> None:
        self.room, self.servers, self.mail = room, servers, mail
        self.kill_worker, self.addresses = kill_worker, addresses
        self.done: Counter[str] = Counter()

    @property
    def kills(self) -> int:
        return sum(count for name, count in self.done.items() if name.startswith("kill "))

    def do(self, fault: Fault) -> None:
        time.sleep(fault.rest)
        act, _, whom = fault.name.partition(" a ")
        if whom:
            done = self._to_one(act, whom, fault)
        else:
            self._ACTS[fault.name](self, fault)
            done = True
        self.done[fault.name] += done

    def _to_one(self, act: str, whom: str, fault: Fault) -> bool:
        part = {"deliverer": "deliver", "firer": "fire", "client": "client"}[whom]
        names = sorted((self.room / "pids").glob(f"{part}-*"))
        chosen = names[int(fault.choice * len(names))]
        pid = int(chosen.read_text() or 0)
        if not _is_python(pid):
            return False  # forked again this very moment
        if act == "kill":
            os.kill(pid, signal.SIGKILL)
        else:
            _freeze(pid, fault.lasts)
        return True

    def _kill_watch(self, fault: Fault) -> None:
        for name in (self.room / "pids").glob("watch-*"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(name.read_text()), signal.SIGKILL)

    def _kill_worker(self, fault: Fault) -> None:
        self.kill_worker()

    def _kill_broker(self, fault: Fault) -> None:
        broker = self.servers.valkey
        assert broker.child is not None
        broker.child.kill()
        broker.child.wait()
        time.sleep(fault.lasts)
        broker.start()

    def _kill_database(self, fault: Fault) -> None:
        """The postmaster and every backend at once, as when the machine loses power."""
        postgres = self.servers.postgres
        assert postgres.child is not None
        family = psutil.Process(postgres.child.pid).children(recursive=True)
        postgres.child.kill()
        postgres.child.wait()
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(family, timeout=10)
        postgres.start()

    def _freeze_broker(self, fault: Fault) -> None:
        assert self.servers.valkey.child is not None
        _freeze(self.servers.valkey.child.pid, fault.lasts)

    def _flush_broker(self, fault: Fault) -> None:
        with (
            contextlib.suppress(RedisError),
            Redis(unix_socket_path=str(self.servers.valkey.socket), socket_timeout=2) as redis,
        ):
            redis.flushall()

    def _mail_says_later(self, fault: Fault) -> None:
        for address in self.addresses:
            self.mail.answers[address] = "451 4.2.1 Later"
        time.sleep(fault.lasts)
        self.mail.answers.clear()

    def _mail_hangs_up(self, fault: Fault) -> None:
        self.mail.hang_up_on.add(self.addresses[int(fault.choice * len(self.addresses))])

    _ACTS: dict[str, Callable[["Nemesis", Fault], None]] = {
        "kill the watch": _kill_watch,
        "kill the worker": _kill_worker,
        "kill the broker": _kill_broker,
        "kill the database": _kill_database,
        "freeze the broker": _freeze_broker,
        "flush the broker": _flush_broker,
        "mail says later": _mail_says_later,
        "mail hangs up": _mail_hangs_up,
    }


def _is_python(pid: int) -> bool:
    """A number is used again some day: never kill a stranger."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return "tests.faults.nursery" in " ".join(psutil.Process(pid).cmdline())
    return False


def _freeze(pid: int, seconds: float) -> None:
    """Goes on by itself, so that other faults fall into the freeze."""

    def go_on() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    os.kill(pid, signal.SIGSTOP)
    threading.Timer(seconds, go_on).start()
