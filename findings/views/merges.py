"""Two records of one patient: coordinators merge them, see what was merged, and take it back."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from findings.forms.merges import MergeForm, UndoMergeForm
from findings.models import PatientMerge, Person
from findings.rules import NotAllowed, check_can_merge
from findings.services.identity import numbers_of
from findings.services.merge import came_since, merge_patients, merges_of, undo_merge
from findings.views.access import saw, signed_in
from findings.views.form_page import form_page
from findings.words import plural

ROWS_ON_A_PAGE = 25


def _coordinator(request: HttpRequest) -> Person:
    person = signed_in(request)
    check_can_merge(person)
    return person


@require_http_methods(["GET", "HEAD", "POST"])
def merges(request: HttpRequest) -> HttpResponse:
    """The form, then the two records side by side, then the press that merges them."""
    person = _coordinator(request)
    form = MergeForm(by=person, data=request.POST if request.method == "POST" else None)
    records, moving = [], 0
    if form.is_valid():
        keep, merged = form.cleaned_data["keep"], form.cleaned_data["merged"]
        try:
            check_can_merge(person, keep, merged)
            if form.was_seen:
                because = form.cleaned_data["because"]
                merge_patients(keep=keep, merged=merged, because=because, by=person)
                messages.success(request, "The two records are one now. No limit has moved.")
                return redirect("merges")
            if keep == merged:
                raise NotAllowed("Both numbers already lead to the same record.")
            records = [(record, numbers_of(record)) for record in (keep, merged)]
            moving = merged.examinations.count()
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
    return _page(request, person, form, records, moving)


def _page(
    request: HttpRequest, person: Person, form: MergeForm, records: list, moving: int
) -> HttpResponse:
    every = merges_of(person).prefetch_related("kept__identifiers", "merged__identifiers")
    page = Paginator(every, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
    if request.method != "HEAD":
        shown = [patient for merge in page for patient in (merge.kept, merge.merged)]
        saw(request, *shown, *(record for record, _ in records))
    context = {"form": form, "records": records, "moving": moving, "page": page}
    return form_page(request, "merges.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """What moved goes back, with a reason."""
    person = _coordinator(request)
    merge: PatientMerge = get_object_or_404(merges_of(person), pk=pk)
    form = UndoMergeForm(merge, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            check_can_merge(person, merge.kept, merge.merged)
            because = form.cleaned_data["because"]
            undo_merge(merge=merge, because=because, by=person, also=form.going)
        except (NotAllowed, ValueError) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"The merge is undone. {_where_since(merge, form)}")
            return redirect("merges")
    if request.method != "HEAD":
        saw(request, merge.kept, merge.merged)
    return form_page(request, "undo_merge.jinja", {"form": form, "merge": merge})


def _where_since(merge: PatientMerge, form: UndoMergeForm) -> str:
    """Where what came since the merge is now."""
    stays, went = came_since(merge).count(), len(form.going)
    if not stays and not went:
        return "Nothing had come since."
    return (
        f"Of what came since, {plural(went, 'examination')} went with the record that was taken"
        f" out, and {plural(stays, 'examination')} stayed with the one that was kept."
    )
