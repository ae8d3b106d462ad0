"""The tenth invariant: the outside monitor is called if and only if nothing is late.

Of each round of the watch it is known when it was, what it said, and whether the monitor heard it.
And apart from what it said: no round may call while a step is overdue that it should have seen.
"""

import json
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from findings.models import Step
from notifications.lateness import STEP_LATE_AFTER
from tests.faults.ground import Ground
from tests.faults.nursery import WATCHED

# Seconds between the clocks of a client and of a step that may be rounding.
MARGIN = 1.0


@dataclass
class Heartbeats:
    """What the rounds of the watch did that came to their end."""

    rounds: int = 0
    sent: int = 0
    withheld: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Round:
    """Times as of time.time()."""

    name: str
    began: float
    ended: float
    late: list[str]


def rounds(ground: Ground) -> Iterator[Round]:
    """Those that ended; one that was killed in between said nothing."""
    began: dict[str, float] = {}
    path = ground.room / WATCHED
    for line in path.read_text().splitlines() if path.exists() else ():
        said: dict[str, Any] = json.loads(line)
        if said["what"] == "began":
            began[said["round"]] = said["at"]
        else:
            yield Round(said["round"], began[said["round"]], said["at"], said["late"])


def judge_heartbeats(ground: Ground, told: dict[str, float]) -> Heartbeats:
    """`told`: when the client of each key knew of its finding, and so the watch could, too."""
    found, heard = Heartbeats(), {name for name, _ in ground.monitor.beats}
    calm = []
    for one in rounds(ground):
        found.rounds += 1
        if one.late and one.name in heard:
            found.wrong.append(f"10: {one.name} called although: {one.late[0]}")
        if not one.late and one.name not in heard:
            found.wrong.append(f"10: {one.name} found nothing and did not call")
        if one.name in heard:
            calm.append(one)
    found.sent, found.withheld = len(calm), found.rounds - len(calm)
    found.wrong += _called_too_soon(ground, calm, told)
    return found


def _called_too_soon(ground: Ground, calm: list[Round], told: dict[str, float]) -> Iterator[str]:
    calm.sort(key=lambda one: one.began)
    begins = [one.began for one in calm]
    for step, start, end in _overdue(ground, told):
        at = bisect_left(begins, start)
        if at < len(calm) and calm[at].ended < end:
            yield f"10: {calm[at].name} called while step {step} was overdue"


def _overdue(ground: Ground, told: dict[str, float]) -> Iterator[tuple[int, float, float]]:
    """Each step with from when to when everybody could see that it was overdue."""
    steps = Step.objects.filter(clock__kind="acknowledge", level__gt=0)
    for pk, falls_at, fired_at, cancelled_at, words in steps.values_list(
        "pk", "falls_at", "fired_at", "cancelled_at", "finding__description"
    ):
        key = words.partition("Key ")[2].rstrip(".")
        # Brought forward by a clock that was wrong: overdue before it was there.
        if key in told and not ground.database_clock.showed(falls_at):
            late = (falls_at + STEP_LATE_AFTER).timestamp()
            ended = min((at for at in (fired_at, cancelled_at) if at), default=None)
            until = ended.timestamp() if ended else float("inf")
            yield pk, max(late, told[key]) + MARGIN, until
