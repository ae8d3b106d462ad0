"""The alarm on the alarm, tried on purpose when the storm is over.

All is well: the outside monitor is called. Nobody fires and a step is overdue: the calls stop. The
engines come back: so do the calls.
"""

import os
import pickle
import signal
import time
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from findings.models import Finding, Step
from findings.services.acknowledge import acknowledge_finding
from findings.states import State
from notifications import watchdog
from tests.factories import flagged, reported
from tests.faults.client import CAST, PLAN, described
from tests.faults.ground import Ground
from tests.faults.heartbeats import rounds
from tests.faults.history import Writer

WITHIN = 60.0  # seconds
# The key of what is flagged while nobody fires, and for how long it has been due.
LAST, AGE = "alarm", timedelta(minutes=5)


def watch_the_watch(ground: Ground, waiting: Callable[[], float]) -> list[str]:
    """What is wrong with it, in sentences."""
    _answer_what_nobody_answered(ground)
    if not _until(lambda: waiting() == 0 and not watchdog.look(), ground):
        return [f"10: the watch still speaks: {'; '.join(map(str, watchdog.look()))}"]
    if not _calls_again(ground):
        return ["10: all is well and the monitor is not called"]
    frozen = _nobody_fires(ground)
    try:
        _flag_late(ground)
        if not _speaks(ground):
            return ["10: a step is overdue, nobody fires, and the watch says nothing"]
    finally:
        ground.down.discard("worker")
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    if not _until(lambda: waiting() == 0, ground) or not _calls_again(ground):
        return ["10: the engines are back and nobody calls"]
    return []


def _answer_what_nobody_answered(ground: Ground) -> None:
    """The watch speaks, rightly, of a ladder that was climbed to its end."""
    trust = pickle.loads((ground.room / CAST).read_bytes()).trust
    to_come = Step.objects.unfired().filter(clock__kind="acknowledge").values("finding")
    for finding in Finding.objects.filter(state=State.AWAITING).exclude(pk__in=to_come):
        acknowledge_finding(finding=finding, by=trust.referrer, plan=PLAN)


def _flag_late(ground: Ground) -> None:
    """Written down as any client does, so that the checker knows of it."""
    trust = pickle.loads((ground.room / CAST).read_bytes()).trust
    with Writer(ground.room).act("flag", LAST):
        flagged(
            trust,
            category="cancer",
            at=timezone.now() - AGE,
            examination=reported(trust, accession=LAST),
            description=described(LAST),
        )


def _nobody_fires(ground: Ground) -> list[int]:
    ground.down.add("worker")
    ground.kill("worker")
    frozen = ground.pids("fire")
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    return frozen


def _calls_again(ground: Ground) -> bool:
    began = time.time()
    return _until(lambda: any(at > began for _, at in list(ground.monitor.beats)), ground)


def _speaks(ground: Ground) -> bool:
    """Two rounds that begin from now on find something; the checker looks whether they called."""
    began = time.time()
    return _until(
        lambda: sum(bool(one.late) for one in rounds(ground) if one.began > began) > 1, ground
    )


def _until(true: Callable[[], bool], ground: Ground) -> bool:
    ends = time.monotonic() + WITHIN
    while not true():
        if time.monotonic() > ends:
            return False
        ground.look()
        time.sleep(0.3)
    return True
