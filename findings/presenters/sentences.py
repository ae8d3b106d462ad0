"""An event in words: one function a kind, from its data to a sentence. The timeline puts them in
order (timeline.py)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from findings import words
from findings.models import (
    Action,
    Clock,
    Event,
    Finding,
    HandOver,
    PatientChange,
    Pause,
    Rating,
    Recommendation,
)
from findings.presenters.moments import moment, said_day, step_words
from findings.states import ClockKind

Kind = Event.Kind
Data = dict[str, Any]

CLOCK_WORDS = {
    ClockKind.ACKNOWLEDGE: "acknowledge",
    ClockKind.ACT: "act",
    ClockKind.FOLLOW_UP: "record the result",
    ClockKind.TELL_PATIENT: "tell the patient",
    ClockKind.REPORT_BY: "report",
    ClockKind.CONFIRM: "confirm",
    ClockKind.ANSWER: "answer the question",
    ClockKind.IMPROVE: "carry the improvement out",
}
# Notifications' own words for its channels; findings may not ask it.
CHANNEL_WORDS = {
    "in_app": "in this application",
    "email": "by e-mail",
    "sms": "by text message",
    "webhook": "by the trust's messaging",
}


@dataclass(frozen=True)
class Said:
    """One event in words: a sentence, what somebody wrote, and whether it tells of lateness."""

    sentence: str
    text: str = ""
    late: bool = False

    @property
    def whole(self) -> str:
        """The sentence and what somebody wrote, in one line."""
        return " ".join(part for part in (self.sentence, self.text) if part)


def say(event: Event) -> Said:
    """The event in words."""
    return SENTENCES[Kind(event.kind)](event.data)


def _flagged(data: Data) -> Said:
    # Its code, as it was then: the name in the table may have changed since.
    category = data.get("category", "").replace("_", " ")
    named = f" as {category}" if category else ""
    sentence = f"Flagged{named}; given to {data.get('owner', 'nobody')}."
    if code := data.get("alert_code"):
        sentence += (
            f" By the system, for {data.get('for', 'whoever reported it')}, since the report says"
            f" “{code}”; counted from when the report came."
        )
    return Said(sentence, data.get("why_this_owner", ""))


def _clock_started(data: Data) -> Said:
    due_at = moment(data.get("due_at"))
    limit = f": {clock_words(data)} by {words.until(due_at)}" if due_at else ""
    return Said(f"Clock started{limit}. Policy {data.get('policy', 'not recorded')}.")


def _clock_stopped(data: Data) -> Said:
    because = dict(Clock.StoppedBecause.choices).get(data.get("because", ""), "")
    why = f" {because}." if because else ""
    return Said(f"Clock to {clock_words(data)} stopped.{why}")


def clock_words(data: Data) -> str:
    kind = data.get("clock", "")
    return CLOCK_WORDS[ClockKind(kind)] if kind in CLOCK_WORDS else "answer"


def _step(data: Data) -> str:
    return step_words(data.get("audience", ""), data.get("words", ""))


def _step_fired(data: Data) -> Said:
    names = _names(data.get("told"))
    late = _lateness(data)
    # After a gap several steps are due at once; each person then gets one message.
    together = ", in one message with a later step" if data.get("overtaken_by") else ""
    sentence = f"Time to tell {_step(data)}{': ' + names if names else ''}{together}."
    return Said(sentence + late, _sentences(data.get("not_told")), late=bool(late))


def _names(told: object) -> str:
    return ", ".join(str(name) for name in told) if isinstance(told, list) else ""


def _sentences(given: object) -> str:
    """One sentence, or a list of them."""
    return " ".join(str(one) for one in given) if isinstance(given, list) else str(given or "")


def _lateness(data: Data) -> str:
    """Only where the engine was more than a minute behind its promise."""
    late = data.get("late_seconds") or 0
    if late < 60:
        return ""
    return f" This step was {words.length(timedelta(seconds=late))} late."


def _step_unreachable(data: Data) -> Said:
    return Said(f"Nobody could be told: {_step(data)}.", _sentences(data.get("because")), late=True)


def _step_brought_forward(data: Data) -> Said:
    due_at = moment(data.get("due_at"))
    planned = f", planned for {words.when(due_at)}" if due_at else ""
    sentence = f"Next step brought forward: {_step(data)} now{planned}."
    return Said(sentence, data.get("because", ""))


def _message(data: Data) -> str:
    """To whom and how, as far as the event says."""
    to = f" to {data['to']}" if data.get("to") else ""
    channel = data.get("channel", "")
    return f"{to} {CHANNEL_WORDS.get(channel, 'by ' + channel)}" if channel else to


def _sent(data: Data) -> Said:
    attempt = data.get("attempt") or 1
    tries = f" at attempt {attempt}" if attempt > 1 else ""
    return Said(f"Message sent{_message(data)}{tries}.")


def _send_failed(data: Data) -> Said:
    again = " It is tried again." if data.get("again") else ""
    sentence = f"Message not delivered{_message(data)}.{again}"
    return Said(sentence, _sentences(data.get("because")), late=True)


def _read(data: Data) -> Said:
    return Said("Read.")


def _phoned(data: Data) -> Said:
    called_at = moment(data.get("called_at"))
    when = f" on {words.when(called_at)}" if called_at else ""
    back = "Read back." if data.get("read_back") else "Not read back."
    took = " They took it on." if data.get("took_it_on") else ""
    return Said(f"Telephoned {data.get('to', '')}{when}. {back}{took}", data.get("said", ""))


def _acknowledged(data: Data) -> Said:
    planned = f", by {said_day(data['plan_by'])}" if data.get("plan_by") else ""
    return Said(f"Acknowledged: mine, and this is my plan{planned}.", data.get("plan", ""))


def _answered_late(data: Data) -> Said:
    return Said("An acknowledgement came too late. It changed nothing.", data.get("plan", ""))


def _declined(data: Data) -> Said:
    if data.get("named"):
        return Said(f"Declined: not mine; it belongs to {data['named']}.", data.get("because", ""))
    return Said("Declined: not mine, and I do not know whose.", data.get("because", ""))


def _handed_over(data: Data) -> Said:
    before, owner = data.get("owner_before", ""), data.get("owner", "")
    if data.get("taken_back"):
        return Said(
            f"Acknowledged by mistake, and taken back: {owner} holds it. The clock to acknowledge"
            " goes on as if nobody had answered.",
            data.get("because", ""),
        )
    return Said(f"Handed over from {before} to {owner}.", data.get("because", ""))


def _offered(data: Data) -> Said:
    sentence = (
        f"Offered to {data.get('to', 'somebody')}, who must accept; held as before till then."
    )
    return Said(sentence, data.get("because", ""))


OFFER_ENDS = {
    HandOver.Outcome.ACCEPTED: "The offer was accepted.",
    HandOver.Outcome.REFUSED: "The offer was refused; held as before.",
    HandOver.Outcome.TAKEN_BACK: "The offer was taken back; held as before.",
    HandOver.Outcome.OVERTAKEN: "The open offer ended.",
}


def _offer_ended(data: Data) -> Said:
    outcome = HandOver.Outcome(data.get("outcome", HandOver.Outcome.OVERTAKEN))
    return Said(OFFER_ENDS[outcome], data.get("because", ""))


def _acted(data: Data) -> Said:
    action = dict(Action.Kind.choices).get(data.get("action", ""), "not said what")
    expected = said_day(data.get("result_expected_on"))
    result = f" Result expected on {expected}." if expected else ""
    return Said(f"Action recorded: {action.lower()}.{result}", data.get("text", ""))


def _patient_told(data: Data) -> Said:
    if data.get("how") == Finding.ToldHow.NOT_TOLD:
        return Said("Recorded that the patient was not told.", data.get("note", ""))
    how = dict(Finding.ToldHow.choices).get(data.get("how", ""), "")
    if data.get("how") in Finding.ToldHow.of_the_dead():
        who = f", by {data['who']}" if data.get("who") else ""
        return Said(f"{how}{who}.", data.get("note", ""))
    told_at = moment(data.get("told_at"))
    moment_words = f" on {words.when(told_at)}" if told_at else ""
    who = f", by {data['who']}" if data.get("who") else ""
    return Said(f"Patient told {how.lower()}{moment_words}{who}.", data.get("note", ""))


def _refused(data: Data) -> Said:
    what = data.get("what", "answer it")
    return Said(f"Tried to {what}, and was refused. Nothing changed.", data.get("because", ""))


def _paused(data: Data) -> Said:
    until_at = moment(data.get("until"))
    until = f" until {words.until(until_at)}" if until_at else ""
    if data.get("pause") == Pause.Kind.DEATH:
        return Said(
            "The patient has died: no letter goes to them. What reminds of telling them is held"
            f"{until}. The limit stays."
        )
    if data.get("pause") == Pause.Kind.HOLD:
        return Said(f"Letter to the patient held{until}. The limit stays.", data.get("because", ""))
    return Said(f"Snoozed{until}. The limit stays.", data.get("because", ""))


def _pause_ended(data: Data) -> Said:
    held = data.get("pause") in (Pause.Kind.HOLD, Pause.Kind.DEATH)
    what = "The letter to the patient is no longer held" if held else "No longer snoozed"
    return Said(f"{what}; what waited is told as promised.")


def _patient_merged(data: Data) -> Said:
    return Said("Two records of this patient were merged. No limit moved.", data.get("because", ""))


def _merge_undone(data: Data) -> Said:
    stays = " This examination came after it, and stays with the record that was kept."
    said = f"The merge of records was undone. No limit moved.{stays if data.get('stays') else ''}"
    return Said(said, data.get("because", ""))


def _recommended(data: Data) -> Said:
    what, due_on = data.get("what", "examination"), said_day(data.get("due_on"))
    return Said(f"Further examination recommended: {what}, due by {due_on}.")


def _match_proposed(data: Data) -> Said:
    return Said(
        f"A later examination may be the one recommended: {data.get('examination', '')},"
        f" {data.get('accession', '')}. Somebody has to confirm it."
    )


def _match_refused(data: Data) -> Said:
    said = "None of the proposed examinations is the one recommended: it is still awaited."
    return Said(said, data.get("because", ""))


def _followed_up(data: Data) -> Said:
    outcome = dict(Recommendation.Outcome.choices).get(data.get("outcome", ""), "answered")
    return Said(f"Recommended examination: {outcome.lower()}.", data.get("because", ""))


def _letter_sent(data: Data) -> Said:
    return Said("Letter sent to the patient: to contact the team. The clock to tell them runs on.")


PATIENT_CHANGES = {
    PatientChange.Kind.DIED: "The patient died",
    PatientChange.Kind.DISCHARGED: "The patient was discharged",
    PatientChange.Kind.TRANSFERRED: "The patient was transferred",
}


def _patient_changed(data: Data) -> Said:
    happened_at = moment(data.get("happened_at"))
    when = f" on {words.when(happened_at)}" if happened_at else ""
    whereto = f", to {data['whereto']}" if data.get("whereto") else ""
    what = PATIENT_CHANGES[PatientChange.Kind(data.get("change", "died"))]
    return Said(f"{what}{when}{whereto}. The owner is asked again; no limit moves.")


def _patient_change_undone(data: Data) -> Said:
    what = PATIENT_CHANGES[PatientChange.Kind(data.get("change", "died"))]
    return Said(f"“{what}” was recorded by mistake.", data.get("because", ""))


def _confirmed(data: Data) -> Said:
    return Said("Still held by the same owner. No clock stops.", data.get("text", ""))


def _category_changed(data: Data) -> Said:
    before, after = (str(data.get(name, "")).replace("_", " ") for name in ("before", "after"))
    limits = [_limit_held(one) for one in data.get("limits") or []]
    why = data.get("later_because")
    later = f"The later limit may hold: {why}" if why else ""
    text = "\n".join(part for part in (data.get("because", ""), later) if part)
    return Said(" ".join([f"Category changed from {before} to {after}.", *limits]), text)


def _limit_held(limit: Data) -> str:
    """To act by …, as before, since it is nearer than …."""
    old, new, holds = (moment(limit.get(name)) for name in ("old", "new", "holds"))
    if old is None or new is None or holds is None:
        return ""
    held = f"To {clock_words(limit)} by {words.until(holds)}"
    if new == old:
        return f"{held}, as before."
    if holds == old:
        return f"{held}, as before: the new limit would be later, {words.until(new)}."
    return f"{held}; before it was {words.until(old)}."


def _closed(data: Data) -> Said:
    outcome = dict(Finding.Outcome.choices).get(data.get("outcome", ""), "no outcome")
    return Said(f"Closed: {outcome.lower()}.", data.get("note", ""))


def _rated(data: Data) -> Said:
    useful = dict(Rating.Useful.choices).get(data.get("useful", ""), "not said")
    return Said(f"The flag was rated: {useful.lower()}.", data.get("note", ""))


def _withdrawn(data: Data) -> Said:
    return Said("Withdrawn.", data.get("because", ""))


def _reopened(data: Data) -> Said:
    what = "The report changed; an answer" if data.get("report_changed", True) else "An answer"
    return Said(f"{what} is asked for anew.", data.get("because", ""))


def _note(data: Data) -> Said:
    return Said("Note.", data.get("text", ""))


SENTENCES: dict[Event.Kind, Callable[[Data], Said]] = {
    Kind.FLAGGED: _flagged,
    Kind.CLOCK_STARTED: _clock_started,
    Kind.CLOCK_STOPPED: _clock_stopped,
    Kind.STEP_FIRED: _step_fired,
    Kind.STEP_UNREACHABLE: _step_unreachable,
    Kind.STEP_BROUGHT_FORWARD: _step_brought_forward,
    Kind.SENT: _sent,
    Kind.SEND_FAILED: _send_failed,
    Kind.READ: _read,
    Kind.PHONED: _phoned,
    Kind.ACKNOWLEDGED: _acknowledged,
    Kind.ANSWERED_LATE: _answered_late,
    Kind.REFUSED: _refused,
    Kind.DECLINED: _declined,
    Kind.HANDED_OVER: _handed_over,
    Kind.OFFERED: _offered,
    Kind.OFFER_ENDED: _offer_ended,
    Kind.ACTED: _acted,
    Kind.ASKED: lambda data: Said("Asked the radiologist.", data.get("text", "")),
    Kind.REPLIED: lambda data: Said("Answered the question.", data.get("text", "")),
    Kind.PATIENT_TOLD: _patient_told,
    Kind.PAUSED: _paused,
    Kind.PAUSE_ENDED: _pause_ended,
    Kind.PATIENT_MERGED: _patient_merged,
    Kind.MERGE_UNDONE: _merge_undone,
    Kind.RECOMMENDED: _recommended,
    Kind.MATCH_PROPOSED: _match_proposed,
    Kind.MATCH_REFUSED: _match_refused,
    Kind.FOLLOWED_UP: _followed_up,
    Kind.LETTER_SENT: _letter_sent,
    Kind.PATIENT_CHANGED: _patient_changed,
    Kind.PATIENT_CHANGE_UNDONE: _patient_change_undone,
    Kind.CONFIRMED: _confirmed,
    Kind.CATEGORY_CHANGED: _category_changed,
    Kind.RATED: _rated,
    Kind.CLOSED: _closed,
    Kind.WITHDRAWN: _withdrawn,
    Kind.REOPENED: _reopened,
    Kind.NOTE: _note,
}
