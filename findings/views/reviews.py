"""Reviews: the list, one of them, and raising one by hand."""

from typing import Any

from django.contrib import messages
from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from findings import learning_rules as rules
from findings.forms.reviews import (
    AssessForm,
    CandourForm,
    CauseForm,
    ReviewFilter,
    ReviewNoteForm,
    StartReviewForm,
)
from findings.measures import reviews as measures
from findings.measures.suggested_causes import suggested_causes
from findings.models import (
    CandourStep,
    Event,
    Examination,
    Finding,
    Person,
    Review,
    ReviewBreach,
    ReviewCause,
)
from findings.presenters import timeline
from findings.presenters.columns import REVIEWS
from findings.presenters.reviews import NO_NUMBER, broken, candour_of, in_common, what_broke
from findings.services.identity import numbers_of
from findings.services.open_reviews import rule_of
from findings.services.reviews import start_review
from findings.views.access import saw, signed_in
from findings.views.form_page import form_page
from findings.views.listing import Listing, Shown, answer

LIST = Listing("Reviews", "reviews.jinja", REVIEWS, ("-opened_at", "-pk"))
# With what a row of the list, or the page, shows of it.
WHOLE = (
    Prefetch("breaches", ReviewBreach.objects.select_related("clock")),
    Prefetch("found_causes", ReviewCause.objects.select_related("cause", "added_by")),
)


@require_safe
def reviews(request: HttpRequest) -> HttpResponseBase:
    """The newest first. No patient is named here."""
    person = signed_in(request)
    rules.check_can_see_reviews(person)
    form = ReviewFilter(request.GET, person=person)
    mine = Review.objects.visible_to(person)
    chosen = form.apply(mine) if form.is_valid() else mine.none()
    rows = chosen.select_related("theme", "finding__team").prefetch_related(*WHOLE)

    def context(page: Shown) -> dict[str, Any]:
        return {
            "form": form,
            "counts": measures.counts(person),
            "oversees": rules.can_oversee_reviews(person),
            "keeps": rules.can_keep_reviews(person),
            "what_broke": what_broke,
        }

    return answer(request, LIST, rows, form.narrowing, context)


def visible_review(request: HttpRequest, reference: str) -> Review:
    """The review, or 404 where it does not exist or is not this person's to see."""
    rows = Review.objects.visible_to(signed_in(request)).select_related(
        "theme",
        "opened_by",
        "concluded_by",
        "organisation",
        "finding__team",
        "finding__category",
        "finding__examination__patient",
        "examination__patient",
    )
    return get_object_or_404(rows, reference=reference.upper())


@require_safe
def review(request: HttpRequest, review: str) -> HttpResponse:
    """What happened, why, what was learned; with whatever this person may do now."""
    return review_page(request, visible_review(request, review))


def review_page(request: HttpRequest, found: Review, **bound: Any) -> HttpResponse:
    """`bound`: a form of it that was sent and is wrong, by its name on the page."""
    person, now = signed_in(request), timezone.now()
    prefetch_related_objects(
        [found],
        *WHOLE,
        Prefetch("candour_steps", CandourStep.objects.select_related("recorded_by")),
        "notes__by",
        "changes__by",
    )
    imaged = _its_examination(found, person)
    if imaged and request.method != "HEAD":
        saw(request, imaged.patient)
    events = _events(found) if imaged else []
    may_review = rules.can_review(person, found)
    changes_it = may_review and found.is_open
    rule = rule_of(found.organisation_id)
    similar = measures.similar(found, person)
    forms = _forms(found, changes_it, may_review) | bound
    wrong = next((form for form in bound.values() if form.errors), None)
    context = {
        "review": found,
        "now": now,
        "examination": imaged,
        "identifiers": numbers_of(imaged.patient) if imaged else [],
        "broken": broken(found, now),
        "causes": [one for one in found.found_causes.all() if one.undone_at is None],
        "suggested": suggested_causes(found, events) if found.is_open else [],
        "entries": timeline.entries(events),
        "candour": candour_of(found, rule),
        "no_number": NO_NUMBER,
        "similar": [(one, in_common(found, one, shared)) for one, shared in similar],
        "improvements": list(found.improvements.select_related("owner")),
        "may_review": may_review,
        "changes_it": changes_it,
        "wrong": wrong,
        "form": wrong or forms["note"],
        **{f"{name}_form": form for name, form in forms.items()},
    }
    return form_page(request, "review.jinja", context)


def _forms(found: Review, changes_it: bool, may_review: bool) -> dict[str, Any]:
    forms: dict[str, Any] = {"note": ReviewNoteForm()}
    if changes_it:
        forms |= {"assess": AssessForm(found), "cause": CauseForm(found)}
    if may_review and found.owes_candour:
        forms["candour"] = CandourForm(found)
    return forms


def _its_examination(found: Review, person: Person) -> Examination | None:
    """Where this person may read it: whoever raised a review may have lost sight of its finding."""
    if found.examination:
        return found.examination
    if found.finding is None:
        return None
    readable = Finding.objects.visible_to(person, or_told=True).filter(pk=found.finding.pk)
    return found.finding.examination if readable.exists() else None


def _events(found: Review) -> list[Event]:
    if found.finding is None:
        return []
    return list(found.finding.events.select_related("by").order_by("number"))


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Raise one: ?finding=F-… fills it in."""
    person = signed_in(request)
    rules.check_can_start_review(person)
    sent = request.POST if request.method == "POST" else None
    form = StartReviewForm(sent, by=person, finding=request.GET.get("finding", ""))
    if form.is_valid():
        opened = start_review(by=person, **form.cleaned_data)
        messages.success(request, f"Raised as {opened.reference}. A governance lead looks at it.")
        return redirect("review", opened.reference)
    return form_page(request, "start_review.jinja", {"form": form})
