"""What the page of a finding says: promises, steps, the report's changes, and the answers."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import SequenceMatcher

from findings import reach, rules, words
from findings.models import Audience, Clock, Event, Finding, Pause, Person, Rating, Step
from findings.presenters.moments import moment, step_words
from findings.presenters.steps import StepLine, fired, lines_ahead
from findings.services.pause import NOT_SAID_WHO
from findings.services.policy import Limit
from findings.states import ClockKind, State

PROMISES = {
    ClockKind.ACKNOWLEDGE: "Acknowledgement",
    ClockKind.ACT: "Action",
    ClockKind.FOLLOW_UP: "Result",
    ClockKind.TELL_PATIENT: "Telling the patient",
    ClockKind.REPORT_BY: "Report",
    ClockKind.CONFIRM: "Confirmation",
    ClockKind.ANSWER: "Answer",
    ClockKind.IMPROVE: "Improvement",
}
# Of a patient who has died.
TOLD_INSTEAD = "Recording who was told instead"
# In a list, which does not ask of each patient whether they have died.
IN_A_LIST = PROMISES | {ClockKind.TELL_PATIENT: "Telling the patient or family"}
LIMITS = {
    ClockKind.ACKNOWLEDGE: "Acknowledge within",
    ClockKind.ACT: "Act within",
    ClockKind.FOLLOW_UP: "Record the result within",
    ClockKind.TELL_PATIENT: "Tell the patient within",
    ClockKind.REPORT_BY: "Report within",
    ClockKind.CONFIRM: "Confirm within",
    ClockKind.ANSWER: "Answer within",
    ClockKind.IMPROVE: "Done by its day",
}


@dataclass(frozen=True)
class Answer:
    """One thing that this person may do now, on a page of its own."""

    url_name: str
    label: str
    # The NHS.UK button: "" is the main one, "secondary", "warning"; "link" is no button at all.
    variant: str


# In the order in which they are offered.
_ANSWERS: tuple[tuple[Callable[[Person, Finding], bool], Answer], ...] = (
    (rules.can_acknowledge, Answer("acknowledge", "Mine: acknowledge", "")),
    (rules.can_decline, Answer("decline", "Not mine", "secondary")),
    (rules.can_answer_offer, Answer("accept-offer", "Accept: mine from now on", "")),
    (rules.can_answer_offer, Answer("refuse-offer", "Refuse the offer", "secondary")),
    (rules.can_answer_question, Answer("answer-question", "Answer the question", "")),
    (rules.can_confirm, Answer("still-mine", "Still mine", "secondary")),
    (rules.can_act, Answer("act", "Record an action", "")),
    (rules.can_follow_up, Answer("follow-up", "What became of the examination", "")),
    (rules.can_close, Answer("close", "Close", "")),
    (rules.can_tell_patient, Answer("patient-told", "Patient told", "secondary")),
    (rules.can_offer, Answer("offer", "Offer to somebody else", "secondary")),
    (rules.can_take_back, Answer("take-offer-back", "Take the offer back", "secondary")),
    (
        rules.can_take_acknowledgement_back,
        Answer("take-back", "I acknowledged it by mistake", "link"),
    ),
    (rules.can_ask, Answer("ask", "Ask the radiologist", "secondary")),
    (rules.can_hand_over, Answer("hand-over", "Hand over to somebody else", "secondary")),
    (rules.can_record_call, Answer("call", "Record a telephone call", "secondary")),
    (rules.can_change_category, Answer("change-category", "Change the category", "link")),
    (rules.can_withdraw, Answer("withdraw", "Withdraw", "link")),
    (rules.can_snooze, Answer("snooze", "Snooze", "link")),
    (rules.can_end_snooze, Answer("end-snooze", "End the snooze", "link")),
    (rules.can_hold_letter, Answer("hold-letter", "Hold the letter to the patient", "link")),
    (rules.can_end_hold, Answer("end-hold", "End the hold of the letter", "link")),
    (rules.can_send_letter, Answer("patient-letter", "Letter to the patient", "link")),
    (rules.can_rate, Answer("rate", "Was this flag useful?", "link")),
    (rules.can_note, Answer("note", "Add a note", "link")),
)


def answers_for(person: Person, finding: Finding) -> list[Answer]:
    """Exactly what this person may do with the finding as it stands; the first is the main one."""
    may = {can: can(person, finding) for can in dict.fromkeys(can for can, _ in _ANSWERS)}
    allowed = [answer for can, answer in _ANSWERS if may[can]]
    return [_only_first_is_main(answer, index) for index, answer in enumerate(allowed)]


def _only_first_is_main(answer: Answer, index: int) -> Answer:
    if index and not answer.variant:
        return Answer(answer.url_name, answer.label, "secondary")
    return answer


def may_phone(person: Person, finding: Finding) -> bool:
    """Whether one press says that this person has just telephoned whoever holds it: while an
    answer is awaited, and one person holds it who is not themselves."""
    awaited = finding.state == State.AWAITING and finding.owner_person_id not in (None, person.pk)
    return awaited and rules.can_record_call(person, finding)


def first_told(events: Sequence[Event]) -> str:
    """When somebody was told first, and how: by a message that went out, or by telephone."""
    told = [_telling(event) for event in events if event.kind in _TELLINGS]
    if not told:
        return ""
    at, how = min(told)
    return f"{words.when(at)}, {how}"


def told_people(events: Sequence[Event], reader: Person) -> list[str]:
    """Everybody who was sent a message or telephoned, once each, the earliest first."""
    told = [str(event.data.get("to", "")) for event in events if event.kind in _TELLINGS]
    named = (name if name != str(reader) else f"{name} (you)" for name in told if name)
    return list(dict.fromkeys(named))


def last_rating(events: Sequence[Event]) -> str:
    """How useful whoever answered last found the flag, in words; empty where nobody said."""
    rated = [event for event in events if event.kind == Event.Kind.RATED]
    return (
        rating_words(rated[-1].data["useful"], rated[-1].data["note"], rated[-1].by)
        if rated
        else ""
    )


def rating_words(useful: str, note: str, by: object) -> str:
    said = f"{Rating.Useful(useful).label}, says {by}."
    return f"{said} {note}" if note else said


_TELLINGS = (Event.Kind.SENT, Event.Kind.PHONED)


def _telling(event: Event) -> tuple[datetime, str]:
    if event.kind == Event.Kind.PHONED:
        return moment(event.data.get("called_at")) or event.at, f"{event.data['to']} by telephone"
    return event.at, f"{event.data.get('to', '')} by a message"


def promised(clock: Clock, *, has_died: bool = False) -> str:
    """What is due at the limit of this clock. Nobody is asked to tell the dead."""
    kind = ClockKind(clock.kind)
    return TOLD_INSTEAD if has_died and kind == ClockKind.TELL_PATIENT else PROMISES[kind]


def what_is_due(finding: Finding) -> str:
    """At the nearest limit of one that `with_due` has read; empty when nothing is due."""
    kind = finding.due_kind  # type: ignore[attr-defined]
    return IN_A_LIST[ClockKind(kind)] if kind else ""


@dataclass(frozen=True)
class LimitLine:
    """One time limit of the category, and whose it is."""

    words: str
    basis: str
    source: str
    is_national: bool


def limit_lines(limits: Sequence[Limit]) -> list[LimitLine]:
    """Only a limit that the rule itself calls national is called national guidance."""
    return [
        LimitLine(
            words=f"{LIMITS[limit.kind]} {limit.words}",
            basis="National guidance" if limit.is_national else limit.basis,
            source=limit.source,
            is_national=limit.is_national,
        )
        for limit in limits
    ]


# --- Who has been told, and who is told next -------------------------------------------------


def told_lines(steps: Sequence[Step], now: datetime) -> list[StepLine]:
    """Steps that have fired, the earliest first."""
    return [
        StepLine(at, words.near(at, now), step_words(step.audience, step.words))
        for step, at in fired(steps)
    ]


def next_lines(
    finding: Finding, steps: Sequence[Step], pauses: Iterable[Pause], now: datetime
) -> list[StepLine]:
    """Steps that are still to come unless somebody answers, with the people they would tell."""
    dead = {pause.clock_id for pause in pauses if pause.kind == Pause.Kind.DEATH}

    def who(step: Step) -> str:
        # Of a patient who has died nobody is asked to write to them, as the ladder's words do.
        return step_words(step.audience, NOT_SAID_WHO if step.clock_id in dead else step.words)

    subject = replace(reach.Subject.of(finding), site=finding.site)
    return lines_ahead(subject, steps, who, now)


def told_of_withdrawal(events: Iterable[Event]) -> str:
    """Who heard that it was withdrawn, who could not be told, and whose message failed."""
    every = sorted(events, key=lambda event: event.number)
    news = [one for one in every if one.data.get("audience") == Audience.WITHDRAWN]
    fired = next((one for one in news if one.kind == Event.Kind.STEP_FIRED), None)
    if fired is None:
        return "Nobody else had been told of it, so nobody was told."
    told, not_told = fired.data.get("told", []), fired.data.get("not_told", [])
    since = (one for one in every if one.number > fired.number and not one.data.get("again"))
    failed = [one.data["to"] for one in since if one.kind == Event.Kind.SEND_FAILED]
    sentences = [f"Told of it: {', '.join(told) or 'nobody'}.", *not_told]
    sentences += [f"A message to {name} could not be delivered." for name in dict.fromkeys(failed)]
    return " ".join(sentences)


# --- What changed in the report --------------------------------------------------------------

# Words and the spaces between them, so that the pieces put together are the text.
WORD = re.compile(r"\S+|\s+")
WORDS_COMPARED = 2000


@dataclass(frozen=True)
class Piece:
    """Words that were kept, added or removed."""

    kind: str  # "same", "added" or "removed"
    text: str


def flagged_version(events: Sequence[Event]) -> int | None:
    """The version of the report in which the finding was flagged, from the timeline."""
    for event in events:
        if event.kind == Event.Kind.FLAGGED:
            return event.data.get("report_version")
    return None


def differences(before: str, after: str) -> list[Piece]:
    """What the newer text keeps, adds and removes: line by line, then word by word.

    Lines first, since comparing every word of two long reports with every other takes minutes.
    """
    pieces: list[Piece] = []
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for tag, removed, added in _changes(old, new):
        pieces += (
            _changed_words(removed, added) if tag == "replace" else _pieces(tag, removed, added)
        )
    return pieces


def _changed_words(removed: list[str], added: list[str]) -> list[Piece]:
    old, new = (WORD.findall("".join(lines)) for lines in (removed, added))
    if max(len(old), len(new)) > WORDS_COMPARED:
        return _pieces("replace", removed, added)
    return [piece for tag, *texts in _changes(old, new) for piece in _pieces(tag, *texts)]


def _changes(old: list[str], new: list[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield tag, old[i1:i2], new[j1:j2]


def _pieces(tag: str, removed: list[str], added: list[str]) -> list[Piece]:
    if tag == "equal":
        return [Piece("same", "".join(added))]
    both = (Piece("removed", "".join(removed)), Piece("added", "".join(added)))
    return [piece for piece in both if piece.text]
