"""What is done to a review, one press each. Whoever is too late is told who was first."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from findings.forms.reviews import (
    AssessForm,
    CandourForm,
    CauseForm,
    ConcludeForm,
    NotABreachForm,
    ReviewNoteForm,
    TakeBackForm,
)
from findings.learning_rules import check_can_add_to_review, check_can_review
from findings.models import CandourStep, Cause, Person, Review, ReviewCause
from findings.services import reviews as services
from findings.views import gone
from findings.views.access import saw, signed_in
from findings.views.form_page import form_page
from findings.views.reviews import review_page, visible_review


def _taken(request: HttpRequest, take: Callable[[], object], words: str) -> None:
    with transaction.atomic():
        take()
    messages.success(request, words)


def _pressed(request: HttpRequest, found: Review, take: Callable[[], object], words: str) -> None:
    """A button without anything typed: who was first is said where it stood."""
    try:
        _taken(request, take, words)
    except services.Concluded as refused:
        raise gone.Gone(f"{refused} Nothing has been changed.", "review", found.reference) from None
    except IntegrityError:  # two pressed at the same moment
        raise gone.Gone("It was answered a moment ago.", "review", found.reference) from None


def _sent(request: HttpRequest, form: Any, take: Callable[[], object], words: str) -> bool:
    """Whether it was done; what was typed stays in the form where it could not be."""
    if not form.is_valid():
        return False
    try:
        _taken(request, take, words)
    except IntegrityError:
        form.add_error(None, "Somebody recorded the same a moment ago.")
    except (services.Concluded, ValueError) as refused:
        form.add_error(None, str(refused))
    return not form.errors


@require_POST
def take_up(request: HttpRequest, review: str) -> HttpResponse:
    found, by = visible_review(request, review), signed_in(request)
    _pressed(request, found, lambda: services.take_up(review=found, by=by), "In review.")
    return redirect("review", found.reference)


def _part(
    request: HttpRequest,
    review: str,
    name: str,
    make: Callable[[Review], Any],
    take: Callable[[Review, Any], object],
    words: str,
    check: Callable[[Person, Review], None] = check_can_review,
) -> HttpResponse:
    """A form that stands on the page of the review: `name` is its name there."""
    found = visible_review(request, review)
    check(signed_in(request), found)
    form = make(found)
    if _sent(request, form, lambda: take(found, form), words):
        return redirect("review", found.reference)
    return review_page(request, found, **{name: form})


@require_POST
def assess(request: HttpRequest, review: str) -> HttpResponse:
    by = signed_in(request)
    return _part(
        request,
        review,
        "assess",
        lambda found: AssessForm(found, request.POST),
        lambda found, form: services.assess(review=found, by=by, **form.cleaned_data),
        "Recorded, with what it was before.",
    )


@require_POST
def add_cause(request: HttpRequest, review: str) -> HttpResponse:
    by = signed_in(request)

    def take(found: Review, form: CauseForm) -> object:
        given = form.cleaned_data
        return services.add_cause(
            review=found, by=by, cause=given["cause"], note=given["cause_note"]
        )

    return _part(
        request,
        review,
        "cause",
        lambda found: CauseForm(found, request.POST),
        take,
        "The cause is recorded.",
    )


@require_POST
def suggested(request: HttpRequest, review: str) -> HttpResponse:
    """A suggested cause was one, or was none."""
    found, by = visible_review(request, review), signed_in(request)
    check_can_review(by, found)
    key = request.POST.get("cause", "")
    cause = get_object_or_404(
        Cause.objects.of(found.organisation_id), pk=key if key.isdecimal() else 0
    )
    was_one = request.POST.get("was") == "yes"
    words = (
        f"“{cause}” is {'recorded as a cause' if was_one else 'recorded as none of its causes'}."
    )
    _pressed(
        request,
        found,
        lambda: services.answer_suggestion(review=found, by=by, cause=cause, was_one=was_one),
        words,
    )
    return redirect("review", found.reference)


@require_POST
def candour(request: HttpRequest, review: str) -> HttpResponse:
    by = signed_in(request)

    def take(found: Review, form: CandourForm) -> object:
        given = form.cleaned_data
        return services.record_candour(
            review=found,
            by=by,
            step=form.which,
            done_on=given["done_on"],
            note=given["step_note"],
        )

    return _part(
        request,
        review,
        "candour",
        lambda found: CandourForm(found, request.POST),
        take,
        "The step is recorded.",
    )


@require_POST
def note(request: HttpRequest, review: str) -> HttpResponse:
    by = signed_in(request)
    return _part(
        request,
        review,
        "note",
        lambda found: ReviewNoteForm(request.POST),
        lambda found, form: services.add_note(review=found, by=by, text=form.cleaned_data["text"]),
        "Added.",
        check=check_can_add_to_review,
    )


def _own_page(
    request: HttpRequest,
    found: Review,
    form: Any,
    take: Callable[[], object],
    title: str,
    words: str,
) -> HttpResponse:
    """A form on a page of its own: what cannot be changed afterwards is not pressed by the way."""
    check_can_review(signed_in(request), found)
    if _sent(request, form, take, words):
        return redirect("review", found.reference)
    imaged = found.examination or (found.finding and found.finding.examination)
    if imaged and request.method != "HEAD":
        saw(request, imaged.patient)
    return form_page(request, "review_part.jinja", {"form": form, "review": found, "title": title})


def _still_open(request: HttpRequest, found: Review) -> None:
    """For whoever only opens the page: what was typed is answered where it stands."""
    if not found.is_open and request.method != "POST":
        words = f"{found.concluded_by} has concluded this review. Nothing has been changed."
        raise gone.Gone(words, "review", found.reference)


@require_http_methods(["GET", "HEAD", "POST"])
def conclude(request: HttpRequest, review: str) -> HttpResponse:
    found, by = visible_review(request, review), signed_in(request)
    check_can_review(by, found)
    _still_open(request, found)
    form = ConcludeForm(request.POST if request.method == "POST" else None)
    return _own_page(
        request,
        found,
        form,
        lambda: services.conclude(review=found, by=by, **form.cleaned_data),
        "Conclude the review",
        "Concluded. From now on it can be added to, and not changed.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def not_a_breach(request: HttpRequest, review: str) -> HttpResponse:
    found, by = visible_review(request, review), signed_in(request)
    check_can_review(by, found)
    _still_open(request, found)
    form = NotABreachForm(request.POST if request.method == "POST" else None)
    return _own_page(
        request,
        found,
        form,
        lambda: services.not_a_breach(review=found, by=by, **form.cleaned_data),
        "It was not a breach",
        "Recorded: it was not a breach.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def take_cause_back(request: HttpRequest, review: str, pk: int) -> HttpResponse:
    found, by = visible_review(request, review), signed_in(request)
    row = get_object_or_404(ReviewCause.objects.select_related("undone_by"), review=found, pk=pk)
    check_can_review(by, found)
    _still_open(request, found)
    _not_undone(found, row, "The cause")
    form = TakeBackForm(request.POST if request.method == "POST" else None)
    return _own_page(
        request,
        found,
        form,
        lambda: services.take_cause_back(found=row, by=by, **form.cleaned_data),
        f"Take back: {row.cause}",
        "Taken back. That it stood here is kept.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def take_candour_back(request: HttpRequest, review: str, pk: int) -> HttpResponse:
    found, by = visible_review(request, review), signed_in(request)
    row = get_object_or_404(CandourStep.objects.select_related("undone_by"), review=found, pk=pk)
    check_can_review(by, found)
    _not_undone(found, row, "The step")
    form = TakeBackForm(request.POST if request.method == "POST" else None)
    return _own_page(
        request,
        found,
        form,
        lambda: services.take_candour_back(step=row, by=by, **form.cleaned_data),
        f"Take back: {row.get_step_display()}",
        "Taken back. That it stood here is kept.",
    )


def _not_undone(found: Review, row: ReviewCause | CandourStep, what: str) -> None:
    if row.undone_at:
        raise gone.Gone(gone.said(what, "was taken back", row.undone_by), "review", found.reference)
