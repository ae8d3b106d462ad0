"""What a row of the coordinators' desk shows, whatever it is of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from findings.models import Finding, Patient, Person


@dataclass(frozen=True)
class Said:
    """One reason, and what else is known of it."""

    title: str
    more: str = ""


@dataclass(frozen=True)
class Ring:
    """Somebody to telephone, and why them."""

    person: Person
    why: str

    @property
    def phone(self) -> str:
        return self.person.phone


@dataclass(frozen=True)
class Card:
    """One row as the page, its file and what compares them a minute later show it."""

    name: str
    # The name of its own page, and what that page wants in its address.
    page: tuple[str, object]
    said: Sequence[Said]
    where: str = ""
    what: str = ""
    patient: Patient | None = None
    ring: Sequence[Ring] = ()
    # The newest note, by whom and when.
    note: str = ""
    # The newest line of its timeline that the row knows of.
    seen: int = 0
    due_at: datetime | None = None
    what_is_due: str = ""
    # The one person who holds it, where one does.
    owner: Person | None = None
    finding: Finding | None = None

    @property
    def is_held_by_the_first(self) -> bool:
        """Whether whoever is to be rung first holds it: one press says that they were."""
        return bool(self.ring) and self.ring[0].person == self.owner

    @property
    def href(self) -> str:
        name, argument = self.page
        return reverse(name, args=[argument])
