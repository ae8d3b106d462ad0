"""Rotas from a file: choose it, see every change, then make them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from findings.forms.rotas import RotaFileForm
from findings.forms.staff import ConfirmStaffForm, packed
from findings.models import Person
from findings.services import rota_import as services
from findings.services.rota_import import COLUMNS, Outcome, dry_run
from findings.views.rotas import keeper

SOURCE = "imported from a file"


@require_http_methods(["GET", "HEAD", "POST"])
def import_rota(request: HttpRequest) -> HttpResponse:
    """The file, or the changes of the file that was sent; with `seen`, those are made."""
    by = keeper(request)
    if "seen" in request.POST:
        return _make(request, by)
    sent = request.method == "POST"
    form = RotaFileForm(request.POST, request.FILES) if sent else RotaFileForm()
    if not form.is_valid():
        context = {"form": form, "columns": COLUMNS}
        return render(request, "import_rota.jinja", context, status=422 if form.errors else 200)
    raw = form.cleaned_data["file"]
    return _show(request, dry_run(raw, by=by), raw)


def _show(
    request: HttpRequest, outcome: Outcome, raw: bytes, *, again: bool = False
) -> HttpResponse:
    hidden = {"raw": packed(raw), "seen": outcome.fingerprint}
    context = {"outcome": outcome, "hidden": hidden, "again": again}
    status = 422 if outcome.mistakes else 409 if again else 200
    return render(request, "rota_changes.jinja", context, status=status)


def _make(request: HttpRequest, by: Person) -> HttpResponse:
    form = ConfirmStaffForm(request.POST)
    if not form.is_valid():
        return redirect("import-rota")
    raw, seen = form.cleaned_data["raw"], form.cleaned_data["seen"]
    outcome = services.import_rota(raw, by=by, source=SOURCE, seen=seen)
    if outcome.mistakes or outcome.fingerprint != seen:
        return _show(request, outcome, raw, again=True)
    messages.success(request, f"Imported: {len(outcome.changes)} changed, {outcome.unchanged} not.")
    return redirect("rotas")
