"""Processes that are forked from one that has loaded Django, and forked again whenever they die.

`python -m tests.faults.nursery ROOM PART…` keeps one process a part. Each writes its number to
`ROOM/pids/PART-N`, so that the nemesis finds it. A fork takes milliseconds: a thousand kills need
no thousand starts of Python.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import django

from imaging_safety.children import die_with_parent

PAUSE = 0.05  # seconds between two rounds


def become(part: str, name: str, room: Path) -> None:
    """Never returns."""
    die_with_parent(signal.SIGKILL)
    from django.conf import settings
    from django.db import connection

    (room / "pids" / name).write_text(str(os.getpid()))
    random.seed(f"{room.name}-{name}-{os.getpid()}")
    settings.DEFAULT_FROM_EMAIL = f"sender-{os.getpid()}@localhost"
    work = _work_of(part, room)
    while True:
        try:
            work()
        except Exception as error:  # the database is being killed as well
            print(f"{name}: {type(error).__name__}", flush=True)
            connection.close()
            time.sleep(0.2)
        time.sleep(PAUSE)


def _work_of(part: str, room: Path) -> Callable[[], object]:
    from notifications import rounds
    from tests.faults.client import Client

    if part == "client":
        return Client(room).act
    return {"fire": rounds.fire, "deliver": rounds.deliver, "watch": rounds.watch}[part]


def main(room: Path, parts: list[str]) -> None:
    django.setup()
    alive: dict[int, tuple[str, str]] = {}

    def start(part: str, name: str) -> None:
        pid = os.fork()
        if pid == 0:
            become(part, name, room)
        alive[pid] = part, name

    for number, part in enumerate(parts):
        start(part, f"{part}-{number}")
    print("ready", flush=True)
    while True:
        pid, _ = os.wait()
        start(*alive.pop(pid))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
