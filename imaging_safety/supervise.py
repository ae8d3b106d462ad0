"""Keeps several programs running under one parent, and stops them in order."""

import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from imaging_safety import children

FIRST_PAUSE = 1.0  # seconds before a program that died is started again; doubles each time
LONGEST_PAUSE = 30.0
WELL_AFTER = 60.0  # seconds: a program that ran this long is well again
LOOK_EVERY = 0.2  # seconds


class Startable(Protocol):
    """A program as a server or a child: it starts (again), and it stops."""

    child: subprocess.Popen[bytes] | None
    # Others stand on it, and must have ended before.
    is_ground: bool

    def start(self) -> object: ...
    def stop(self) -> None: ...


@dataclass
class Program:
    """One of our own programs: the web server, a worker, beat."""

    arguments: list[str]
    log: Path
    env: dict[str, str]
    cwd: Path
    # What the kernel sends it when we die without a word.
    farewell: int = signal.SIGTERM
    stops_within: float = 10.0
    is_ground: bool = False
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> "Program":
        self.child = children.start(
            self.arguments, log=self.log, env=self.env, cwd=self.cwd, farewell=self.farewell
        )
        return self

    def stop(self) -> None:
        children.stop(self.child, within=self.stops_within)


@dataclass
class _Kept:
    name: str
    program: Startable
    started_at: float = 0.0
    again_at: float | None = None
    pause: float = FIRST_PAUSE


@dataclass
class Supervisor:
    """Programs in the order they start; what others stand on stops last."""

    say: Callable[[str], None]
    kept: list[_Kept] = field(default_factory=list)

    def start(self, name: str, program: Startable) -> None:
        # Listed before it is started: an interrupted start is stopped like any other.
        one = _Kept(name, program)
        self.kept.append(one)
        program.start()
        one.started_at = time.monotonic()

    def look(self) -> None:
        """Start again what has died and has waited long enough."""
        for one in self.kept:
            if one.again_at is not None:
                self._start_again(one)
            elif one.program.child is not None and one.program.child.poll() is not None:
                self._mourn(one)

    def stop(self) -> None:
        """All at once, but for what they stand on: it would end the database under a worker."""
        above = [one for one in self.kept if not one.program.is_ground]
        self.kept = [one for one in self.kept if one.program.is_ground]
        with ThreadPoolExecutor(max_workers=len(above) + 1) as at_once:
            stopping = [at_once.submit(one.program.stop) for one in above]
        try:
            for one in stopping:
                one.result()
        finally:
            while self.kept:
                self.kept.pop().program.stop()

    def _mourn(self, one: _Kept) -> None:
        if time.monotonic() - one.started_at > WELL_AFTER:
            one.pause = FIRST_PAUSE
        child = one.program.child
        if child is not None:
            children.end_group(child.pid)
            self.say(f"{one.name} ended ({ending(child.returncode)}); again in {one.pause:.0f} s.")
        one.again_at = time.monotonic() + one.pause
        one.pause = min(one.pause * 2, LONGEST_PAUSE)

    def _start_again(self, one: _Kept) -> None:
        if one.again_at is None or time.monotonic() < one.again_at:
            return
        one.again_at, one.started_at = None, time.monotonic()
        try:
            one.program.start()
        except Exception as error:  # the others must go on
            self.say(f"{one.name} could not be started: {error}")
            one.again_at = time.monotonic() + one.pause
            one.pause = min(one.pause * 2, LONGEST_PAUSE)


def ending(code: int) -> str:
    """`exit 1`, or the name of the signal."""
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name
