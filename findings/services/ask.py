"""Asking the radiologist about a finding, and answering: each is told in the transaction of its
deed (docs/adr/0016). Neither is an answer to the finding, and neither stops or moves a clock.
"""

from datetime import datetime

from django.db import transaction

from findings.models import Audience, Event, Finding, Person, Question
from findings.rules import check_can_answer_question, check_can_ask
from findings.services.clocks import clock_of_state, tell_news
from findings.services.timeline import lock, moment, record


def ask_radiologist(
    *, finding: Finding, by: Person, text: str, at: datetime | None = None
) -> Question:
    """Whoever flagged it is told; where they cannot be, the radiologists of the site."""
    if not text.strip():
        raise ValueError("A question needs words.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_ask(by, finding)
        at = at or moment(finding)
        question = Question.objects.create(
            finding=finding, text=text.strip(), asked_by=by, asked_at=at
        )
        record(finding=finding, kind=Event.Kind.ASKED, by=by, at=at, text=question.text)
        tell_news(
            finding=finding,
            clock=clock_of_state(finding),
            audience=Audience.QUESTION,
            words="a question about it",
            at=at,
            by=by,
        )
    return question


def answer_question(
    *, finding: Finding, by: Person, text: str, at: datetime | None = None
) -> Question:
    """The open question of this finding, which may have ended since. Whoever asked is told."""
    if not text.strip():
        raise ValueError("An answer needs words.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_answer_question(by, finding)
        at = at or moment(finding)
        question = finding.questions.open().get()
        question.answer, question.answered_by, question.answered_at = text.strip(), by, at
        question.save()
        record(finding=finding, kind=Event.Kind.REPLIED, by=by, at=at, text=question.answer)
        tell_news(
            finding=finding,
            clock=finding.clocks.order_by("-pk")[0],  # whether it runs or not: it is news
            audience=Audience.REPLY,
            words="the radiologist answered",
            at=at,
            by=by,
        )
    return question
