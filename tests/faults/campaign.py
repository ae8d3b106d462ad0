"""`python -m tests.faults.campaign --seed 1 --kills 1000 --findings 10000`.

Real PostgreSQL that syncs, a real broker, a real worker, beat and web server, and forked engines
and clients. Runs until so many kills were done and so many findings were flagged, or --minutes are
over, or Ctrl-C or SIGTERM comes; then lets everything finish, and judges. However it ends, it ends
with a table, and with 1 when anything is lost or wrong. A second Ctrl-C judges at once.
"""

import argparse
import logging
import os
import secrets
import signal
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.ground import Ground
from tests.faults.mutants import MUTANT, MUTANTS, OF_THE_POSTMAN, put_in
from tests.faults.turned import NOT_HERE

if TYPE_CHECKING:
    from tests.faults.checker import End, Verdict
    from tests.faults.nemesis import Nemesis

SAY_EVERY = 20.0  # seconds
# The storm is over and nothing moves any more: longer than most pauses between two tries.
STUCK_AFTER, QUIET_WITHIN = 240.0, 1800.0
LAST_WITHIN = 60.0  # for what fell due meanwhile
MOST_SENTENCES = 50


def main() -> int:
    given = _arguments()
    print(f"Seed {given.seed}: the same faults again with --seed {given.seed}.", flush=True)
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # every line of every SMTP session
    os.environ[MUTANT] = given.mutant
    ground = Ground(
        given.keep,
        on_disk=given.disk,
        nursery=["--seed", str(given.seed), "--at-once", str(given.at_once)],
    )
    if not ground.disk.is_ours:
        print("PostgreSQL lies on the disk of this machine: it is never full.", flush=True)
    if not ground.database_clock.library:
        print(NOT_HERE, flush=True)
    try:
        ground.prepare()
        if given.mutant in OF_THE_POSTMAN:
            put_in()
        return _Campaign(given, ground).run()
    finally:
        ground.stop()


def _arguments() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    asked.add_argument("--kills", type=int, default=1000)
    asked.add_argument("--findings", type=int, default=10_000)
    asked.add_argument("--minutes", type=float, default=float("inf"), help="no longer than this")
    asked.add_argument("--rest", type=float, default=0.3, help="seconds between faults, mean")
    asked.add_argument("--keep", type=Path, help="a new directory for history and logs")
    asked.add_argument("--at-once", type=int, default=100, help="findings in one import")
    asked.add_argument(
        "--mutant",
        choices=MUTANTS,
        default="",
        help="an engine with a fault, which must end with 1",
    )
    asked.add_argument("--disk", action="store_true", help="PostgreSQL on disk, never full")
    return asked.parse_args()


