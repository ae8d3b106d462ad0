"""`manage.py run_clock`: the second waker. The same rounds as the Celery tasks, without a broker.

A deployment runs both, and two at once is normal operation. Each part has a thread of its own, so
that a slow mail server holds up no step of the ladder.
"""

import logging
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections, connection

from notifications import pulse, rounds

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Fires due steps, sends messages and watches, in a loop, without a broker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round of each, then end")
        parser.add_argument("--interval", type=float, help="seconds between two rounds of each")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            rounds.fire()
            rounds.deliver()
            rounds.watch()
            rounds.reckon()
            return
        run_until({signal.SIGTERM, signal.SIGINT}, options["interval"])


def run_until(signals: set[signal.Signals], interval: float | None = None) -> None:
    """Every part in its own rhythm, until a signal. What is being sent is sent to its end."""
    # Blocked here and in the threads: waited for below, they interrupt nobody.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    stopping = threading.Event()
    delivering = threading.Event()
    parts = [
        _Part(
            "fire",
            lambda: rounds.fire(told=delivering.set),
            interval or settings.FIRE_EVERY_SECONDS,
        ),
        _Part(
            "deliver",
            lambda: rounds.deliver(stopping.is_set),
            interval or settings.DELIVER_EVERY_SECONDS,
            woken_by=delivering,
        ),
        _Part("watch", _watch, interval or settings.WATCH_EVERY_SECONDS),
        _Part(
            "reckon",
            lambda: rounds.reckon(stopping.is_set),
            interval or settings.WATCH_EVERY_SECONDS,
        ),
    ]
    threads = [threading.Thread(target=part.run, args=[stopping], name=part.name) for part in parts]
    for thread in threads:
        thread.start()
    signal.sigwait(signals)
    stopping.set()
    for part in parts:
        part.woken_by.set()
    for thread in threads:
        thread.join()


def _watch() -> None:
    rounds.watch()
    pulse.beat(pulse.RUN_CLOCK)


class _Part:
    """One part of the engine and its rhythm."""

    def __init__(
        self,
        name: str,
        round_: Callable[[], object],
        every: float,
        woken_by: threading.Event | None = None,
    ) -> None:
        self.name, self.round, self.every = name, round_, every
        self.woken_by = woken_by or threading.Event()

    def run(self, stopping: threading.Event) -> None:
        while True:
            self.woken_by.clear()
            if stopping.is_set():
                break
            self._once()
            self.woken_by.wait(self.every)
        connection.close()

    def _once(self) -> None:
        """Whatever goes wrong, there is a next round: the database may be restarting."""
        close_old_connections()
        try:
            self.round()
        except Exception as error:
            log.error("round failed", extra={"part": self.name, "error": type(error).__name__})
            connection.close()
