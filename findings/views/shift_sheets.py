"""Handing a shift over: the sheet as it would be signed, signed sheets, and taking one over."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from findings.forms.lists import Narrowing
from findings.forms.shift_sheets import ShiftForm
from findings.models import ShiftSheet
from findings.presenters.columns import SHIFT_SHEETS
from findings.presenters.shift_sheet import sheet_of
from findings.rules import (
    can_hand_over_shift,
    can_take_over_shift,
    check_can_hand_over_shift,
    check_can_see_shift_sheets,
)
from findings.services.shift_sheets import (
    TakenOver,
    hand_over_shift,
    last_sheet,
    take_over_shift,
)
from findings.views.access import saw, signed_in
from findings.views.form_page import form_page
from findings.views.listing import Listing, Shown, answer

# The button that comes first in the form, so that Enter in a field signs nothing.
LOOK = "look"
SHEETS = Listing("Shift sheets", "shift_sheets.jinja", SHIFT_SHEETS, ("-given_at", "-pk"))


@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: HttpRequest) -> HttpResponse:
    """What would be signed now; a POST signs it, unless it only asks for other times."""
    person, now = signed_in(request), timezone.now()
    check_can_hand_over_shift(person)
    form = ShiftForm(request.POST if request.method == "POST" else None, last=last_sheet(person))
    is_valid = form.is_valid()
    sheet = sheet_of(person, form.span[0], now, form.span[1])
    if is_valid and request.method == "POST" and request.POST.get("do") != LOOK:
        try:
            signed = hand_over_shift(
                by=person,
                content=sheet.content,
                patients=list(sheet.patients),
                **form.cleaned_data,
            )
        except ValueError as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "Signed. Somebody else has to take it over.")
            return redirect("shift-sheet", signed.pk)
    if request.method != "HEAD":
        saw(request, *sheet.patients)
    context = {
        "form": form,
        "content": sheet.content,
        "organisation": person.organisation,
        "began_at": form.span[0],
        "until_at": form.span[1],
        "now": now,
    }
    return form_page(request, "hand_over_shift.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def shift_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """One that was signed, as it was; POST takes it over."""
    person = signed_in(request)
    sheets = ShiftSheet.objects.visible_to(person)
    sheet = get_object_or_404(sheets.select_related("organisation", "given_by", "taken_by"), pk=pk)
    if request.method == "POST":
        try:
            take_over_shift(sheet=sheet, by=person)
        except TakenOver as refused:
            messages.warning(request, f"{refused} Nothing has been changed.")
        else:
            messages.success(request, "Signed: the shift is yours now.")
        return redirect("shift-sheet", pk)
    if request.method != "HEAD":
        saw(request, *sheet.patients)
    may_take = sheet.taken_at is None and can_take_over_shift(person, sheet)
    return render(request, "shift_sheet.jinja", {"sheet": sheet, "may_take": may_take})


@require_safe
def shift_sheets(request: HttpRequest) -> HttpResponseBase:
    """The newest first."""
    person = signed_in(request)
    check_can_see_shift_sheets(person)
    rows = ShiftSheet.objects.visible_to(person).select_related("given_by", "taken_by")
    rows = rows.defer("content")

    def context(page: Shown) -> dict[str, Any]:
        return {"may_hand_over": can_hand_over_shift(person)}

    return answer(request, SHEETS, rows, Narrowing(), context)
