"""What the page of a finding says after its patient died, was discharged or was transferred."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from findings import words
from findings.models import Event, PatientChange
from findings.presenters.sentences import PATIENT_CHANGES
from findings.rules import ANSWERS_A_CHANGE

Kind = PatientChange.Kind


@dataclass(frozen=True)
class ChangeLine:
    """One change: what happened, who said so, and what is asked of whoever holds the finding."""

    heading: str
    sentence: str
    asked: str


ASKED = {
    Kind.DIED: "No letter goes to the patient. Nothing closes by itself: whoever holds this says"
    " who is told instead (next of kin, or the coroner) or why nobody, and closes it with its"
    " outcome.",
    Kind.DISCHARGED: "Who is responsible now? Whoever holds this says that it is still theirs, or"
    " offers it to whoever follows the patient up. Until then it is theirs, and no limit moves.",
    Kind.TRANSFERRED: "Who is responsible now? Whoever holds this says that it is still theirs, or"
    " offers it to the team that has the patient now. Until then it is theirs, and no limit moves.",
}


def change_lines(changes: Iterable[PatientChange], events: Sequence[Event]) -> list[ChangeLine]:
    """The newest first; what was answered since says by whom."""
    return [_line(change, events) for change in changes]


def _line(change: PatientChange, events: Sequence[Event]) -> ChangeLine:
    kind = Kind(change.kind)
    whereto = f", to {change.whereto}" if change.whereto else ""
    said_by = change.recorded_by or "another system"
    answer = _answer(change, events)
    return ChangeLine(
        heading=PATIENT_CHANGES[kind],
        sentence=f"On {words.when(change.happened_at)}{whereto}. Recorded on"
        f" {words.when(change.recorded_at)} by {said_by}.",
        asked=f"{answer.by} answered on {words.when(answer.at)}: see the timeline."
        if answer is not None and kind != Kind.DIED
        else ASKED[kind],
    )


def _answer(change: PatientChange, events: Sequence[Event]) -> Event | None:
    since = (event for event in events if event.at > change.recorded_at and event.by)
    return next((event for event in since if event.kind in ANSWERS_A_CHANGE), None)
