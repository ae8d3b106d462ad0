"""Meetings: the list with this year's numbers, one of them, and its case sheets."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from findings import learning_rules as rules
from findings.forms.lists import Narrowing
from findings.forms.meetings import (
    AddCaseForm,
    AttendanceForm,
    CallForm,
    CaseForm,
    CloseRecordForm,
)
from findings.measures import meetings as measures
from findings.models import Case, Meeting, Person, Review
from findings.presenters.case_sheet import sheet_of
from findings.presenters.columns import MEETINGS
from findings.presenters.reviews import what_broke
from findings.services import meetings as services
from findings.views.access import saw, signed_in
from findings.views.form_page import form_page
from findings.views.listing import OF_STAFF, Listing, Shown, answer

LIST = Listing("Meetings", "meetings.jinja", MEETINGS, ("-held_at", "-pk"), care=OF_STAFF)
# What a sheet shows of the review.
OF_SHEET = (
    "review__theme",
    "review__examination__patient",
    "review__finding__category",
    "review__finding__team",
    "review__finding__examination__patient",
)


@require_safe
def meetings(request: HttpRequest) -> HttpResponseBase:
    """The newest first; whoever leads sees how often everybody came, a radiologist themselves."""
    person, today = signed_in(request), timezone.localdate()
    rules.check_can_see_meetings(person)
    visible = Meeting.objects.visible_to(person)
    keeps = rules.can_keep_meetings(person)

    def context(page: Shown) -> dict[str, Any]:
        who = measures.radiologists(person.organisation_id)
        if not keeps:
            who = [one for one in who if one.pk == person.pk]
        return {
            "year": measures.held_in_a_year(visible, today),
            "wanted": measures,
            "attendance": measures.attendance(who, visible, today),
            "keeps": keeps,
            "oversees": rules.can_oversee_reviews(person),
            "waiting": measures.not_discussed(Review.objects.visible_to(person)).count(),
        }

    return answer(request, LIST, measures.with_counts(visible), Narrowing(), context)


@require_http_methods(["GET", "HEAD", "POST"])
def call(request: HttpRequest) -> HttpResponse:
    by = signed_in(request)
    rules.check_can_keep_meetings(by)
    form = CallForm(request.POST if request.method == "POST" else None, by=by)
    if form.is_valid():
        made = services.call_meeting(by=by, **form.cleaned_data)
        messages.success(request, "The meeting is planned. Its case sheets can be printed.")
        return redirect("meeting", made.pk)
    return form_page(request, "call_meeting.jinja", {"form": form})


def _visible(request: HttpRequest, pk: int) -> Meeting:
    rows = Meeting.objects.visible_to(signed_in(request))
    return get_object_or_404(rows.select_related("called_by", "ended_by"), pk=pk)


@require_safe
def meeting(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, _visible(request, pk))


def _page(request: HttpRequest, found: Meeting, **bound: Any) -> HttpResponse:
    """`bound`: a form of it that was sent and is wrong, by its name on the page."""
    person, now = signed_in(request), timezone.now()
    keeps = rules.can_keep_meeting(person, found)
    cases = _cases(found)
    came = found.attendances.standing().select_related("person").order_by("person__family_name")
    forms: dict[str, Any] = {}
    if keeps and not found.ended_at:
        forms = {"add": AddCaseForm(found, by=person), "attendance": AttendanceForm(found)}
        if found.held_at <= now:
            forms["close"] = CloseRecordForm()
    forms |= bound
    wrong = next((form for form in bound.values() if form.errors), None)
    context = {
        "meeting": found,
        "cases": cases,
        "what_broke": what_broke,
        "came": [one.person for one in came] if keeps else [],
        "was_there": any(one.person_id == person.pk for one in came),
        "points": list(found.points.standing()),
        "keeps": keeps,
        "is_to_come": found.held_at > now,
        "now": now,
        "wrong": wrong,
        "form": wrong or CloseRecordForm(),
        **{f"{name}_form": form for name, form in forms.items()},
    }
    return form_page(request, "meeting.jinja", context)


def _cases(found: Meeting) -> list[Case]:
    rows = found.cases.standing().select_related(*OF_SHEET, "brought_by")
    return list(
        rows.prefetch_related("review__breaches__clock", "review__found_causes__cause").order_by(
            "position", "pk"
        )
    )


@require_safe
def sheets(request: HttpRequest, pk: int) -> HttpResponse:
    """Every case, to print or to show: without anybody's name."""
    found, now = _visible(request, pk), timezone.now()
    shown = [sheet_of(case, now) for case in _cases(found)]
    return render(request, "case_sheets.jinja", {"meeting": found, "sheets": shown})


def _done(request: HttpRequest, form: Any, take: Callable[[], object], words: str) -> bool:
    """What was typed stays in the form where it could not be done."""
    if not form.is_valid():
        return False
    try:
        take()
    except (services.RecordClosed, ValueError) as refused:
        form.add_error(None, str(refused))
        return False
    messages.success(request, words)
    return True


def _keeper(request: HttpRequest, pk: int) -> tuple[Meeting, Person]:
    found, by = _visible(request, pk), signed_in(request)
    rules.check_can_keep_meeting(by, found)
    return found, by


@require_POST
def add_case(request: HttpRequest, pk: int) -> HttpResponse:
    found, by = _keeper(request, pk)
    form = AddCaseForm(found, request.POST, by=by)
    if _done(
        request,
        form,
        lambda: services.add_case(meeting=found, by=by, review=form.cleaned_data["review"]),
        "The case is on the agenda.",
    ):
        return redirect("meeting", pk)
    return _page(request, found, add=form)


@require_POST
def attendance(request: HttpRequest, pk: int) -> HttpResponse:
    found, by = _keeper(request, pk)
    form = AttendanceForm(found, request.POST)
    if _done(
        request,
        form,
        lambda: services.record_attendance(
            meeting=found, by=by, people=list(form.cleaned_data["people"])
        ),
        "Recorded who was there.",
    ):
        return redirect("meeting", pk)
    return _page(request, found, attendance=form)


@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    found, by = _keeper(request, pk)
    form = CloseRecordForm(request.POST)
    if _done(
        request,
        form,
        lambda: services.close_record(meeting=found, by=by, **form.cleaned_data),
        "The record is closed.",
    ):
        return redirect("meeting", pk)
    return _page(request, found, close=form)


@require_http_methods(["GET", "HEAD", "POST"])
def case(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Prepare one case, or take it off the agenda."""
    found, by = _keeper(request, pk)
    rows = found.cases.standing().select_related(*OF_SHEET, "meeting")
    row = get_object_or_404(rows, pk=number)
    if request.method == "POST" and request.POST.get("do") == "take-off":
        try:
            services.take_off(case=row, by=by)
        except services.RecordClosed as refused:
            messages.warning(request, f"{refused} Nothing has been changed.")
        else:
            messages.success(request, f"{row.review.reference} is off the agenda.")
        return redirect("meeting", pk)
    imaged = row.review.examination or (row.review.finding and row.review.finding.examination)
    if imaged and request.method != "HEAD":
        saw(request, imaged.patient_id)
    form = CaseForm(row, request.POST if request.method == "POST" else None)
    if _done(
        request,
        form,
        lambda: services.prepare_case(case=row, by=by, **form.cleaned_data),
        "Kept.",
    ):
        return redirect("meeting", pk)
    return form_page(request, "prepare_case.jinja", {"form": form, "case": row, "meeting": found})
