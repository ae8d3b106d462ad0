"""Processes that are forked from one that has loaded Django, and forked again whenever they die.

`python -m tests.faults.nursery ROOM PART… --seed 1 --at-once 100` keeps one process a part. Each
writes its number to `ROOM/pids/PART-N`, so that the nemesis finds it. A fork takes milliseconds: a
thousand kills need no thousand starts of Python.
"""

import argparse
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django
import time_machine

from imaging_safety.children import die_with_parent

# Written by the nemesis: how wrong the clocks of all engines are, in seconds.
CLOCKS = "clocks"
# There: the clients rest, and the engines go on.
CALM = "calm"
# One line before and one after each round of the watch.
WATCHED = "watched"
# Seconds between two rounds.
PAUSES = {"fire": 0.2, "deliver": 0.1, "watch": 1.0}
CLIENTS = ("client", "many", "visitor", "feed")
PAUSE_OF_A_CLIENT = 0.02


@dataclass(frozen=True)
class Wanted:
    """What the nursery was asked for."""

    room: Path
    parts: list[str]
    seed: int
    # Findings in one import.
    at_once: int


def become(part: str, name: str, wanted: Wanted, chance: random.Random) -> None:
    """Never returns."""
    die_with_parent(signal.SIGKILL)
    from django.conf import settings
    from django.db import connection

    (wanted.room / "pids" / name).write_text(str(os.getpid()))
    settings.DEFAULT_FROM_EMAIL = f"sender-{os.getpid()}@localhost"
    work = _work_of(part, f"{name}x{os.getpid()}", wanted, chance)
    while True:
        try:
            work()
        except Exception as error:  # the database is being killed as well
            print(f"{name}: {type(error).__name__}", flush=True)
            connection.close()
            time.sleep(0.2)
        time.sleep(PAUSES.get(part, PAUSE_OF_A_CLIENT))


def _work_of(part: str, name: str, wanted: Wanted, chance: random.Random) -> Callable[[], object]:
    from notifications import rounds

    if part in CLIENTS:
        return _client(part, name, wanted, chance)
    room = wanted.room
    if part == "watch":
        return _WrongClock(room, _Watch(name, room).look)
    return _WrongClock(room, {"fire": rounds.fire, "deliver": rounds.deliver}[part])


def _client(part: str, name: str, wanted: Wanted, chance: random.Random) -> Callable[[], object]:
    from tests.faults.client import Client, Many
    from tests.faults.feed import Feed
    from tests.faults.visitor import Visitor

    made: dict[str, Callable[[], Client | Many | Visitor | Feed]] = {
        "client": lambda: Client(wanted.room, name, chance),
        "many": lambda: Many(wanted.room, name, chance, at_once=wanted.at_once),
        "visitor": lambda: Visitor(wanted.room, name, chance),
        "feed": lambda: Feed(wanted.room, name, chance),
    }
    client = made[part]()
    return lambda: None if (wanted.room / CALM).exists() else client.act()


class _WrongClock:
    """An engine's own clock, which the nemesis moves: only the database's may count."""

    def __init__(self, room: Path, work: Callable[[], object]) -> None:
        self.file, self.work = room / CLOCKS, work

    def __call__(self) -> None:
        wrong = float(self.file.read_text() or 0) if self.file.exists() else 0.0
        if not wrong:
            self.work()
            return
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=wrong), tick=True):
            self.work()


class _Watch:
    """Says of each round when it was and how many sentences it found. The outside monitor is
    called at an address of the round's own, and so it is known which round called."""

    def __init__(self, name: str, room: Path) -> None:
        from django.conf import settings

        self.name, self.count, self.monitor = name, 0, settings.HEARTBEAT_URL
        self.file = os.open(room / WATCHED, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def look(self) -> None:
        from django.conf import settings

        from notifications import rounds

        self.count += 1
        name = f"{self.name}-{self.count}"
        settings.HEARTBEAT_URL = f"{self.monitor}{name}"
        self._line(name, "began")
        late = rounds.watch()
        self._line(name, "ended", late=[str(sentence) for sentence in late])

    def _line(self, name: str, what: str, **more: object) -> None:
        line = {"round": name, "what": what, "at": _true_time(), **more}
        os.write(self.file, (json.dumps(line) + "\n").encode())


def _true_time() -> float:
    hatch = time_machine.escape_hatch
    return hatch.time.time() if hatch.is_travelling() else time.time()


def main(wanted: Wanted) -> None:
    django.setup()
    from tests.faults.worker import wait_less

    wait_less()
    alive: dict[int, tuple[str, str]] = {}
    lives: Counter[str] = Counter()

    def start(part: str, name: str) -> None:
        lives[name] += 1
        pid = os.fork()
        if pid == 0:
            become(part, name, wanted, random.Random(f"{wanted.seed} {name} {lives[name]}"))
        alive[pid] = part, name

    for number, part in enumerate(wanted.parts):
        start(part, f"{part}-{number}")
    while True:
        pid, _ = os.wait()
        start(*alive.pop(pid))


def _arguments() -> Wanted:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("room", type=Path)
    asked.add_argument("parts", nargs="+")
    asked.add_argument("--seed", type=int, required=True)
    asked.add_argument("--at-once", type=int, required=True)
    return Wanted(**vars(asked.parse_args()))


if __name__ == "__main__":
    main(_arguments())
