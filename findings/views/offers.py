"""Handing over by consent: offer, accept, refuse, take back."""

from django.http import HttpRequest, HttpResponse

from findings import reach, rules
from findings.forms.answers import AcknowledgeForm, AnswerForm
from findings.forms.offers import OfferForm, RefuseForm
from findings.models import Audience, Finding, Person
from findings.presenters.answering import next_limit
from findings.services.acknowledge import accept_offer
from findings.services.offer import offer_finding, refuse_offer, take_offer_back
from findings.services.timeline import database_now
from findings.timetable import PlannedStep
from findings.views.answering import Answer, answer_page, keep_late


def offer(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, OFFER)


def accept(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, ACCEPT)


def refuse(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, REFUSE)


def back(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, TAKE_BACK)


# --- What each does; every function returns what the next page says ---------------------------


def _offer(finding: Finding, by: Person, form: OfferForm) -> str:
    made = offer_finding(finding=finding, by=by, because=form.cleaned_data["because"], **form.to)
    return (
        f"Offered to {made.receiver}. {_told(finding)} Until they accept, it stays with"
        f" {finding.owner}. {next_limit(finding)}."
    )


def _told(finding: Finding) -> str:
    """Whether the offer reaches anybody, by the function that the engine asks."""
    step = PlannedStep(0, database_now(), Audience.OFFERED, "")
    (shown,) = reach.preview(reach.Subject.of(finding), [step])
    if shown.reaches_somebody:
        return "They are told now."
    return f"No message can reach them: {' '.join(shown.reasons)} Telephone them."


def _accept(finding: Finding, by: Person, form: AcknowledgeForm) -> str:
    accept_offer(finding=finding, by=by, plan=form.plan, plan_by=form.planned_day)
    return f"You hold this finding now. {next_limit(finding)}."


def _refuse(finding: Finding, by: Person, form: RefuseForm) -> str:
    refuse_offer(finding=finding, by=by, because=form.cleaned_data["because"])
    return f"Refused. It stays with {finding.owner}, who is told now."


def _take_back(finding: Finding, by: Person, form: AnswerForm) -> str:
    taken = take_offer_back(finding=finding, by=by)
    return f"The offer to {taken.receiver} is taken back. {next_limit(finding)}."


OFFER = Answer(
    title="Offer the finding to somebody else",
    button="Offer",
    form=OfferForm,
    check=rules.check_can_offer,
    take=_offer,
    lead="Until they accept, it stays yours and the clock runs on. They are told at once.",
)
ACCEPT = Answer(
    title="Accept the finding, and this is my plan",
    button="Accept",
    form=AcknowledgeForm,
    check=rules.check_can_answer_offer,
    take=_accept,
    lead="You hold the finding from now on. The time to act still counts from the flag.",
    keep_late=keep_late,
)
REFUSE = Answer(
    title="Refuse the offer",
    button="Refuse",
    form=RefuseForm,
    check=rules.check_can_answer_offer,
    take=_refuse,
    lead="It stays with whoever holds it now; they are told at once.",
)
TAKE_BACK = Answer(
    title="Take the offer back",
    button="Take it back",
    form=AnswerForm,
    check=rules.check_can_take_back,
    take=_take_back,
    lead="Whoever was asked can no longer accept it.",
)
