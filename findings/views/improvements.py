"""Improvements: the list, one of them with its numbers, and what becomes of it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from findings import learning_rules as rules
from findings.forms.improvements import (
    AskForm,
    CheckForm,
    DoneForm,
    GiveToForm,
    GiveUpForm,
    ImprovementFilter,
)
from findings.measures import MEASURES
from findings.measures.before_and_after import compare
from findings.models import Improvement, Person, Review, Step
from findings.presenters.columns import IMPROVEMENTS
from findings.presenters.improvements import NO_PROOF, both_sides, in_sentences, stands_at
from findings.presenters.waiting import next_lines, told_lines
from findings.reach import Subject
from findings.services import improvements as services
from findings.views import gone
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.listing import OF_STAFF, Listing, Shown, answer

LIST = Listing("Improvements", "improvements.jinja", IMPROVEMENTS, ("due_on", "pk"), care=OF_STAFF)


@require_safe
def improvements(request: HttpRequest) -> HttpResponseBase:
    """The least time left first. No patient is named here."""
    person, today = signed_in(request), timezone.localdate()
    rules.check_can_see_improvements(person)
    form = ImprovementFilter(request.GET)
    mine = Improvement.objects.visible_to(person)
    rows = form.apply(mine, person) if form.is_valid() else mine.none()
    rows = rows.select_related("owner", "review")

    def context(page: Shown) -> dict[str, Any]:
        return {
            "form": form,
            "oversees": rules.can_oversee_reviews(person),
            "can_ask": rules.can_ask_for_improvement(person),
            "open_count": mine.open().count(),
            "late_count": mine.open().filter(due_on__lt=today).count(),
            "to_check_count": mine.to_check().count(),
            "stands_at": lambda one: stands_at(one, one.due_on < today),
            "measures": MEASURES,
            "today": today,
        }

    return answer(request, LIST, rows, form.narrowing, context)


def _visible(request: HttpRequest, reference: str) -> Improvement:
    rows = Improvement.objects.visible_to(signed_in(request)).select_related(
        "owner", "review", "asked_by", "ended_by", "checked_by", "organisation"
    )
    return get_object_or_404(rows, reference=reference.upper())


@require_safe
def improvement(request: HttpRequest, improvement: str) -> HttpResponse:
    """One, with who is told until it is done, and then the numbers of both sides."""
    found, person, now = _visible(request, improvement), signed_in(request), timezone.now()
    today = timezone.localdate()
    measure = MEASURES.get(found.measure)
    compared = drawn = None
    if measure and found.in_force_on:
        compared = compare(measure, found.organisation, found.in_force_on, today)
        drawn = both_sides(compared, found.in_force_on)
    steps = list(Step.objects.filter(clock__improvement=found, improvement=found))
    subject = Subject.improving(found)
    context = {
        "improvement": found,
        "measure": measure,
        "compared": compared,
        "drawn": drawn,
        "said": in_sentences(compared) if compared else [],
        "no_proof": NO_PROOF,
        "status": stands_at(found, found.due_on < today),
        "told": told_lines(steps, subject.team, now),
        "coming": next_lines(steps, subject, now) if found.is_open else [],
        "has_clock": bool(steps),
        "changes": found.changes.select_related("before", "after", "by"),
        "can_end": found.is_open and rules.can_end_improvement(person, found),
        "can_give": found.is_open and rules.can_give_improvement(person, found),
        "can_check": not found.checked_at and rules.can_check_improvement(person, found),
        "sees_review": found.review_id
        and Review.objects.visible_to(person).filter(pk=found.review_id).exists(),
        "now": now,
        "today": today,
    }
    return render(request, "improvement.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for one: ?review=R-… says what it was learned from."""
    by = signed_in(request)
    rules.check_can_ask_for_improvement(by)
    reference = request.GET.get("review", "").upper()
    review = Review.objects.visible_to(by).filter(reference=reference).first()
    form = AskForm(request.POST if request.method == "POST" else None, by=by)
    if form.is_valid():
        try:
            made = services.ask_for_improvement(by=by, review=review, **form.cleaned_data)
        except ValueError as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"Asked for, as {made.reference}. {made.owner} is told.")
            return redirect("improvement", made.reference)
    return form_page(request, "ask_for_improvement.jinja", {"form": form, "review": review})


def _part(
    request: HttpRequest,
    found: Improvement,
    form: Any,
    title: str,
    take: Callable[[], object],
    words: str,
) -> HttpResponse:
    if form.is_valid():
        try:
            take()
        except (services.Ended, ValueError) as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, words)
            return redirect("improvement", found.reference)
    context = {"form": form, "improvement": found, "title": title}
    return form_page(request, "improvement_part.jinja", context)


def _open_one(
    request: HttpRequest, reference: str, check: Callable[[Person, Improvement], None]
) -> tuple[Improvement, Person, Any]:
    """It, who asks, and what was sent; whoever only opens the page of what has ended hears so."""
    found, by = _visible(request, reference), signed_in(request)
    check(by, found)
    if not found.is_open and request.method != "POST":
        how = f"was {found.get_outcome_display().lower()}"
        raise gone.Gone(
            gone.said(found.reference, how, found.ended_by), "improvement", found.reference
        )
    return found, by, request.POST if request.method == "POST" else None


@require_http_methods(["GET", "HEAD", "POST"])
def done(request: HttpRequest, improvement: str) -> HttpResponse:
    found, by, sent = _open_one(request, improvement, rules.check_can_end_improvement)
    form = DoneForm(sent)
    return _part(
        request,
        found,
        form,
        "It is done",
        lambda: services.carry_out(improvement=found, by=by, **form.cleaned_data),
        "Recorded: it is done. Its clock has stopped.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def give_up(request: HttpRequest, improvement: str) -> HttpResponse:
    found, by, sent = _open_one(request, improvement, rules.check_can_give_up_improvement)
    form = GiveUpForm(sent)
    return _part(
        request,
        found,
        form,
        "Give it up",
        lambda: services.give_up(improvement=found, by=by, **form.cleaned_data),
        "Recorded: it is given up. Its clock has stopped.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def give_to(request: HttpRequest, improvement: str) -> HttpResponse:
    found, by, sent = _open_one(request, improvement, rules.check_can_give_improvement)
    form = GiveToForm(found, sent, by=by)
    return _part(
        request,
        found,
        form,
        "Give it to somebody else",
        lambda: services.give_to(improvement=found, by=by, **form.cleaned_data),
        "Recorded. Its day has not moved.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, improvement: str) -> HttpResponse:
    found, by = _visible(request, improvement), signed_in(request)
    rules.check_can_check_improvement(by, found)
    if found.checked_at and request.method != "POST":
        raise gone.Gone(
            gone.said(found.reference, "was checked", found.checked_by),
            "improvement",
            found.reference,
        )
    form = CheckForm(request.POST if request.method == "POST" else None)
    return _part(
        request,
        found,
        form,
        "Say whether it worked",
        lambda: services.check(improvement=found, by=by, **form.cleaned_data),
        "Recorded.",
    )
