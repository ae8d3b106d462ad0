"""How every answer is taken: its page, its check, its service, and who was first.

A GET shows the form and changes nothing. A POST locks the finding, refuses if a decision was made
since the page was drawn, and only then answers: nothing is overwritten, nothing typed is lost.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from findings.forms.answers import AcknowledgeForm, AnswerForm, DeclineForm
from findings.models import Finding, Person
from findings.presenters.answering import last_decision, overtaken
from findings.reach import StepPreview
from findings.rules import NotAllowed
from findings.services.acknowledge import keep_late_acknowledgement
from findings.services.policy import PolicyError
from findings.services.timeline import lock, on_behalf_of
from findings.states import MoveRefused
from findings.views.access import is_from_desk, saw, signed_in, visible_finding
from findings.views.form_page import form_page
from findings.views.numbers import number_in


@dataclass(frozen=True)
class Answer:
    """One answer: what its page says, who may give it, and the service that takes it."""

    title: str
    button: str
    form: Callable[..., AnswerForm]
    check: Callable[[Person, Finding], None]
    # Takes the finding, the person and the valid form; returns the words for the next page.
    take: Callable[[Finding, Person, Any], str]
    # A sentence above the form: what the answer does.
    lead: str = ""
    # The same where it is not the same for every finding.
    lead_of: Callable[[Finding], str] | None = None
    variant: str = ""
    # Keeps it where it came too late; whether it did. Takes the number of the decision it had seen.
    keep_late: Callable[[Finding, Person, Any, int], bool] | None = None
    # Whom the answer tells of itself, shown before it is given.
    tells: Callable[[Finding, Person], StepPreview] | None = None


class _SeenTooLittle(Exception):
    """A decision was made since the page was drawn."""


@require_http_methods(["GET", "HEAD", "POST"])
def answer_page(request: HttpRequest, reference: str, answer: Answer) -> HttpResponse:
    """The page of one answer for the finding with this reference."""
    finding, by = visible_finding(request, reference), signed_in(request)
    posted = request.POST if request.method == "POST" else None
    form = answer.form(finding=finding, by=by, seen=last_decision(finding), data=posted)
    form.initial.update({name: request.GET[name] for name in form.from_link if name in request.GET})
    try:
        answer.check(by, finding)
        if posted is None or not form.is_valid():
            return _page(request, finding, answer, form)
        words = _take(finding, by, answer, form)
    except NotAllowed as refusal:
        return _refused(request, reference, answer, form, str(refusal))
    except (MoveRefused, _SeenTooLittle):
        return _too_late(request, reference, answer, form)
    except (PolicyError, ValueError) as error:
        form.add_error(None, str(error))
        return _page(request, finding, answer, form)
    if is_from_desk(request):
        messages.success(request, f"{reference}: {words}")
        return redirect("desk")
    messages.success(request, words)
    return _onwards(by, reference)


def _take(finding: Finding, by: Person, answer: Answer, form: AnswerForm) -> str:
    with transaction.atomic():
        finding = lock(finding)
        answer.check(by, finding)
        if last_decision(finding) != form.has_seen:
            raise _SeenTooLittle
        return answer.take(finding, by, form)


def _onwards(by: Person, reference: str) -> HttpResponse:
    """Back to the finding; or, where the answer gave it away, to the list."""
    if Finding.objects.visible_to(by).filter(reference=reference).exists():
        return redirect("finding", reference)
    return redirect("home")


def _page(request: HttpRequest, finding: Finding, answer: Answer, form: AnswerForm) -> HttpResponse:
    if request.method != "HEAD":
        saw(request, finding.examination.patient)
    telling = answer.tells(finding, signed_in(request)) if answer.tells else None
    context = {
        "finding": finding,
        "answer": answer,
        "form": form,
        "telling": telling,
        "lead": answer.lead_of(finding) if answer.lead_of else answer.lead,
        "behalf": on_behalf_of(finding.owner_person, signed_in(request)),
        "is_from_desk": is_from_desk(request),
    }
    return form_page(request, "answers/answer.jinja", context)


def _refused(
    request: HttpRequest, reference: str, answer: Answer, form: AnswerForm, sentence: str
) -> HttpResponse:
    """Not this person's to answer; or it ended, or went to somebody else, a moment ago."""
    readable = Finding.objects.visible_to(signed_in(request), or_told=True)
    finding = readable.filter(reference=reference).first()
    if finding is None:
        messages.warning(request, f"{reference} went to somebody else while you were answering.")
        return redirect("home")
    if not finding.is_open:
        return _too_late(request, reference, answer, form)
    context = {"finding": finding, "answer": answer, "sentence": sentence}
    return render(request, "answers/refused.jinja", context, status=403)


def _too_late(
    request: HttpRequest, reference: str, answer: Answer, form: AnswerForm
) -> HttpResponse:
    """Who was first, and what they wrote; with the form again where it may still be sent."""
    finding, by = visible_finding(request, reference), signed_in(request)
    saw(request, finding.examination.patient)
    seen, kept = _seen_by(request), False
    if answer.keep_late and form.is_valid():
        kept = answer.keep_late(finding, by, form, seen)
    context = {
        "finding": finding,
        "answer": answer,
        "overtaken": overtaken(finding, seen, kept=kept),
        "typed": form.typed() if form.is_bound and not kept else [],
        "again": _again(request, finding, by, answer),
    }
    return render(request, "answers/too_late.jinja", context, status=409)


def keep_late(finding: Finding, by: Person, form: AcknowledgeForm | DeclineForm, seen: int) -> bool:
    """For an answer with a plan: to acknowledge, or to accept an offer. Without one nothing is."""
    return keep_late_acknowledgement(finding=finding, by=by, plan=form.plan, seen=seen)


def _seen_by(request: HttpRequest) -> int:
    return number_in(request.POST.get("seen", "")) or 0


def _again(request: HttpRequest, finding: Finding, by: Person, answer: Answer) -> AnswerForm | None:
    """The form as it was typed, knowing what its page did not; None where it is not theirs now."""
    try:
        answer.check(by, finding)
    except (NotAllowed, MoveRefused):
        return None
    seen = last_decision(finding)
    data = request.POST.copy()
    data["seen"] = str(seen)
    form = answer.form(finding=finding, by=by, seen=seen, data=data)
    form.is_valid()
    return form
