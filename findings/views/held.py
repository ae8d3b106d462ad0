"""Held items: what arrived and could not be filed. Run it again, or set it aside with a reason."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from findings.forms.held import HeldFilter, ReconcileForm, SetAsideForm
from findings.intake.importing import known_patients_in, run_again
from findings.models import Receipt, Role
from findings.models.report import ReceiptQuerySet
from findings.presenters.columns import HELD_ITEMS
from findings.presenters.held import (
    alert_words,
    message_lines,
    outcome_words,
    reason_words,
    waiting_words,
)
from findings.services.hold import NotWaiting, check_same_reason, check_waits, set_aside
from findings.services.reconcile import reconcile
from findings.views import listing
from findings.views.access import saw, signed_in
from findings.views.form_page import form_page
from findings.views.listing import OF_MESSAGES, Listing, Shown, answer
from findings.views.repairs import Way, run_others, way_for
from findings.words import plural

HELD = Listing(
    "Held items", "held_items.jinja", HELD_ITEMS, ("due_or_never", "at", "pk"), care=OF_MESSAGES
)
# More missing reports than this are a list of another system; the command names them all.
MOST_SHOWN = 500


@require_http_methods(["GET", "HEAD", "POST"])
def held_items(request: HttpRequest) -> HttpResponseBase:
    """Those with an alert code first, then the longest waiting. POST runs again those that the page
    showed."""
    person = signed_in(request)
    if not person.has_role(Role.COORDINATOR):
        raise PermissionDenied("Held items are for coordinators.")
    waiting = Receipt.objects.visible_to(person).waiting()
    form = HeldFilter(request.GET, waiting=waiting, organisation=person.organisation)
    chosen = form.apply(waiting) if form.is_valid() else waiting.none()
    chosen = chosen.select_related("message__sender").most_pressing_first()
    if request.method == "POST":
        return _run_all(request, chosen)

    def context(page: Shown) -> dict[str, Any]:
        return {
            "form": form,
            "reason_words": reason_words,
            "alert_words": alert_words,
            "seen": [receipt.pk for receipt in page],
            "waits": waiting_words(waiting, timezone.now()),
            "limit": person.organisation.held_within,
            "now": timezone.now(),
        }

    return answer(request, HELD, chosen, form.narrowing, context)


def _run_all(request: HttpRequest, chosen: ReceiptQuerySet) -> HttpResponse:
    # What the page did not show has been seen by nobody.
    seen = [int(key) for key in request.POST.get("seen", "").split(",") if key.isdecimal()]
    rows = list(chosen.filter(pk__in=seen[: listing.ROWS_ON_A_PAGE]))
    filed, still, left = run_others(rows, signed_in(request))
    said = f"Run again: {filed} filed, {still} still held."
    messages.success(request, said + (f" {plural(left, 'more')} not run yet." if left else ""))
    return redirect("held-items")


@require_http_methods(["GET", "HEAD", "POST"])
def held_item(request: HttpRequest, receipt_id: int) -> HttpResponse:
    """One item with its message as it was sent, and the two things that can be done with it."""
    receipt = get_object_or_404(
        Receipt.objects.visible_to(signed_in(request))
        .filter(reason__gt="")
        .select_related("message__sender", "resolved_by", "report__examination"),
        pk=receipt_id,
    )
    wanted = request.POST.get("do", "set-aside") if request.method == "POST" else ""
    repairs = request.POST if wanted == "repair" else None
    way = way_for(receipt, signed_in(request), repairs) if receipt.is_waiting else None
    aside = SetAsideForm(request.POST if wanted == "set-aside" else None)
    if wanted:
        answered = _answer(request, receipt, wanted, aside, way)
        if answered is not None:
            return answered
    candidates = way.candidates if way else []
    saw(request, *{one.pk for one in (*known_patients_in(receipt.message), *candidates)})
    context = {
        "receipt": receipt,
        "way": way,
        "form": way.form if way and wanted == "repair" else aside,
        "aside": aside,
        "repairs": receipt.repairs.select_related("by", "patient"),
        "reason": reason_words(receipt.reason),
        "outcome": outcome_words(receipt),
        "alert": alert_words(receipt),
        "lines": message_lines(receipt.message),
        "now": timezone.now(),
    }
    return form_page(request, "held_item.jinja", context)


def _answer(
    request: HttpRequest, receipt: Receipt, wanted: str, aside: SetAsideForm, way: Way | None
) -> HttpResponse | None:
    """Do what was asked; None where a form must be shown again."""
    person = signed_in(request)
    here = redirect("held-item", receipt_id=receipt.pk)
    try:
        if wanted == "run-again":
            _say(request, run_again(receipt, person))
            return here
        if wanted == "repair":
            return here if _repair(request, receipt, way) else None
        if not aside.is_valid():
            return None
        set_aside(receipt=receipt, by=person, because=aside.cleaned_data["because"])
        messages.success(request, "Set aside. The message is kept, with your reason.")
        return redirect("held-items")
    except NotWaiting as refused:
        messages.warning(request, str(refused))
        return here


def _repair(request: HttpRequest, receipt: Receipt, way: Way | None) -> bool:
    """Whether it was done; not where the form, or the record that it names, must be shown first."""
    check_waits(receipt)
    check_same_reason(receipt, request.POST.get("reason", ""))
    if way is None:
        raise NotWaiting("This cannot be put right here any more: see below.")
    if not way.form.is_valid() or not getattr(way.form, "was_seen", True):
        return False
    messages.success(request, way.press(signed_in(request)))
    return True


def _say(request: HttpRequest, receipt: Receipt) -> None:
    if receipt.is_waiting:
        messages.warning(request, "Run again, and it is still held: see below why.")
    else:
        messages.success(request, f"Filed. {outcome_words(receipt)}")


@require_http_methods(["GET", "HEAD", "POST"])
def reconcile_list(request: HttpRequest) -> HttpResponse:
    """A list of the RIS held against what arrived. It is read and forgotten."""
    person = signed_in(request)
    if not person.has_role(Role.COORDINATOR):
        raise PermissionDenied("Comparing with a list is for coordinators.")
    sent = request.method == "POST"
    form = ReconcileForm(*((request.POST, request.FILES) if sent else ()), by=person)
    found = None
    if form.is_valid():
        found = reconcile(form.cleaned_data["file"], form.cleaned_data["sender"])
    context = {"form": form, "found": found, "shown": MOST_SHOWN}
    return form_page(request, "reconcile.jinja", context)
