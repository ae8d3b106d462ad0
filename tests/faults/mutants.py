"""Engines with a fault, to see that the checker finds it: `make faults ARGS="--mutant forgetful"`.

Each is put into the nursery's processes; one of them into the postman, who brings back mail. A
campaign with one must end with 1.
"""

from collections.abc import Callable
from typing import Any


def hopeful() -> None:
    """Takes "later" for "yes": marked as sent, and never sent."""
    from notifications.channels.base import Transient
    from notifications.channels.email import Email

    real = Email.send

    def send(self: Email, outgoing: Any) -> None:
        try:
            real(self, outgoing)
        except Transient:
            return

    Email.send = send  # type: ignore[method-assign]


def forgetful() -> None:
    """A second copy does not say that it may be one."""
    from notifications import messages

    real = messages.write

    def write(*given: Any, **how: Any) -> Any:
        return real(*given, **how | {"may_be_second": False})

    messages.write = write


def cheerful() -> None:
    """A watch that sees nothing, and so calls the outside monitor whatever is late."""
    from notifications import watchdog

    watchdog.CHECKS = ()


def deaf() -> None:
    """Mail that comes back is noted, and nothing follows: it stays "sent"."""
    from notifications import receipts

    receipts._FOLLOWS[receipts.Outcome.FAILED] = receipts._delayed


MUTANTS: dict[str, Callable[[], None]] = {
    "hopeful": hopeful,
    "forgetful": forgetful,
    "cheerful": cheerful,
    "deaf": deaf,
}
OF_THE_POSTMAN = {"deaf"}
