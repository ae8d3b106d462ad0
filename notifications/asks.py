"""What a notification asks, of whom and by when: the words of every kind of telling.

Of a finding: an answer, an offer, news. Of an examination without a report: that somebody sees to
it. Nothing here names what was found; see `messages.py`, which puts these words into a message.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.conf import settings

from findings.models import Audience, Clock, Event, Finding, ReportStatus, Step
from findings.rules import can_answer_proposals_of, may_answer_questions_of
from findings.services.clocks import REPORT_CHANGED
from findings.services.pause import NOT_SAID_WHO
from findings.states import ClockKind
from findings.words import capital, due, length, until
from notifications.escalation import asks_for_an_answer
from notifications.models import Notification
from notifications.own_words import Wordings, say
from notifications.standing import Standing
from notifications.wording import Written


@dataclass(frozen=True)
class Words:
    """What is asked while a clock of one kind runs."""

    verb: str
    # To whoever holds it, and to those whom the ladder reached.
    headline: str
    headline_above: str
    # Of whoever may answer, and of whoever can only see that somebody does.
    to_do: str
    see_to_it: str


WORDS = {
    ClockKind.ACKNOWLEDGE: Words(
        "answer",
        "A finding needs your answer.",
        "A finding has not been answered.",
        "Please read it and answer: yours, with your plan, or not yours, and why.",
        "Please see that somebody takes it on.",
    ),
    ClockKind.ACT: Words(
        "record what was done",
        "A finding that you hold is waiting for action.",
        "A finding is waiting for action.",
        "Please act on it, and record what was done.",
        "Please see that somebody acts on it and records it.",
    ),
    ClockKind.FOLLOW_UP: Words(
        "record the result",
        "A result or an examination that you wait for about a finding is expected.",
        "A result or an examination that is awaited about a finding has not been recorded.",
        "Please look for it, then record it and close the finding, or say what comes next.",
        "Please see that somebody looks for it and records it.",
    ),
    ClockKind.TELL_PATIENT: Words(
        "record that the patient was told",
        "Nobody has recorded yet that the patient was told of this finding.",
        "Nobody has recorded yet that the patient was told of this finding.",
        "Please tell the patient and record it, or record why not.",
        "Please see that the patient is told. The finding's page has a letter that asks them to"
        " contact their team.",
    ),
}

# Who may answer for a finding themselves, of those whom a ladder tells.
_ANSWERING = (Audience.OWNER, Audience.RESPONSIBLE, Audience.TEAM, Audience.DEPARTMENT)

NOT_TO_THE_PATIENT = Words(
    "record who was told",
    "Nobody has recorded yet who was told of this finding.",
    "Nobody has recorded yet who was told of this finding.",
    "Please read on the finding's page what is asked, and record it. Do not write to the patient.",
    "Please see that somebody records it: the finding's page says what is asked. Do not write to"
    " the patient.",
)


def what_is_asked(
    notification: Notification,
    urgency: str,
    at: datetime,
    standing: Standing,
    wordings: Wordings,
) -> dict[str, str]:
    """Parts of a message by name: `subject`, `headline`, `to_do` and `limit`, as it stands at `at`
    (UTC); and `urgency` and `why` where they are not those of its step and of whoever is told."""
    if notification.improvement:
        return _improves(notification, at)
    if notification.finding is None:
        if notification.step.clock.kind == ClockKind.CONFIRM:
            return _to_confirm(notification, urgency, at, standing)
        return _waits(notification, at)
    audience = Audience(notification.step.audience)
    if audience == Audience.OFFERED:
        return _offered(notification, urgency, at)
    if audience in _TOLD:
        return _TOLD[audience](notification, urgency)
    if asks_for_an_answer(notification.step):
        if notification.step.clock.kind == ClockKind.ANSWER:
            return _unanswered(notification, urgency, at, standing)
        return _asked(notification, urgency, at, standing, wordings)
    return _undelivered(notification.its_finding.reference, urgency)


def _waits(notification: Notification, at: datetime) -> dict[str, str]:
    """Of an examination without a report. What was imaged, and why, is on its page."""
    step, clock = notification.step, notification.step.clock.in_force
    reference = notification.subject.reference
    if not asks_for_an_answer(step):
        return _undelivered_of_wait(reference, "for its report")
    return {
        "subject": f"Examination: {_ask('see that it is reported', clock, at)} ({reference})",
        "headline": "An examination waits for its report.",
        "to_do": "Please see that it is reported, or say on its page why no report is to be"
        " expected.",
        "limit": _limit(clock.due_at, at),
    }


def _improves(notification: Notification, at: datetime) -> dict[str, str]:
    """Of an improvement that somebody was asked for. What it is, is on its page."""
    step, clock = notification.step, notification.step.clock.in_force
    reference, person = notification.subject.reference, notification.recipient
    if not asks_for_an_answer(step):
        return {
            "subject": f"Improvement: message not delivered ({reference})",
            "headline": "A message about an improvement could not be delivered to its owner.",
            "to_do": "The next step of its ladder has been brought forward. If you know a quicker"
            " way to reach them, please use it, or give it to somebody else on its page.",
            "limit": "",
        }
    is_theirs = person.pk == notification.its_improvement.owner_id
    return {
        "subject": f"Improvement: {_ask('carry it out', clock, at)} ({reference})"
        if is_theirs
        else f"Improvement: {_ask('see that it is done', clock, at)} ({reference})",
        "headline": "An improvement that you own is not done yet."
        if is_theirs
        else "An improvement is not done yet.",
        "to_do": "Please carry it out and record on its page where that can be seen."
        if is_theirs
        else "Please see that it is carried out, give it to somebody else, or give it up with a"
        " reason.",
        "limit": _limit(clock.due_at, at),
    }


def _to_confirm(
    notification: Notification, urgency: str, at: datetime, standing: Standing
) -> dict[str, str]:
    """An alert code of a report: what it says is on the page."""
    step, clock, person = notification.step, notification.step.clock, notification.recipient
    examination, reference = notification.its_examination, notification.subject.reference
    if not asks_for_an_answer(step):
        return _undelivered_of_wait(reference, "to be confirmed")
    to_do = "Please read the report, and flag the finding or say that it is none."
    if not can_answer_proposals_of(person, examination):
        to_do = "Please see that a radiologist of the site reads it and answers."
    return {
        "subject": f"{urgency or 'Examination'}: {_ask('confirm an alert code', clock, at)}"
        f" ({reference})",
        "headline": "An alert code in a report waits to be confirmed.",
        "to_do": f"{to_do} What nobody has answered by then is flagged as it is proposed.",
        "limit": _limit(clock.due_at, at),
        "why": standing.why_confirm(examination, person),
    }


def _undelivered_of_wait(reference: str, waits: str) -> dict[str, str]:
    return {
        "subject": f"Examination: message not delivered ({reference})",
        "headline": f"A message about an examination that waits {waits} could not be delivered.",
        "to_do": "The next step of its ladder has been brought forward. If you know a quicker"
        " way to reach whoever sees to it, please use it.",
        "limit": "",
    }


def _offered(notification: Notification, urgency: str, at: datetime) -> dict[str, str]:
    reference, clock = notification.its_finding.reference, notification.step.clock.in_force
    return {
        "subject": f"{_prefix(urgency)}please answer whether you take it over ({reference})",
        "headline": "You are asked to take a finding over.",
        "to_do": "Please read it and accept, with your plan, or refuse, with your reason. Until you"
        " accept, it stays with whoever holds it now, and their clock runs on.",
        "limit": _limit(clock.due_at, at),
        "why": "it was offered to you or to your team",
    }


def _accepted(notification: Notification, urgency: str) -> dict[str, str]:
    reference = notification.its_finding.reference
    return {
        "subject": f"{_prefix(urgency)}your offer was accepted ({reference})",
        "headline": "The finding that you offered was accepted.",
        "to_do": "You do not hold it any more, and need do nothing.",
        "limit": "",
        "why": "you offered it",
    }


def _withdrawn(notification: Notification, urgency: str) -> dict[str, str]:
    finding = notification.its_finding
    return {
        "subject": f"{f'{urgency} finding'.strip().capitalize()} withdrawn: nothing to do"
        f" ({finding.reference})",
        # Not urgent any more, whatever it was.
        "urgency": "",
        "headline": "A finding that you were told of has been withdrawn.",
        "to_do": "Nothing needs to be done about it, and nothing more will be sent about it. If you"
        " have arranged something because of it, see whether that is still wanted. Who withdrew"
        " it and why is on its page.",
        "limit": "",
        "why": "you hold this finding, flagged it or were told of it",
    }


def _corrected(notification: Notification, urgency: str) -> dict[str, str]:
    finding = notification.its_finding
    return {
        "subject": f"{_prefix(urgency)}the report has changed ({finding.reference})",
        "headline": f"A finding that you acknowledged: {_what_changed(finding)}",
        "to_do": f"You need not answer: {_holder(finding)} holds it now and is asked to. If you"
        " have arranged something because of it, read what changed.",
        "limit": "",
        "why": "you acknowledged this finding before it went to somebody else",
    }


def _corrected_unanswered(notification: Notification, urgency: str) -> dict[str, str]:
    """It asks nothing new, and takes back nothing of what was asked before."""
    finding = notification.its_finding
    to_do = "What was asked of you before still stands, since nobody has answered yet."
    if finding.acknowledged_at:
        to_do = "It has been answered since, and you need do nothing more."
    return {
        "subject": f"{_prefix(urgency)}the report has changed ({finding.reference})",
        "headline": f"A finding that you were told of: {_what_changed(finding)}",
        "to_do": f"Whoever holds it is asked again. {to_do} If you have arranged something because"
        " of it, read what changed.",
        "limit": "",
        "why": "you were told of this finding before its report changed",
    }


def _question(notification: Notification, urgency: str) -> dict[str, str]:
    reference = notification.its_finding.reference
    return {
        "subject": f"{_prefix(urgency)}a question for the radiologist ({reference})",
        "headline": "Somebody asks a question about a finding.",
        "to_do": "Please read it on the finding's page and answer it there: whoever asked is told.",
        "limit": "",
        "why": "you flagged this finding, or report at the site where the images were made",
    }


def _unanswered(
    notification: Notification, urgency: str, at: datetime, standing: Standing
) -> dict[str, str]:
    """Of a question for whose answer the limit has passed. Of several each has a message of its
    own, as each has a promise of its own."""
    finding, person = notification.its_finding, notification.recipient
    clock = notification.step.clock
    to_do = "Please read it on the finding's page and answer it there: whoever asked is told."
    if not may_answer_questions_of(person, finding):
        to_do = "Please see that a radiologist of the site reads it and answers."
    return {
        "subject": f"{_prefix(urgency)}{_ask('answer a question', clock, at)}"
        f" ({finding.reference})",
        "headline": "A question about a finding waits for a radiologist.",
        "to_do": to_do,
        "limit": _limit(clock.due_at, at),
        "why": standing.why_question(finding, person),
    }


def _reply(notification: Notification, urgency: str) -> dict[str, str]:
    reference = notification.its_finding.reference
    return {
        "subject": f"{_prefix(urgency)}your question was answered ({reference})",
        "headline": "The radiologist answered your question about a finding.",
        "to_do": "The answer is on the finding's page. What was asked of you before still stands.",
        "limit": "",
        "why": "you asked the question",
    }


# What is told by whom it is told to, whatever clock it belongs to.
_TOLD = {
    Audience.OFFERED_BY: _accepted,
    Audience.WITHDRAWN: _withdrawn,
    Audience.ACKNOWLEDGER: _corrected,
    Audience.TOLD: _corrected_unanswered,
    Audience.QUESTION: _question,
    Audience.REPLY: _reply,
}


def _holder(finding: Finding) -> str:
    """Names no team: what it is for would say what was found."""
    return str(finding.owner_person) if finding.owner_person else "another team"


def _what_changed(finding: Finding) -> str:
    if finding.report.status == ReportStatus.WITHDRAWN:
        return "its report was withdrawn by its sender."
    return "its report has changed."


def _undelivered(reference: str, urgency: str) -> dict[str, str]:
    return {
        "subject": f"{_prefix(urgency)}message not delivered ({reference})",
        "headline": "A message about this finding could not be delivered.",
        "to_do": "The next step of its ladder has been brought forward. If you know a quicker way"
        " to reach whoever holds it, please use it.",
        "limit": "",
    }


def _asked(
    notification: Notification,
    urgency: str,
    at: datetime,
    standing: Standing,
    wordings: Wordings,
) -> dict[str, str]:
    finding, step, person = notification.its_finding, notification.step, notification.recipient
    clock = step.clock.in_force
    words = _words_of(clock, step)
    holds_it = step.audience == Audience.OWNER or person.pk == finding.owner_person_id
    headline = words.headline if holds_it else words.headline_above
    if _asks_again(finding, step):
        headline = f"{headline.rstrip('.')}: {_what_changed(finding)}"
    elif words is not NOT_TO_THE_PATIENT and (
        own := _own_words(finding, step, clock, urgency, at, wordings)
    ):
        return own
    return {
        "subject": f"{_prefix(urgency)}{_ask(words.verb, clock, at)} ({finding.reference})",
        "headline": headline,
        "to_do": words.to_do if standing.can_answer(finding, person) else words.see_to_it,
        "limit": _limit(clock.due_at, at),
    }


def _own_words(
    finding: Finding, step: Step, clock: Clock, urgency: str, at: datetime, wordings: Wordings
) -> dict[str, str]:
    """The trust's, where it has any for this step and they can be used; else nothing. Not of what
    is out of the ordinary, of which they know nothing: a report that changed, or a death."""
    wording = wordings.of(finding, step, clock.kind)
    if wording is None:
        return {}
    limit = clock.due_at
    values = {
        "reference": finding.reference,
        "urgency": urgency,
        "by": f"by {_by(limit, at)}" if limit > at else f"at once: {length(at - limit)} late",
        "due": due(limit, at),
        "role": Audience(step.audience).label,
        "link": f"{settings.BASE_URL}{path_of_finding(finding)}",
    }
    said = say(wording, values)
    if said is None:
        return {}
    return said._asdict() | {
        "subject": f"{_prefix(urgency)}{said.subject}",
        "limit": _limit(limit, at),
    }


def as_shipped(kind: ClockKind, audience: Audience) -> Written:
    """What a trust begins with that words the message of a step itself."""
    words = WORDS[kind]
    return Written(
        f"please {words.verb} {{by}} ({{reference}})",
        words.headline if audience == Audience.OWNER else words.headline_above,
        words.to_do if audience in _ANSWERING else words.see_to_it,
    )


def path_of_finding(finding: Finding) -> str:
    return f"/findings/{finding.reference}/"


def _words_of(clock: Clock, step: Step) -> Words:
    """Of a patient who has died nobody is asked to tell or write to them; that they died is not
    said here either."""
    kind = ClockKind(clock.kind)
    if kind == ClockKind.TELL_PATIENT and _is_for_the_dead(clock, step):
        return NOT_TO_THE_PATIENT
    return WORDS[kind]


def _is_for_the_dead(clock: Clock, step: Step) -> bool:
    """Held until the limit; or, where that had passed, what everybody was told last."""
    if step.words == NOT_SAID_WHO or clock.pauses.deaths().exists():
        return True
    return clock.steps.filter(words=NOT_SAID_WHO, pk__gt=step.pk).exists()


def _asks_again(finding: Finding, step: Step) -> bool:
    """Whether it asks because the report says something else than when it was flagged."""
    was_corrected = finding.counts_from > finding.flagged_at
    return step.words == REPORT_CHANGED or (
        was_corrected
        and step.clock.kind == ClockKind.ACKNOWLEDGE
        and _reopened_by_the_report(finding)
    )


def _reopened_by_the_report(finding: Finding) -> bool:
    """It may also be open again because a death was recorded by mistake."""
    reopened = finding.events.filter(kind=Event.Kind.REOPENED).order_by("-number").first()
    return reopened is None or reopened.data.get("report_changed", True)


def _prefix(urgency: str) -> str:
    return f"{urgency or 'Finding'}: "


def _ask(verb: str, clock: Clock, at: datetime) -> str:
    """What to do comes first: a lock screen shows some forty letters."""
    if clock.due_at > at:
        return f"please {verb} by {_by(clock.due_at, at)}"
    return f"please {verb}, {length(at - clock.due_at)} late"


@lru_cache(maxsize=128)  # a step tells several people
def _by(due_at: datetime, at: datetime) -> str:
    """As short as a subject wants it: today at 14:05 becomes 14:05 today."""
    day, _, time = until(due_at, at).partition(" at ")
    if not time:
        return day
    return f"{time} {day}" if day in ("today", "tomorrow", "yesterday") else f"{time} on {day}"


@lru_cache(maxsize=128)
def _limit(due_at: datetime, at: datetime) -> str:
    """A sentence with the time in London, as everywhere."""
    return f"{capital(due(due_at, at))}."
