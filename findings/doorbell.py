"""Wakes the engine after a commit, so that nothing waits for the next interval: whoever fires, and
whoever looks whether everything open still reaches a human, and whoever reckons what takes longer
than a page may.

Only a wake-up: whoever is woken finds the rows by itself, and if nobody is, the next sweep does.
Notifications registers what to ring; findings does not know that there is a broker.
"""

from collections.abc import Callable

from django.db import transaction

_ring: Callable[[], None] | None = None
_look_again: Callable[[], None] | None = None
_reckon: Callable[[], None] | None = None


def rings(function: Callable[[], None]) -> None:
    """Called once, when notifications is ready. The function must not raise."""
    global _ring
    _ring = function


def looks_again(function: Callable[[], None]) -> None:
    """Called once, when notifications is ready. The function must not raise."""
    global _look_again
    _look_again = function


def reckons(function: Callable[[], None]) -> None:
    """Called once, when notifications is ready. The function must not raise."""
    global _reckon
    _reckon = function


def ring_after_commit() -> None:
    """Rings once this transaction is committed; not at all if it is rolled back."""
    _after_commit(_ring)


def look_again_after_commit() -> None:
    """Somebody, a team, a rota or an address changed: who would be told now is asked anew."""
    _after_commit(_look_again)


def reckon_after_commit() -> None:
    """Somebody asked for what a page does not wait for."""
    _after_commit(_reckon)


def _after_commit(ring: Callable[[], None] | None) -> None:
    """Once, however often it is asked: a load of a thousand findings is one commit."""
    waiting = [function for _, function, _ in transaction.get_connection().run_on_commit]
    if ring is not None and ring not in waiting:
        transaction.on_commit(ring)
