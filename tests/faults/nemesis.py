"""The nemesis: a schedule of faults that its seed alone decides, and the hand that does them.

A fault that lasts holds nothing up: its end is noted and comes while others happen, so faults
meet. The faults themselves: `harm.py` (processes and channels), `harm_servers.py` (the broker, the
database and its disk).
"""

import heapq
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from tests.faults import harm, harm_servers
from tests.faults.ground import Ground
from tests.faults.harm import Fault, Harm, NotNow

# Each with how often it is chosen beside the others.
FAULTS: dict[str, tuple[int, Harm]] = harm.FAULTS | harm_servers.FAULTS
LOOK_EVERY = 0.05  # seconds
DONE = "faults"


@dataclass(frozen=True)
class Planned:
    """What is done, after how many seconds of rest."""

    name: str
    rest: float
    fault: Fault


def schedule(seed: int, rest: float) -> Iterator[Planned]:
    """Without end; the same seed gives the same faults in the same order."""
    chance = random.Random(seed)
    names, weights = list(FAULTS), [weight for weight, _ in FAULTS.values()]
    while True:
        (name,) = chance.choices(names, weights)
        fault = Fault(lasts=chance.uniform(0.5, 4), choice=chance.random())
        yield Planned(name, chance.uniform(0, 2 * rest), fault)


@dataclass
class Nemesis:
    """Does what the schedule says, and undoes it when its time has come."""

    ground: Ground
    # How often each fault was done; a few could not be: what they fall on was down already.
    done: Counter[str] = field(default_factory=Counter)
    _to_end: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    _number: Iterator[int] = field(default_factory=count)

    @property
    def kills(self) -> int:
        return sum(done for name, done in self.done.items() if name.startswith("kill "))

    def do(self, planned: Planned) -> None:
        self._wait(planned.rest)
        _, harm = FAULTS[planned.name]
        began = time.time()
        try:
            end = harm(self.ground, planned.fault)
        except NotNow:
            self._write_down(planned, began, "not now")
            return
        self.done[planned.name] += 1
        self._write_down(planned, began, f"for {planned.fault.lasts:.1f} s")
        if end is not None:
            at = time.monotonic() + planned.fault.lasts
            heapq.heappush(self._to_end, (at, next(self._number), end))

    def _write_down(self, planned: Planned, began: float, what: str) -> None:
        """Beside the history; and how long it kept us."""
        with (self.ground.room / DONE).open("a") as file:
            file.write(f"{began:.3f} {planned.name}, {what} ({time.time() - began:.3f} s)\n")

    def _wait(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while True:
            self._end_what_is_over()
            self.ground.look()
            if time.monotonic() >= ends:
                return
            time.sleep(LOOK_EVERY)

    def _end_what_is_over(self, now: float | None = None) -> None:
        now = time.monotonic() if now is None else now
        while self._to_end and self._to_end[0][0] <= now:
            heapq.heappop(self._to_end)[2]()

    def calm(self) -> None:
        """Everything that still lasts ends now."""
        self._end_what_is_over(float("inf"))
        harm.clocks_are_right(self.ground)
        self.ground.look()
