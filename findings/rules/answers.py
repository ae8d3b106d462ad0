"""Who may answer for a finding, and how: its holders, and whoever speaks for them."""

from django.db.models.functions import Now

from findings.models import (
    Finding,
    Pause,
    Person,
    Role,
)
from findings.rules.common import (
    as_answer,
    has_open,
    holds,
    is_paused,
    oversees,
    require,
    running_clocks,
)
from findings.states import CLOCK_OF, ClockKind, Move, MoveRefused, State, after
from findings.words import when


def check_can_acknowledge(person: Person, finding: Finding) -> None:
    require(holds(person, finding), "Only its owner or their team can acknowledge a finding.")
    after(State(finding.state), Move.ACKNOWLEDGE)


def check_can_decline(person: Person, finding: Finding) -> None:
    require(holds(person, finding), "Only its owner or their team can decline a finding.")
    after(State(finding.state), Move.DECLINE)


def check_can_offer(person: Person, finding: Finding) -> None:
    require(
        holds(person, finding), "Only its owner or their team can offer a finding to somebody else."
    )
    after(State(finding.state), Move.OFFER)
    require(
        not has_open(finding.offers),
        "It has been offered already. Take that offer back first.",
    )


def check_can_answer_offer(person: Person, finding: Finding) -> None:
    """Accept it, or refuse it."""
    theirs = [offer for offer in finding.offers.all() if offer.is_made_to(person)]
    require(bool(theirs), "Only somebody to whom a finding is offered can accept or refuse it.")
    if not any(offer.is_open for offer in theirs):
        raise MoveRefused("The offer has ended.")
    after(State(finding.state), Move.ACCEPT)


def check_can_take_back(person: Person, finding: Finding) -> None:
    require(holds(person, finding), "Only its owner or their team can take an offer back.")
    require(has_open(finding.offers), "There is no open offer to take back.")


def check_can_hand_over(person: Person, finding: Finding) -> None:
    require(
        oversees(person, finding),
        "Only a coordinator or a governance lead can give a finding to somebody else.",
    )
    after(State(finding.state), Move.HAND_OVER)


def check_can_take_acknowledgement_back(person: Person, finding: Finding) -> None:
    """Whoever gave it; once something was done there is more to take back than a press."""
    only_they = "Only whoever acknowledged a finding can take that back."
    require(holds(person, finding), only_they)
    if finding.state != State.ACKNOWLEDGED:
        raise MoveRefused("There is no acknowledgement that could be taken back.")
    require(person.pk == finding.acknowledged_by_id, only_they)


def check_can_act(person: Person, finding: Finding) -> None:
    require(holds(person, finding), "Only its owner or their team can record an action.")
    after(State(finding.state), Move.ACT)


def check_can_tell_patient(person: Person, finding: Finding) -> None:
    require(holds(person, finding), "Only its owner or their team can record this.")
    require(finding.is_open, "The finding has ended.")


def check_can_send_letter(person: Person, finding: Finding) -> None:
    """See the letter to the patient, and record that it was sent."""
    coordinates = oversees(person, finding) and person.has_role(Role.COORDINATOR)
    require(
        coordinates or holds(person, finding),
        "Only its owner, their team or a coordinator can write to the patient.",
    )
    require(finding.is_open, "The finding has ended.")
    require(
        finding.patient_told_at is None,
        "It is recorded already that the patient was told, or why not.",
    )
    require(
        finding.examination.patient.death() is None,
        "The patient has died: no letter goes to them.",
    )


def check_can_snooze(person: Person, finding: Finding) -> None:
    """Put one's own reminders off. Its service knows until when."""
    require(holds(person, finding), "Only its owner or their team can snooze a finding.")
    require(finding.is_open, "The finding has ended.")
    kind = CLOCK_OF[State(finding.state)]
    require(
        any(one.rule.snooze_within for one in running_clocks(finding, kind))
        and finding.clocks.running(kind).filter(due_at__gt=Now()).exists(),
        "This finding cannot be snoozed: its limit has passed, or its category allows none.",
    )


def check_can_hold_letter(person: Person, finding: Finding) -> None:
    require(holds(person, finding), "Only its owner or their team can hold the letter.")
    require(
        bool(running_clocks(finding, ClockKind.TELL_PATIENT)),
        "No letter to the patient is due.",
    )
    require(
        not has_open(finding.pauses, Pause.Kind.DEATH),
        "The letter is held already, as the patient has died.",
    )


