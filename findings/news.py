"""News: what somebody should know and need not act on, told by notifications at once.

As with reach.py and doorbell.py, findings asks and notifications registers the answer when it
starts (docs/adr/0002). The telling is part of the caller's transaction: it happened, or neither
did, and an answer that comes a second later takes it from nobody (docs/adr/0016).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from findings.models import Person, Step

# A step that is not saved yet, and who did what it tells of.
Tell = Callable[["Step", "Person | None"], None]

_tell: Tell | None = None


def tell_with(function: Tell) -> None:
    """Called once, when notifications is ready."""
    global _tell
    _tell = function


def tell(step: "Step", by: "Person | None") -> None:
    """Save the step as fired when it was due, and tell its audience but for `by`. Where there is
    nobody to tell, nothing is saved. The caller holds the finding's lock."""
    if _tell is None:
        raise RuntimeError("notifications is not installed: nobody can be told anything.")
    _tell(step, by)
