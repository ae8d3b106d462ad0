"""Engines with a fault, to see that the checker finds it: `make faults ARGS="--mutant forgetful"`.

Each is put into the nursery's processes and into Celery's; one of them into the postman, who brings
back mail. A campaign with one must end with 1.
"""

import os
from collections.abc import Callable
from datetime import datetime
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
    from notifications import lateness

    lateness.CHECKS = ()


def deaf() -> None:
    """Mail that comes back is noted, and nothing follows: it stays "sent"."""
    from notifications import receipts

    receipts._FOLLOWS[receipts.Outcome.FAILED] = receipts._delayed


def stubborn() -> None:
    """What was refused for good is tried again."""
    from notifications import outcomes

    real = outcomes._outcome

    def outcome(turn: Any, error: Any, at: datetime) -> Any:
        found, change = real(turn, error, at)
        if found == outcomes.Outcome.PERMANENT and turn.attempt.number == 1:
            change = {"status": outcomes.Status.QUEUED, "next_attempt_at": at}
        return found, change

    outcomes._outcome = outcome


def idle() -> None:
    """Nothing follows a refusal: neither the next way nor the next step."""
    from notifications import outcomes

    outcomes.follow_failure = lambda *_, **__: None


MUTANTS: dict[str, Callable[[], None]] = {
    "hopeful": hopeful,
    "forgetful": forgetful,
    "cheerful": cheerful,
    "deaf": deaf,
    "stubborn": stubborn,
    "idle": idle,
}
OF_THE_POSTMAN = {"deaf"}
# By its name, in the environment of every process of the storm.
MUTANT = "STORM_MUTANT"


def put_in() -> None:
    """Into this process, where the campaign was asked for one."""
    if name := os.environ.get(MUTANT):
        MUTANTS[name]()
