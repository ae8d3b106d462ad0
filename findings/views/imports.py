"""A file whose changes are shown before they are made: the flow that every import has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from findings.forms.table_file import ConfirmFileForm, TableFileForm, packed
from findings.models import Person
from findings.presenters.foretold import shown
from findings.services.shown_first import Outcome
from findings.views.form_page import form_page


@dataclass(frozen=True)
class Import:
    """What one kind of file has of its own."""

    form: Callable[..., TableFileForm]
    confirm: Callable[..., ConfirmFileForm]
    columns: Sequence[str]
    # Both take the file, who asks as `by`, and what else the form asks; the second `seen`, too.
    dry_run: Callable[..., Outcome[Any]]
    carry_out: Callable[..., Outcome[Any]]
    choose_template: str
    changes_template: str
    # Names of pages: this one, and where to go afterwards.
    page: str
    onwards: str
    # What else the first of its pages shows.
    beside: Callable[[], dict[str, Any]] = dict
    # And the second, of what the file changes.
    said: Callable[[Any], list[str]] = lambda _: []


def import_page(request: HttpRequest, by: Person, what: Import) -> HttpResponse:
    """The file, or the changes of the file that was sent; with `seen`, those are made."""
    if "seen" in request.POST:
        return _make(request, by, what)
    form = what.form(*((request.POST, request.FILES) if request.method == "POST" else ()))
    if not form.is_valid():
        context = {"form": form, "columns": what.columns, **what.beside()}
        return form_page(request, what.choose_template, context)
    given = dict(form.cleaned_data)
    raw = given.pop("file")
    return _show(request, what, what.dry_run(raw, by=by, **given), raw, given)


def _show(
    request: HttpRequest,
    what: Import,
    outcome: Outcome[Any],
    raw: bytes,
    given: dict[str, Any],
    *,
    again: bool = False,
) -> HttpResponse:
    hidden = {name: _hidden(value) for name, value in given.items()} | {
        "raw": packed(raw),
        "seen": outcome.fingerprint,
    }
    now, found = timezone.now(), outcome.foretold
    context = {"outcome": outcome, "hidden": hidden, "again": again, "now": now}
    context["said"] = [] if outcome.mistakes else what.said(outcome)
    context["foretold"] = shown(found, now) if found and outcome.changes else None
    status = 422 if outcome.mistakes else 409 if again else 200
    return render(request, what.changes_template, context, status=status)


def _hidden(value: Any) -> str:
    """A row by its key, a box as ticked or not."""
    if isinstance(value, Model):
        return str(value.pk)
    return "on" if value else ""


def _make(request: HttpRequest, by: Person, what: Import) -> HttpResponse:
    form = what.confirm(request.POST)
    if not form.is_valid():
        return redirect(what.page)
    given = dict(form.cleaned_data)
    raw, seen = given.pop("raw"), given.pop("seen")
    outcome = what.carry_out(raw, by=by, seen=seen, **given)
    if outcome.mistakes or outcome.fingerprint != seen:
        return _show(request, what, outcome, raw, given, again=True)
    messages.success(request, f"Imported: {len(outcome.changes)} changed, {outcome.unchanged} not.")
    return redirect(what.onwards)
