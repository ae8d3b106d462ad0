"""Held items: what arrived and could not be filed. Run it again, or set it aside with a reason."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from findings.forms.held import HeldFilter, ReconcileForm, SetAsideForm
from findings.intake.importing import known_patients_in, run_again
from findings.models import Receipt, Role
from findings.models.report import ReceiptQuerySet
from findings.presenters.held import alert_words, message_lines, outcome_words, reason_words
from findings.services.hold import NotWaiting, set_aside
from findings.services.reconcile import reconcile
from findings.views.access import saw, signed_in
from findings.views.form_page import form_page

ROWS_ON_A_PAGE = 25
# As many as fit into one request; the button can be pressed again.
RUN_AT_ONCE = 100
# More missing reports than this are a list of another system; the command names them all.
MOST_SHOWN = 500


@require_http_methods(["GET", "HEAD", "POST"])
def held_items(request: HttpRequest) -> HttpResponse:
    """Those with an alert code first, then the longest waiting. POST runs again whatever the filter
    leaves."""
    person = signed_in(request)
    if not person.has_role(Role.COORDINATOR):
        raise PermissionDenied("Held items are for coordinators.")
    waiting = Receipt.objects.visible_to(person).waiting()
    form = HeldFilter(request.GET, waiting=waiting)
    chosen = form.apply(waiting) if form.is_valid() else waiting.none()
    chosen = chosen.select_related("message__sender").most_pressing_first()
    if request.method == "POST":
        return _run_all(request, chosen)
    context = {
        "form": form,
        "page": Paginator(chosen, ROWS_ON_A_PAGE).get_page(request.GET.get("page")),
        "reason_words": reason_words,
        "alert_words": alert_words,
        "seen": [receipt.pk for receipt in chosen[:RUN_AT_ONCE]],
        "now": timezone.now(),
    }
    return render(request, "held_items.jinja", context)


def _run_all(request: HttpRequest, chosen: ReceiptQuerySet) -> HttpResponse:
    filed = still = 0
    # What came since the page was shown has been seen by nobody.
    seen = [int(key) for key in request.POST.get("seen", "").split(",") if key.isdecimal()]
    for receipt in chosen.filter(pk__in=seen[:RUN_AT_ONCE]):
        try:
            waits = run_again(receipt, signed_in(request)).is_waiting
        except NotWaiting:  # it was another part of a message that has just been run
            continue
        filed, still = filed + (not waits), still + waits
    messages.success(request, f"Run again: {filed} filed, {still} still held.")
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
    is_posted = request.method == "POST"
    sets_aside = is_posted and request.POST.get("do") != "run-again"
    form = SetAsideForm(request.POST if sets_aside else None)
    if is_posted:
        answered = _answer(request, receipt, form)
        if answered is not None:
            return answered
    saw(request, *known_patients_in(receipt.message))
    context = {
        "receipt": receipt,
        "form": form,
        "reason": reason_words(receipt.reason),
        "outcome": outcome_words(receipt),
        "alert": alert_words(receipt),
        "lines": message_lines(receipt.message),
        "now": timezone.now(),
    }
    return form_page(request, "held_item.jinja", context)


def _answer(request: HttpRequest, receipt: Receipt, form: SetAsideForm) -> HttpResponse | None:
    """Do what was asked; None where the form must be shown again."""
    person = signed_in(request)
    try:
        if request.POST.get("do") == "run-again":
            _say(request, run_again(receipt, person))
            return redirect("held-item", receipt_id=receipt.pk)
        if not form.is_valid():
            return None
        set_aside(receipt=receipt, by=person, because=form.cleaned_data["because"])
        messages.success(request, "Set aside. The message is kept, with your reason.")
        return redirect("held-items")
    except NotWaiting as refused:
        messages.warning(request, str(refused))
        return redirect("held-item", receipt_id=receipt.pk)


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