class _Campaign:
    def __init__(self, given: argparse.Namespace, ground: Ground) -> None:
        from tests.faults.history import Reader
        from tests.faults.nemesis import Nemesis

        self.given, self.ground = given, ground
        self.nemesis, self.history = Nemesis(ground), Reader(ground.room)
        self.began, self.said = time.monotonic(), 0.0
        # How often somebody has asked us to end.
        self.asked = 0
        self.broken: list[str] = []
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, self._end)

    def _end(self, number: int, _frame: object) -> None:
        self.asked += 1
        words = "judged at once" if self.asked > 1 else "it grows quiet, and is judged"
        os.write(1, f"{signal.Signals(number).name}: {words}.\n".encode())

    def run(self) -> int:
        from django.utils import timezone

        from tests.faults.checker import judge

        began = timezone.now()
        for part in (self._storm, self._grow_quiet, self._look_at_ladders, self._watch_the_watch):
            try:
                part()
            except Exception:
                self.broken.append(f"the campaign: {traceback.format_exc()}")
        storm = time.monotonic() - self.began
        end = self._end_of_all()
        self.ground.leave()
        verdict = judge(self.ground, began, end)
        verdict.wrong += self.broken
        self._say(verdict, storm)
        return int(not verdict.is_good)

    def _look_at_ladders(self) -> None:
        """Before the watch is tried, for which every finding is withdrawn of which it speaks."""
        from tests.faults.checker import ladders_that_wait

        self.broken += ladders_that_wait()

    def _storm(self) -> None:
        from tests.faults.nemesis import schedule

        self.ground.start()
        for planned in schedule(self.given.seed, self.given.rest):
            self.history.read()
            if self._is_over():
                break
            self.nemesis.do(planned)
            self._progress("storm")

    def _is_over(self) -> bool:
        is_enough = (
            self.nemesis.kills >= self.given.kills and self.history.flagged >= self.given.findings
        )
        took = time.monotonic() - self.began
        return is_enough or bool(self.asked) or took > self.given.minutes * 60

    def _grow_quiet(self) -> None:
        """The clients go; the engines stay to finish."""
        self.nemesis.calm()
        self.ground.rest_the_clients()
        ends, fewest, moved = time.monotonic() + QUIET_WITHIN, float("inf"), time.monotonic()
        while self.asked < 2 and time.monotonic() < min(ends, moved + STUCK_AFTER):
            self.ground.look()
            waiting = _waiting() + self.ground.postman.busy
            if waiting == 0:
                return
            if waiting < fewest:
                fewest, moved = waiting, time.monotonic()
            self._progress(f"quiet, {waiting:.0f} wait")
            time.sleep(0.5)
        self.broken.append(f"3: it did not grow quiet: {fewest} still wait")

    def _watch_the_watch(self) -> None:
        from tests.faults.alarm import watch_the_watch

        if self.asked < 2 and not self.broken:
            self.broken += watch_the_watch(self.ground, _waiting)

    def _end_of_all(self) -> "End":
        """The last moment at which nothing waited: ladders go on, and the next step of one may fall
        due while the engines leave. Without such a moment it is now."""
        from tests.faults.checker import End

        ends = time.monotonic() + (0 if self.broken else LAST_WITHIN)
        while True:
            end = End.now()
            if time.monotonic() > ends or _waiting() + self.ground.postman.busy == 0:
                return end
            time.sleep(0.2)

    def _progress(self, what: str) -> None:
        now = time.monotonic()
        if now - self.said > SAY_EVERY:
            self.said = now
            print(f"{now - self.began:5.0f} s {what}: {self._so_far()}", flush=True)

    def _so_far(self) -> str:
        faults = sum(self.nemesis.done.values())
        return f"{self.nemesis.kills} kills, {faults} faults, {self.history.flagged} findings"

    def _say(self, verdict: "Verdict", took: float) -> None:
        lines = list(_lines(self.given, self.nemesis, verdict, took))
        print("\n".join(lines), flush=True)
        if self.given.keep:
            (self.given.keep / "verdict").write_text("\n".join(lines) + "\n")


def _waiting() -> float:
    """Steps that are due and messages that wait; endless while the database does not answer."""
    from django.db import Error, connection

    from findings.models import Step
    from notifications.models import Notification

    try:
        return Step.objects.due().count() + Notification.objects.on_their_way().count()
    except Error:
        connection.close()
        return float("inf")


def _lines(given: argparse.Namespace, nemesis: "Nemesis", verdict: "Verdict", took: float) -> list:
    from tests.faults.checker import table

    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return [
        *(f"  {name:28} {count:9}" for name, count in sorted(nemesis.done.items())),
        f"{'kills':30} {nemesis.kills:9}",
        *table(verdict),
        *(f"WRONG {sentence}" for sentence in verdict.wrong[:MOST_SENTENCES]),
        f"Seed {given.seed}; {took:.0f} s on {os.cpu_count()} cores at load {load};"
        f" {datetime.now(UTC):%d %B %Y}.",
        "Nothing wrong." if verdict.is_good else f"WRONG: {len(verdict.wrong)}.",
    ]


if __name__ == "__main__":
    sys.exit(main())
