"""What reviews choose from, and the trust's own limit for the duty of candour."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from findings.forms.reviews import CandourLimitForm, LocalEntryForm
from findings.learning_rules import check_can_keep_reviews
from findings.models import Cause, LearningRule, Person, Theme
from findings.presenters.reviews import NO_NUMBER
from findings.services.open_reviews import rule_of
from findings.services.reviews import add_local_entry, set_candour_limit
from findings.views.access import signed_in
from findings.views.form_page import form_page


@require_http_methods(["GET", "HEAD", "POST"])
def lists(request: HttpRequest) -> HttpResponse:
    """Themes and causes; a POST adds one of the trust's own."""
    person = signed_in(request)
    check_can_keep_reviews(person)
    form = LocalEntryForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        of = Theme if form.cleaned_data["to"] == "theme" else Cause
        try:
            added = add_local_entry(by=person, of=of, words=form.cleaned_data["words"])
        except ValueError as refused:
            form.add_error("words", str(refused))
        else:
            messages.success(request, f"Added: {added}.")
            return redirect("review-lists")
    return _page(request, person, form, form)


@require_POST
def candour_limit(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    check_can_keep_reviews(person)
    form = CandourLimitForm(request.POST)
    if form.is_valid():
        set_candour_limit(by=person, days=form.cleaned_data["days"])
        messages.success(request, "The limit is kept, with who entered it.")
        return redirect("review-lists")
    return _page(request, person, form, LocalEntryForm(), limit=form)


def _page(
    request: HttpRequest, person: Person, form: Any, entry: LocalEntryForm, limit: Any = None
) -> HttpResponse:
    rule = rule_of(person.organisation_id)
    days = rule.candour_days if rule else None
    rules = LearningRule.objects.filter(organisation=person.organisation_id)
    context = {
        "form": form,
        "entry_form": entry,
        "limit_form": limit or CandourLimitForm(initial={"days": days or ""}),
        "themes": Theme.objects.of(person.organisation_id),
        "causes": Cause.objects.of(person.organisation_id),
        "rules": rules.select_related("by").order_by("-number"),
        "no_number": NO_NUMBER,
    }
    return form_page(request, "review_lists.jinja", context)
