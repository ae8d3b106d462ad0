"""Asking the radiologist, and answering, on pages of the finding; and what waits for an answer."""

from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse

from findings import reach, rules
from findings.forms.questions import AskForm, ReplyForm
from findings.models import Audience, Clock, Finding, Person, Question
from findings.models.question import QuestionQuerySet
from findings.presenters.questions import awaited_by
from findings.services.answer_by import answer_limit
from findings.services.ask import answer_question, ask_radiologist
from findings.services.timeline import database_now
from findings.timetable import PlannedStep
from findings.views.answering import Answer, answer_page


def ask(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, ASK)


def reply(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, REPLY)


def waiting_for(person: Person) -> QuestionQuerySet:
    """Open questions that they can answer, the oldest first."""
    theirs = Q(finding__flagged_by=person) | Q(finding__site=person.site_id)
    found = Question.objects.open().filter(theirs)
    return found.select_related(
        "asked_by", "finding__category", "finding__examination__patient", "finding__flagged_by"
    ).prefetch_related(Prefetch("clocks", Clock.objects.running()))


def _who_hears(finding: Finding, by: Person) -> reach.StepPreview:
    step = PlannedStep(0, database_now(), Audience.QUESTION, "")
    (shown,) = reach.preview(reach.Subject.of(finding, done_by=by), [step])
    return shown


def _ask(finding: Finding, by: Person, form: AskForm) -> str:
    told = _who_hears(finding, by)
    ask_radiologist(finding=finding, by=by, text=form.cleaned_data["text"])
    if not told.reaches_somebody:
        return (
            "Your question is kept, and no message can reach anybody: telephone if it cannot wait."
        )
    return "Your question is asked. You are told of the answer, and it stands on this page."


def _lead(finding: Finding) -> str:
    now = database_now()
    limit = answer_limit(finding, now)
    return (
        f"It is no answer to the finding: no clock of it stops or moves. {awaited_by(limit, now)}"
    )


def _reply(finding: Finding, by: Person, form: ReplyForm) -> str:
    question = answer_question(question=form.chosen, by=by, text=form.cleaned_data["text"])
    return f"Answered. {question.asked_by} is told now."


ASK = Answer(
    title="Ask the radiologist",
    button="Ask",
    form=AskForm,
    check=rules.check_can_ask,
    take=_ask,
    lead_of=_lead,
    tells=_who_hears,
)
REPLY = Answer(
    title="Answer the question",
    button="Send the answer",
    form=ReplyForm,
    check=rules.check_can_answer_question,
    take=_reply,
    lead="Whoever asked is told now. No clock of the finding stops or moves.",
)
