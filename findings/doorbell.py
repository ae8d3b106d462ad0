"""Wakes the engine after a commit, so that nothing waits for the next interval.

Only a wake-up: whoever is woken finds the rows by itself, and if nobody is, the next sweep does.
Notifications registers what to ring; findings does not know that there is a broker.
"""

from collections.abc import Callable

from django.db import transaction

_ring: Callable[[], None] | None = None


def rings(function: Callable[[], None]) -> None:
    """Called once, when notifications is ready. The function must not raise."""
    global _ring
    _ring = function


def ring_after_commit() -> None:
    """Rings once this transaction is committed; not at all if it is rolled back.

    Once, however often it is asked: a load of a thousand findings is one commit.
    """
    waiting = [function for _, function, _ in transaction.get_connection().run_on_commit]
    if _ring is not None and _ring not in waiting:
        transaction.on_commit(_ring)
