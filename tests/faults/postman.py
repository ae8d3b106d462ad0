"""Brings back mail that could not be delivered, and sees to it that addresses work again.

As a mail server's pipe does: each bounce until it is taken, and now and then twice. In a thread of
its own, since the database may not answer for a while.
"""

import threading
import time
from collections.abc import Callable
from queue import Empty, Queue

from django.db import Error, connection

from notifications.management.commands.take_bounces import take
from notifications.models import Route
from notifications.receipts import NotYet
from tests.bounces import bounce_of

AGAIN_AFTER = 0.5  # seconds


class Postman:
    """`busy` until everything was brought."""

    def __init__(self) -> None:
        # What came back: the message ids.
        self.brought: set[str] = set()
        self._to_do: Queue[Callable[[], object]] = Queue()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def bring_back(self, message_id: str, *, twice: bool) -> None:
        self.brought.add(message_id)
        for _ in range(1 + twice):
            self._to_do.put(lambda: take(bounce_of(message_id)))

    def mend(self) -> None:
        """Whoever has an address that was refused proves again that it is theirs."""
        refused = Route.objects.filter(failed_at__isnull=False)
        self._to_do.put(lambda: refused.update(failed_at=None, failed_because=""))

    @property
    def busy(self) -> bool:
        return self._to_do.unfinished_tasks > 0

    def stop(self) -> None:
        self._ends.set()
        self._thread.join(10)

    def _work(self) -> None:
        while not self._ends.is_set():
            try:
                do = self._to_do.get(timeout=0.2)
            except Empty:
                continue
            try:
                do()
            except (NotYet, Error):
                connection.close()
                time.sleep(AGAIN_AFTER)
                self._to_do.put(do)
            self._to_do.task_done()
        connection.close()
