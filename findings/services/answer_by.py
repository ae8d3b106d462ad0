"""By when a radiologist has to have answered a question: a clock of each question (docs/adr/0037).

The number is a trust's own, and none is shipped. Where none is in force no such clock runs: the
question is told once, and the pages say that nobody is told again. Its ladder is the radiologist,
then those of the site, then the coordinators. It ends with the answer or with the finding, and no
clock of the finding hears of it.

Every caller holds the finding's lock.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from findings.models import Clock, Finding, Person, Question, Rule
from findings.models.question import QuestionQuerySet
from findings.services.clocks import start_clock
from findings.services.policy import PolicyError, limit_at, rule_to_promise
from findings.services.policy_checks import QUESTION_POLICIES, QUESTION_POLICY
from findings.services.timeline import lock, moment
from findings.states import OPEN, ClockKind

Limit = tuple[datetime, Rule]


def answer_limit(finding: Finding, asked_at: datetime) -> Limit | None:
    """Until when a question of then has to be answered (UTC), and whose limit that is: the nearest
    of those that hold for its category. None where the trust has none."""
    return min(_limits(finding, asked_at), key=lambda limit: limit[0], default=None)


def _limits(finding: Finding, asked_at: datetime) -> Iterator[Limit]:
    own = QUESTION_POLICIES.get(finding.category_id, QUESTION_POLICY)
    for policy_id in dict.fromkeys((own, QUESTION_POLICY)):
        try:
            rule = rule_to_promise(policy_id)
        except PolicyError:
            continue  # not loaded, or nobody signed it: it does not hold
        if due_at := limit_at(rule, ClockKind.ANSWER, asked_at, finding.site):
            yield due_at, rule


def await_answer(question: Question, *, at: datetime, by: Person | None) -> Clock | None:
    """Start its clock, counted from when it was asked. What had fallen due by now falls at once."""
    limit = answer_limit(question.finding, question.asked_at)
    if limit is None:
        return None
    due_at, rule = limit
    return start_clock(
        finding=question.finding,
        kind=ClockKind.ANSWER,
        question=question,
        rule=rule,
        started_at=question.asked_at,
        due_at=due_at,
        at=at,
        by=by,
    )


def await_answers_again(finding: Finding, *, at: datetime) -> list[Clock]:
    """It is open again, or there was no limit before: whoever asked still waits."""
    waiting = without_clock().filter(finding=finding)
    clocks = [await_answer(question, at=at, by=None) for question in waiting]
    return [clock for clock in clocks if clock]


def without_clock() -> QuestionQuerySet:
    """Open questions about open findings that no clock counts down."""
    awaited = Clock.objects.running(ClockKind.ANSWER).filter(question=OuterRef("pk"))
    of_open = Question.objects.open().filter(finding__state__in=OPEN)
    return of_open.filter(~Exists(awaited)).select_related("finding")


def missing_clocks() -> int:
    """How many `start_missing_clocks` would start now: none where the trust has no limit."""
    waiting = without_clock().select_related("finding__site__organisation")
    return sum(bool(answer_limit(one.finding, one.asked_at)) for one in waiting)


def start_missing_clocks(finding: Finding) -> list[Clock]:
    """Of questions that were asked before the trust had a limit for answers. Doing it twice changes
    nothing."""
    with transaction.atomic():
        finding = lock(finding)
        return await_answers_again(finding, at=moment(finding)) if finding.is_open else []
