"""Questions to the radiologist on a page: until when each is to be answered, and what then."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from findings.models import Clock, Question
from findings.presenters.steps import StepLine
from findings.services.answer_by import Limit
from findings.words import due

THEN = (
    "If nobody has answered by then, the radiologist is told again, then the other radiologists of"
    " the site, and then the coordinators."
)
NO_LIMIT = (
    "Your trust keeps no limit for an answer, and nobody is told twice; if it cannot wait,"
    " telephone."
)


def awaited_by(limit: Limit | None, now: datetime) -> str:
    """Before it is asked: what is promised of the answer, in sentences."""
    if limit is None:
        return NO_LIMIT
    return f"The answer is {due(limit[0], now)}. {THEN}"


@dataclass(frozen=True)
class QuestionShown:
    """One question with its promise."""

    question: Question
    # Until when it is to be answered; None where no clock of it runs.
    due_at: datetime | None
    # Who hears of it unless somebody answers.
    coming: list[StepLine]


def questions_shown(
    questions: Iterable[Question],
    clocks: Iterable[Clock],
    coming: Sequence[StepLine],
) -> list[QuestionShown]:
    """`clocks`: those of the finding that run; `coming`: what is still to come of all of them."""
    running = {clock.question_id: clock for clock in clocks if clock.question_id}
    return [_shown(one, running.get(one.pk), coming) for one in questions]


def _shown(question: Question, clock: Clock | None, coming: Sequence[StepLine]) -> QuestionShown:
    if clock is None:
        return QuestionShown(question, None, [])
    return QuestionShown(question, clock.due_at, [one for one in coming if one.clock == clock.pk])