def check_can_end_snooze(person: Person, finding: Finding) -> None:
    require(holds(person, finding), "Only its owner or their team can end this.")
    require(is_paused(finding, Pause.Kind.SNOOZE), "The finding is not snoozed.")


def check_can_end_hold(person: Person, finding: Finding) -> None:
    """A hold that somebody entered; what is held because of a death nobody ends."""
    require(holds(person, finding), "Only its owner or their team can end this.")
    require(is_paused(finding, Pause.Kind.HOLD), "No letter is held that somebody could send.")


def check_can_follow_up(person: Person, finding: Finding) -> None:
    """Say what became of the recommended examination."""
    require(holds(person, finding), "Only its owner or their team can answer this.")
    require(finding.is_open, "The finding has ended.")
    require(
        has_open(finding.recommendations),
        "No further examination is awaited for this finding.",
    )


def check_can_ask(person: Person, finding: Finding) -> None:
    """Ask the radiologist something: whoever answers for it, or oversees it."""
    require(
        holds(person, finding) or oversees(person, finding),
        "Only its owner, their team or whoever oversees it can ask the radiologist.",
    )
    require(finding.is_open, "The finding has ended.")


def check_can_answer_question(person: Person, finding: Finding) -> None:
    """Whoever flagged it, or any radiologist of its site; whether or not it has ended since."""
    require(
        may_answer_questions_of(person, finding),
        "Only a radiologist of the site where the images were made can answer.",
    )
    require(has_open(finding.questions), _no_question(finding))


def may_answer_questions_of(person: Person, finding: Finding) -> bool:
    """Whether one waits or not."""
    is_theirs = person.pk == finding.flagged_by_id or person.site_id == finding.site_id
    return person.has_role(Role.RADIOLOGIST) and is_theirs


def _no_question(finding: Finding) -> str:
    """Who was first, where somebody was."""
    answered = [(one.answered_at, one) for one in finding.questions.all() if one.answered_at]
    if not answered:
        return "No question waits for an answer."
    at, last = max(answered, key=lambda pair: pair[0])
    return f"{last.answered_by} answered it {when(at)}. No question waits for an answer."


def check_can_close(person: Person, finding: Finding) -> None:
    require(holds(person, finding), "Only its owner or their team can close a finding.")
    require(
        not has_open(finding.recommendations),
        "Say first what became of the recommended examination.",
    )
    after(State(finding.state), Move.CLOSE)


def check_can_rate(person: Person, finding: Finding) -> None:
    """Say how useful the flag was: whoever answers for it, once something was done about it."""
    require(holds(person, finding), "Only its owner or their team can rate a flag.")
    require(
        finding.state in (State.ACTED_ON, State.CLOSED),
        "A flag can be rated once something was done about it.",
    )


def check_can_record_call(person: Person, finding: Finding) -> None:
    """That they telephoned somebody about it: whoever flagged it, and whoever oversees it."""
    flagged_it = person.has_role(Role.RADIOLOGIST) and person.pk == finding.flagged_by_id
    require(
        flagged_it or oversees(person, finding),
        "Only the radiologist who flagged it or whoever oversees it can record a call.",
    )
    require(finding.is_open, "The finding has ended.")


def check_can_note(person: Person, finding: Finding) -> None:
    require(
        holds(person, finding) or oversees(person, finding) or person.pk == finding.flagged_by_id,
        "Only people concerned with a finding can add a note to it.",
    )


can_acknowledge = as_answer(check_can_acknowledge)
can_decline = as_answer(check_can_decline)
can_offer = as_answer(check_can_offer)
can_answer_offer = as_answer(check_can_answer_offer)
can_take_back = as_answer(check_can_take_back)
can_hand_over = as_answer(check_can_hand_over)
can_act = as_answer(check_can_act)
can_take_acknowledgement_back = as_answer(check_can_take_acknowledgement_back)
can_tell_patient = as_answer(check_can_tell_patient)
can_send_letter = as_answer(check_can_send_letter)
can_snooze = as_answer(check_can_snooze)
can_hold_letter = as_answer(check_can_hold_letter)
can_end_snooze = as_answer(check_can_end_snooze)
can_end_hold = as_answer(check_can_end_hold)
can_follow_up = as_answer(check_can_follow_up)
can_ask = as_answer(check_can_ask)
can_answer_question = as_answer(check_can_answer_question)
can_close = as_answer(check_can_close)
can_rate = as_answer(check_can_rate)
can_record_call = as_answer(check_can_record_call)
can_note = as_answer(check_can_note)
