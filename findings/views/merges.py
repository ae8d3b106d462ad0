"""Two records of one patient: coordinators merge them, see what was merged, and take it back."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from findings.forms.lists import Narrowing
from findings.forms.merges import MergeForm, UndoMergeForm
from findings.models import PatientMerge, Person
from findings.presenters.columns import MERGES
from findings.rules import NotAllowed, check_can_merge
from findings.services.identity import numbers_of
from findings.services.merge import came_since, merge_patients, merges_of, undo_merge
from findings.views.access import saw, signed_in
from findings.views.form_page import form_page
from findings.views.listing import Listing, Shown, answer
from findings.words import plural

MERGED = Listing(
    "Merged records",
    "merges.jinja",
    MERGES,
    ("-merged_at", "-pk"),
    lambda merge: (merge.kept_id, merge.merged_id),
)


def _coordinator(request: HttpRequest) -> Person:
    person = signed_in(request)
    check_can_merge(person)
    return person


@require_http_methods(["GET", "HEAD", "POST"])
def merges(request: HttpRequest) -> HttpResponseBase:
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
) -> HttpResponseBase:
    rows = merges_of(person).prefetch_related("kept__identifiers", "merged__identifiers")

    def context(page: Shown) -> dict[str, Any]:
        saw(request, *(record for record, _ in records))
        return {"form": form, "records": records, "moving": moving}

    return answer(request, MERGED, rows, Narrowing(), context, draw=form_page)


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
