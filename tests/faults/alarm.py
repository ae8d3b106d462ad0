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

from django.db.models import Q
from django.utils import timezone

from findings.models import Clock, Finding, Improvement
from findings.services.close import withdraw_finding
from findings.services.improvements import give_up
from notifications import watchdog
from notifications.models import Notification
from tests.factories import flagged, reported
from tests.faults.client import CAST, described
from tests.faults.ground import Ground
from tests.faults.heartbeats import rounds
from tests.faults.history import Writer

WITHIN = 60.0  # seconds
# The key of what is flagged while nobody fires, and for how long it has been due.
LAST, AGE = "alarm", timedelta(minutes=5)


def watch_the_watch(ground: Ground, waiting: Callable[[], float]) -> list[str]:
    """What is wrong with it, in sentences."""
    _withdraw_what_the_watch_speaks_of(ground)
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


def _withdraw_what_the_watch_speaks_of(ground: Ground) -> None:
    """Rightly: a ladder that was climbed to its end, or a message that is not delivered."""
    trust = pickle.loads((ground.room / CAST).read_bytes()).trust
    climbing = Clock.objects.filter(steps__fired_at=None, steps__cancelled_at=None)
    at_its_end = Clock.objects.filter(stopped_at=None).exclude(pk__in=climbing)
    failed = Notification.objects.filter(status=Notification.Status.FAILED)
    spoken_of = Q(clocks__in=at_its_end) | Q(notifications__in=failed)
    for finding in Finding.objects.open().filter(spoken_of).distinct():
        withdraw_finding(finding=finding, by=trust.radiologist, because="The storm is over.")
    for improvement in Improvement.objects.open().filter(notifications__in=failed).distinct():
        give_up(improvement=improvement, by=trust.governance, because="The storm is over.")


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
