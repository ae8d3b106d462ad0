"""Senders: how their messages are read, tried on a message before it is saved."""

from copy import copy
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from findings.forms.lists import Narrowing
from findings.forms.senders import SenderForm
from findings.intake.importing import known_patients_of, read_as_sent
from findings.models import Person, Receipt, Sender
from findings.presenters import reading
from findings.presenters.columns import SENDER_CHANGES
from findings.presenters.trail import of_sender
from findings.rules import check_can_keep_senders
from findings.services.sender_settings import change_sender
from findings.views.access import saw, signed_in
from findings.views.form_page import form_page
from findings.views.listing import OF_STAFF, Listing, Shown, answer

CHANGES = Listing(
    "How a sender is read: changes",
    "sender.jinja",
    SENDER_CHANGES,
    ("-at", "-pk"),
    care=OF_STAFF,
)


def _keeper(request: HttpRequest) -> Person:
    person = signed_in(request)
    check_can_keep_senders(person)
    return person


@require_safe
def senders(request: HttpRequest) -> HttpResponse:
    """Every system that sends to this trust, and how much of it is held."""
    person = _keeper(request)
    rows = Sender.objects.systems().filter(organisation=person.organisation_id)
    waiting = Receipt.objects.waiting().filter(message__sender__in=rows).order_by()
    counts = waiting.values("message__sender").annotate(number=Count("pk"))
    context = {
        "senders": rows.select_related("site"),
        "held": dict(counts.values_list("message__sender", "number")),
    }
    return render(request, "senders.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def sender(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The settings of one, who changed them, and how a message would be read with them."""
    person = _keeper(request)
    own = Sender.objects.systems().filter(organisation=person.organisation_id)
    row: Sender = get_object_or_404(own.select_related("site"), pk=pk)
    form = SenderForm(row, request.POST if request.method == "POST" else None)
    tried: list[reading.Shown] = []
    if form.is_valid():
        if request.POST.get("do") != "try":
            if (saved := _save(request, form, person)) is not None:
                return saved
        elif not form.cleaned_data["message"].strip():
            form.add_error("message", "Paste a message to try it on")
        else:
            tried = _try(request, form)

    def context(page: Shown) -> dict[str, Any]:
        return {"sender": row, "form": form, "tried": tried, "changes": of_sender(page)}

    every = row.changes.select_related("by")
    return answer(request, CHANGES, every, Narrowing(), context, draw=form_page)


def _save(request: HttpRequest, form: SenderForm, by: Person) -> HttpResponse | None:
    """None where the form must be shown again."""
    try:
        change = change_sender(sender=form.sender, by=by, **form.settings)
    except ValueError as refused:
        form.add_error("accessions_of", str(refused))
        return None
    if change is None:
        messages.info(request, "Nothing has changed.")
    else:
        messages.success(request, "Saved. What is held can be run again now.")
    return redirect("sender", pk=form.sender.pk)


def _try(request: HttpRequest, form: SenderForm) -> list[reading.Shown]:
    """Read with what was typed; nothing is kept. The patients in it are somebody's data all the
    same, so that this person saw them is recorded."""
    as_typed = copy(form.sender)
    for name, value in form.settings.items():
        setattr(as_typed, name, value)
    read, _ = read_as_sent(form.cleaned_data["message"].encode(), as_typed)
    saw(request, *known_patients_of(read))
    return reading.shown(read)
