"""An import whose changes are shown before they are made, all of them or none.

The dry run is the import itself, taken back: what is shown is what will happen.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db import transaction

from findings.services.concerns import Concern
from findings.services.foretell import Before, Foretold
from findings.services.table_file import Mistake
from findings.services.taken_back import taken_back

Change = TypeVar("Change")


@dataclass
class Outcome(Generic[Change]):
    """Every change and every mistake. With a mistake nothing was, or will be, changed."""

    changes: list[Change] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    unchanged: int = 0
    # What it would do to open findings; None where nobody asked.
    foretold: Foretold | None = None

    @property
    def fingerprint(self) -> str:
        """Of what was shown: applying it asks for the same."""
        return hashlib.sha256(repr(self.changes).encode()).hexdigest()[:16]

    def is_refused(self, seen: str) -> bool:
        """A line is wrong or, with `seen`, something else would change than what was shown."""
        return bool(self.mistakes) or bool(seen and seen != self.fingerprint)


def tried(
    carry_out: Callable[[Outcome[Change]], None], concern: Concern | None = None
) -> Outcome[Change]:
    """What it would change; and of which findings of `concern` somebody else would then hear."""
    outcome: Outcome[Change] = Outcome()
    before = Before(concern) if concern else None
    with taken_back():
        carry_out(outcome)
        if before and not outcome.mistakes:
            outcome.foretold = before.foretold()
    return outcome


def done(carry_out: Callable[[Outcome[Change]], None], seen: str = "") -> Outcome[Change]:
    """What it changed: nothing where that is refused."""
    outcome: Outcome[Change] = Outcome()
    with transaction.atomic():
        carry_out(outcome)
        if outcome.is_refused(seen):
            transaction.set_rollback(True)
    return outcome
