"""Bank holidays: administrators see them, add one, and take one out, with a reason and a source."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from findings import words
from findings.forms.bank_holidays import AddHolidayForm, CalendarFilter, WhyForm
from findings.models import BankHoliday, BankHolidayChange, Nation, Person
from findings.presenters.trail import of_holidays
from findings.rules import can_keep_calendar
from findings.services.calendars import add_holiday, missing_years, remove_holiday
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.gone import Gone, said

NOT_MOVED = "No promise that was already made has moved."
CHANGES_SHOWN = 50


def _administrator(request: HttpRequest) -> Person:
    person = signed_in(request)
    if not can_keep_calendar(person):
        raise PermissionDenied("Bank holidays are for administrators.")
    return person


@require_safe
def bank_holidays(request: HttpRequest) -> HttpResponse:
    """One nation's days, and who changed them."""
    person = _administrator(request)
    form = CalendarFilter(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {"nation": "", "year": ""}
    nation = Nation(chosen["nation"] or person.organisation.nation or settings.NATION)
    today = timezone.localdate()
    days = BankHoliday.objects.counting(nation)
    year = int(chosen["year"] or 0)
    changes = BankHolidayChange.objects.filter(holiday__nation=nation)
    context = {
        "form": form,
        "nation": nation,
        "days": days.filter(on__year=year) if year else days.filter(on__year__gte=today.year),
        "missing": list(missing_years(today)),
        "changes": of_holidays(changes.select_related("holiday", "by")[:CHANGES_SHOWN]),
    }
    return render(request, "bank_holidays.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    person = _administrator(request)
    form = AddHolidayForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            added = add_holiday(by=person, **form.cleaned_data)
        except ValueError as refused:
            form.add_error("on", str(refused))
        else:
            return _done(request, added, "Added", "to")
    context = {"form": form, "title": "Add a bank holiday", "button": "Add", "holiday": None}
    return form_page(request, "bank_holiday.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    person = _administrator(request)
    holiday = get_object_or_404(BankHoliday, pk=pk)
    if holiday.is_removed:
        last = holiday.changes.select_related("by").latest("at", "pk")
        named = f"{holiday.name}, {words.day(holiday.on)},"
        raise Gone(said(named, "was removed", last.by), "bank-holidays")
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            remove_holiday(holiday=holiday, by=person, **form.cleaned_data)
        except ValueError as refused:
            form.add_error(None, str(refused))
        else:
            return _done(request, holiday, "Removed", "from")
    context = {
        "form": form,
        "title": "Remove a bank holiday",
        "button": "Remove",
        "holiday": holiday,
    }
    return form_page(request, "bank_holiday.jinja", context)


def _done(request: HttpRequest, holiday: BankHoliday, did: str, to: str) -> HttpResponse:
    nation = Nation(holiday.nation)
    messages.success(
        request,
        f"{did} {holiday.name}, {words.day(holiday.on)}, {to} the calendar of {nation.label}."
        f" {NOT_MOVED}",
    )
    return redirect(f"{reverse('bank-holidays')}?nation={nation.value}&year={holiday.on.year}")
