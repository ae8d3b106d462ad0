"""Examinations that wait for a report: the list, one of them, and what a person can say of it."""

from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from findings import reach, rules
from findings.forms.waiting import (
    ConfirmWaitingForm,
    EnterWaitingForm,
    NoReportForm,
    ReportExpectedForm,
    WaitingFileForm,
    WaitingFilter,
)
from findings.measures import waiting as measures
from findings.models import Examination, NoReport, Step
from findings.presenters.columns import WAITS
from findings.presenters.heard import heard_about
from findings.presenters.waiting import NOT_SAID_WHEN, next_lines, told_lines, wait_lines
from findings.services import waiting_list as services
from findings.services.identity import Held, numbers_of
from findings.services.policy import PolicyError
from findings.services.report_by import no_report_expected, take_back
from findings.states import ClockKind
from findings.told import gone_since
from findings.views import gone
from findings.views.access import saw, signed_in
from findings.views.form_page import form_page
from findings.views.imports import Import, import_page
from findings.views.listing import Listing, Shown, answer

WAITING = Listing(
    "Waiting for a report",
    "waiting.jinja",
    WAITS,
    ("due_at", "pk"),
    lambda clock: (clock.its_examination.patient_id,),
)


@require_safe
def waiting(request: HttpRequest) -> HttpResponseBase:
    """The least time left first."""
    person, now = signed_in(request), timezone.now()
    rules.check_can_see_waiting(person)
    clocks = measures.waits_visible_to(person)
    form = WaitingFilter(request.GET, clocks=clocks)
    chosen = form.apply(clocks, now) if form.is_valid() else clocks.none()
    chosen = chosen.select_related(
        "rule", "examination__patient", "examination__site__organisation"
    ).prefetch_related("steps")

    def context(page: Shown) -> dict[str, Any]:
        return {
            "form": form,
            "lines": wait_lines(list(page), now),
            "counts": measures.counts(clocks, now),
            "can_enter": rules.can_enter_waiting(person),
            "now": now,
        }

    return answer(request, WAITING, chosen, form.narrowing, context)


def _followed(request: HttpRequest, public_id: str) -> Examination:
    """One that this person hears of, or 404."""
    followed = Examination.objects.followed_by(signed_in(request))
    return get_object_or_404(
        followed.select_related("patient", "sender", *reach.READ_BEFORE),
        public_id=public_id,
    )


@require_safe
def wait(request: HttpRequest, public_id: str) -> HttpResponse:
    """One examination with its limit, who was told and who is told next."""
    examination, person, now = _followed(request, public_id), signed_in(request), timezone.now()
    if request.method == "GET":
        saw(request, examination.patient)
    clocks = list(examination.clocks.filter(kind=ClockKind.REPORT_BY).select_related("rule"))
    steps = list(Step.objects.filter(clock__in=clocks))
    subject = reach.waiting([examination])[examination.pk]
    running = next((clock for clock in clocks if clock.is_running), None)
    said = list(examination.no_reports.select_related("said_by", "undone_by"))
    context = {
        "examination": examination,
        "identifiers": numbers_of(examination.patient),
        "clock": running,
        "stopped": [clock for clock in clocks if not clock.is_running],
        "counts_from": NOT_SAID_WHEN if examination.performed_at is None else "",
        "told": told_lines(steps, subject.team, now),
        "gone": gone_since(min(clock.started_at for clock in clocks)) if clocks else "",
        "coming": next_lines(steps, subject, now),
        "said": said,
        "heard": heard_about(examination),
        "can_end": rules.can_end_wait(person, examination),
        "can_take_back": any(rules.can_take_back_no_report(person, one) for one in said),
        "can_read": Examination.objects.visible_to(person).filter(pk=examination.pk).exists(),
        "now": now,
    }
    return render(request, "wait.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def no_report(request: HttpRequest, public_id: str) -> HttpResponse:
    """None will come, with a reason."""
    examination, by = _followed(request, public_id), signed_in(request)
    rules.check_can_end_wait(by, examination)
    form = NoReportForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        given = form.cleaned_data
        reason, because = NoReport.Reason(given["reason"]), given["because"]
        no_report_expected(examination, reason=reason, because=because, by=by)
        messages.success(request, "Recorded: no report is to be expected. Its clock has stopped.")
        return redirect("wait", public_id)
    return _answer(request, examination, form, "No report is to be expected")


@require_http_methods(["GET", "HEAD", "POST"])
def report_expected(request: HttpRequest, public_id: str) -> HttpResponse:
    """That none is to be expected was said by mistake."""
    examination, by = _followed(request, public_id), signed_in(request)
    said = examination.no_reports.select_related("undone_by").order_by("-said_at", "-pk").first()
    if said is None:
        raise Http404
    if said.undone_at:
        sentence = gone.said("That no report is to be expected", "was taken back", said.undone_by)
        raise gone.Gone(sentence, "wait", public_id)
    rules.check_can_take_back_no_report(by, said)
    form = ReportExpectedForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        take_back(said, because=form.cleaned_data["because"], by=by)
        messages.success(request, "Recorded: a report is expected. Its limit is as it was before.")
        return redirect("wait", public_id)
    return _answer(request, examination, form, "A report is expected after all")


def _answer(
    request: HttpRequest,
    examination: Examination,
    form: NoReportForm | ReportExpectedForm,
    title: str,
) -> HttpResponse:
    if request.method != "HEAD":
        saw(request, examination.patient)
    context = {
        "examination": examination,
        "identifiers": numbers_of(examination.patient),
        "form": form,
        "title": title,
    }
    return form_page(request, "end_wait.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest) -> HttpResponse:
    """One that has no report yet, typed in."""
    by = signed_in(request)
    rules.check_can_enter_waiting(by)
    form = EnterWaitingForm(by=by, data=request.POST if request.method == "POST" else None)
    if form.is_valid():
        examination = _enter(form, request)
        if examination is not None:
            return redirect("wait", examination.public_id)
    return form_page(request, "enter_waiting.jinja", {"form": form})


def _enter(form: EnterWaitingForm, request: HttpRequest) -> Examination | None:
    """None, with words beside the field, where it cannot be kept as it is."""
    sender = form.cleaned_data["sender"]
    try:
        examination, clock = services.enter_waiting(form.arriving, sender=sender)
    except Held as held:
        form.add_held(held)
    except PolicyError as error:
        form.add_error(None, str(error))
    else:
        if clock is None:
            messages.info(request, "Its report is here already, or none is to be expected.")
        else:
            messages.success(request, "Kept. It waits for its report from now on.")
        return examination
    return None


LIST = Import(
    form=WaitingFileForm,
    confirm=ConfirmWaitingForm,
    columns=(*services.COLUMNS, *services.OPTIONAL),
    dry_run=services.dry_run,
    carry_out=services.keep_waiting,
    choose_template="import_waiting.jinja",
    changes_template="waiting_changes.jinja",
    page="import-waiting",
    onwards="waiting",
)


@require_http_methods(["GET", "HEAD", "POST"])
def import_waiting(request: HttpRequest) -> HttpResponse:
    """A list of them: choose it, see what would be kept, then keep it."""
    by = signed_in(request)
    rules.check_can_enter_waiting(by)
    mine = replace(
        LIST, form=partial(WaitingFileForm, by=by), confirm=partial(ConfirmWaitingForm, by=by)
    )
    return import_page(request, by, mine)
