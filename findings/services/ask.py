"""Asking the radiologist about a finding, and answering: each is told in the transaction of its
deed (docs/adr/0016). Neither is an answer to the finding, and neither stops or moves a clock of it;
the question has a clock of its own where the trust has a limit for answers (answer_by.py).
"""

from datetime import datetime

from django.db import transaction

from findings.models import Audience, Clock, Event, Finding, Person, Question
from findings.rules import NotAllowed, check_can_answer_question, check_can_ask
from findings.services.answer_by import await_answer
from findings.services.clocks import clock_of_state, stop_clocks, tell_news
from findings.services.timeline import lock, moment, record
from findings.words import when


def ask_radiologist(
    *, finding: Finding, by: Person, text: str, at: datetime | None = None
) -> Question:
    """Whoever flagged it is told; where they cannot be, the radiologists of the site. Each question
    stands for itself, whoever else waits for an answer."""
    if not text.strip():
        raise ValueError("A question needs words.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_ask(by, finding)
        if finding.questions.open().filter(asked_by=by, text=text.strip()).exists():
            raise ValueError("You have asked this already, and it waits for its answer.")
        at = at or moment(finding)
        question = Question.objects.create(
            finding=finding, text=text.strip(), asked_by=by, asked_at=at
        )
        record(finding=finding, kind=Event.Kind.ASKED, by=by, at=at, text=question.text)
        tell_news(
            finding=finding,
            clock=await_answer(question, at=at, by=by) or clock_of_state(finding),
            audience=Audience.QUESTION,
            words="a question about it",
            at=at,
            by=by,
        )
    return question


def answer_question(
    *, question: Question, by: Person, text: str, at: datetime | None = None
) -> Question:
    """Of a finding which may have ended since. Whoever asked is told."""
    if not text.strip():
        raise ValueError("An answer needs words.")
    with transaction.atomic():
        finding = lock(question.finding)
        check_can_answer_question(by, finding)
        question = finding.questions.get(pk=question.pk)
        if question.answered_at:
            first = f"{question.answered_by} answered it {when(question.answered_at)}."
            raise NotAllowed(f"{first} Another question still waits.")
        at = at or moment(finding)
        question.answer, question.answered_by, question.answered_at = text.strip(), by, at
        question.save()
        record(finding=finding, kind=Event.Kind.REPLIED, by=by, at=at, text=question.answer)
        because = Clock.StoppedBecause.ANSWERED
        stop_clocks(finding=finding, because=because, at=at, by=by, question=question)
        tell_news(
            finding=finding,
            clock=finding.clocks.order_by("-pk")[0],  # whether it runs or not: it is news
            audience=Audience.REPLY,
            words="the radiologist answered",
            at=at,
            by=by,
        )
    return question
