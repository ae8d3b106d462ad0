"""People from a file: choose it, see every change, then make them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from findings.forms.staff import ConfirmStaffForm, StaffFileForm, packed
from findings.models import Person
from findings.rules import check_can_import_people
from findings.services.staff_file import COLUMNS
from findings.services.staff_import import Outcome, dry_run, import_people
from findings.views.access import signed_in


@require_http_methods(["GET", "HEAD", "POST"])
def import_staff(request: HttpRequest) -> HttpResponse:
    """The file, or the changes of the file that was sent; with `seen`, those are made."""
    by = signed_in(request)
    check_can_import_people(by)
    if "seen" in request.POST:
        return _make(request, by)
    sent = request.method == "POST"
    form = StaffFileForm(request.POST, request.FILES) if sent else StaffFileForm()
    if not form.is_valid():
        return _choose(request, form)
    raw, complete = form.cleaned_data["file"], form.cleaned_data["complete"]
    return _show(request, dry_run(raw, by=by, complete=complete), raw, complete)


def _choose(request: HttpRequest, form: StaffFileForm) -> HttpResponse:
    context = {"form": form, "columns": COLUMNS}
    return render(request, "import_staff.jinja", context, status=422 if form.errors else 200)


def _show(
    request: HttpRequest, outcome: Outcome, raw: bytes, complete: bool, *, again: bool = False
) -> HttpResponse:
    hidden = {"raw": packed(raw), "complete": "on" if complete else "", "seen": outcome.fingerprint}
    context = {"outcome": outcome, "hidden": hidden, "again": again}
    status = 422 if outcome.mistakes else 409 if again else 200
    return render(request, "staff_changes.jinja", context, status=status)


def _make(request: HttpRequest, by: Person) -> HttpResponse:
    form = ConfirmStaffForm(request.POST)
    if not form.is_valid():
        return redirect("import-staff")
    raw, complete, seen = (form.cleaned_data[name] for name in ("raw", "complete", "seen"))
    outcome = import_people(raw, by=by, complete=complete, seen=seen)
    if outcome.mistakes or outcome.fingerprint != seen:
        return _show(request, outcome, raw, complete, again=True)
    messages.success(request, f"Imported: {len(outcome.changes)} changed, {outcome.unchanged} not.")
    return redirect("people")
