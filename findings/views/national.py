"""National recommendations: where this trust stands with each, and the report of every six
months."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from findings.forms.national import StandingForm
from findings.models import NationalRecommendation, ProgressReport
from findings.presenters.national import counts, grouped, progress_paper
from findings.rules import (
    can_keep_recommendations,
    check_can_keep_recommendations,
    check_can_see_recommendations,
)
from findings.services.national import (
    Overtaken,
    changes_since,
    evidence_of,
    is_overdue,
    keep_standing,
    last_half_year,
    lines_in,
    make_report,
    reading_words,
    standings_of,
)
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.numbers import number_in
from findings.views.papers import shown


@require_safe
def recommendations(request: HttpRequest) -> HttpResponse:
    """All of them, by the report in which they stand."""
    person, today = signed_in(request), timezone.localdate()
    check_can_see_recommendations(person)
    every = list(NationalRecommendation.objects.all())
    standings = standings_of(person.organisation_id)
    context = {
        "reports": grouped(every, standings, today),
        "counts": counts(every, standings, today),
        "may_change": can_keep_recommendations(person),
    }
    return render(request, "recommendations.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def recommendation(request: HttpRequest, code: str) -> HttpResponse:
    """One, with what the measures say, every change, and for governance leads the form."""
    person, today = signed_in(request), timezone.localdate()
    check_can_see_recommendations(person)
    one = get_object_or_404(NationalRecommendation, code=code)
    may_change = can_keep_recommendations(person)
    if request.method == "POST":
        check_can_keep_recommendations(person)
    every = one.standings.filter(organisation=person.organisation_id)
    trail = list(every.select_related("owner", "by"))
    standing = trail[0] if trail else None
    form = StandingForm(
        request.POST if request.method == "POST" else None, by=person, standing=standing
    )
    context: dict[str, Any] = {
        "one": one,
        "standing": standing,
        "trail": trail,
        "form": form,
        "is_overdue": is_overdue(standing, today),
        "evidence": evidence_of([one], person.organisation, last_half_year(today)),
        "reading_words": reading_words,
        "period": last_half_year(today),
        "seen": standing.pk if standing else 0,
        "may_change": may_change,
        "overtaken": "",
    }
    if not form.is_valid():
        return form_page(request, "recommendation.jinja", context)
    seen = number_in(request.POST.get("seen", "")) or 0
    try:
        kept = keep_standing(recommendation=one, by=person, seen=seen, **form.cleaned_data)
    except Overtaken as overtaken:
        context |= {"overtaken": str(overtaken)}
        return form_page(request, "recommendation.jinja", context, 409)
    said = "Kept." if kept else "Nothing has changed: it says the same already."
    messages.success(request, said)
    return redirect("recommendation", code)


@require_http_methods(["GET", "HEAD", "POST"])
def reports(request: HttpRequest) -> HttpResponse:
    """Those that were made, and one press for the next."""
    person = signed_in(request)
    check_can_see_recommendations(person)
    if request.method == "POST":
        made = make_report(by=person)
        messages.success(request, "Made. It stays as it is, whatever changes later.")
        return redirect("progress-report", made.pk)
    made_before = ProgressReport.objects.visible_to(person).defer("content")
    context = {
        "reports": list(made_before.select_related("by")[:40]),
        "may_change": can_keep_recommendations(person),
    }
    return render(request, "progress_reports.jinja", context)


def _report(request: HttpRequest, pk: int) -> ProgressReport:
    person = signed_in(request)
    check_can_see_recommendations(person)
    found = ProgressReport.objects.visible_to(person).select_related("before", "by", "organisation")
    return get_object_or_404(found, pk=pk)


@require_safe
def report(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One, as it was made: as a page that prints, or with ?as=xlsx as a spreadsheet."""
    found = _report(request, pk)
    paper = progress_paper(found, lines_in(found), changes_since(found))
    return shown(request, paper, back=(reverse("progress-reports"), "progress reports"))
