"""The one question that findings asks about telling people, answered by notifications.

The page on which a finding is flagged shows who will be told and whether they can be reached.
Notifications knows that, and imports findings; so findings declares the question here and
notifications registers the answer when it starts. See docs/adr/0002.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from findings.timetable import PlannedStep

if TYPE_CHECKING:
    from findings.models import Finding, Organisation, Person, Team


@dataclass(frozen=True)
class Subject:
    """The finding that the question is about, saved or about to be."""

    owner_person: "Person | None"
    owner_team: "Team | None"
    team: "Team"
    flagged_by: "Person"
    # Whose coordinators and governance leads watch it: the trust that made the images.
    organisation: "Organisation"
    # None while it is about to be saved.
    finding_id: int | None = None

    @classmethod
    def of(cls, finding: "Finding") -> "Subject":
        return cls(
            finding.owner_person,
            finding.owner_team,
            finding.team,
            finding.flagged_by,
            finding.organisation,
            finding.pk,
        )


@dataclass(frozen=True)
class Recipient:
    """Somebody who would be told, by which routes, or why they cannot be."""

    person: "Person"
    # Words: "by e-mail".
    routes: tuple[str, ...]
    # Why not, in a sentence for a person; empty when they can be reached.
    unreachable_because: str = ""


@dataclass(frozen=True)
class StepPreview:
    """One step and everybody whom it would tell."""

    step: PlannedStep
    recipients: tuple[Recipient, ...]
    # Why there is nobody to tell at all, in a sentence: "Ward 7 has no responsible consultant."
    nobody_because: str = ""

    @property
    def reaches_somebody(self) -> bool:
        return any(not recipient.unreachable_because for recipient in self.recipients)


Answer = Callable[[Subject, Sequence[PlannedStep]], list[StepPreview]]

_answer: Answer | None = None


def answer_with(function: Answer) -> None:
    """Called once, when notifications is ready."""
    global _answer
    _answer = function


def preview(subject: Subject, steps: Sequence[PlannedStep]) -> list[StepPreview]:
    """Who would be told at each step, by which routes, and who cannot be reached and why."""
    if _answer is None:
        raise RuntimeError("notifications is not installed: nobody can be told anything.")
    return _answer(subject, steps)
