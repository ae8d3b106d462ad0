"""A patient died, was discharged or was transferred: coordinators record it and take it back, and
whoever holds a finding says whether it is still theirs.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from findings import rules
from findings.forms.lists import Narrowing
from findings.forms.patient_changes import (
    PatientChangeForm,
    StillMineForm,
    UndoPatientChangeForm,
)
from findings.models import Finding, Patient, PatientChange, Person
from findings.presenters.columns import PATIENT_CHANGES
from findings.services.identity import numbers_of
from findings.services.patient_change import changes_of, confirm_owner, record_change, undo_change
from findings.views.access import saw, signed_in
from findings.views.answering import Answer, answer_page
from findings.views.form_page import form_page
from findings.views.listing import Listing, Shown, answer
from findings.words import plural

CHANGED = Listing(
    "Died, discharged or transferred",
    "patient_changes.jinja",
    PATIENT_CHANGES,
    ("-recorded_at", "-pk"),
    lambda change: (change.patient_id,),
)


def _coordinator(request: HttpRequest) -> Person:
    person = signed_in(request)
    rules.check_can_record_change(person)
    return person


@require_http_methods(["GET", "HEAD", "POST"])
def changes(request: HttpRequest) -> HttpResponseBase:
    """The form, then the record with its open findings, then the press that records it."""
    person = _coordinator(request)
    form = PatientChangeForm(by=person, data=request.POST if request.method == "POST" else None)
    shown: Patient | None = None
    if form.is_valid():
        try:
            rules.check_can_record_change(person, form.patient)
            if form.was_seen:
                record_change(patient=form.patient, change=form.change, by=person)
                messages.success(
                    request,
                    "Recorded. Whoever holds a finding of this patient is asked again now."
                    " No limit has moved.",
                )
                return redirect("patient-changes")
            shown = form.patient
        except (rules.NotAllowed, ValueError) as refusal:
            form.add_error(None, str(refusal))
    return _page(request, person, form, shown)


def _page(
    request: HttpRequest, person: Person, form: PatientChangeForm, shown: Patient | None
) -> HttpResponseBase:
    def context(page: Shown) -> dict[str, Any]:
        of_record = _record(request, person, form, shown) if shown else {}
        return {"form": form, "patient": shown} | of_record

    return answer(request, CHANGED, changes_of(person), Narrowing(), context, draw=form_page)


def _record(
    request: HttpRequest, person: Person, form: PatientChangeForm, shown: Patient
) -> dict[str, Any]:
    saw(request, shown)
    asked = Finding.objects.open().filter(examination__patient=shown)
    if form.change.kind != PatientChange.Kind.DIED:
        asked = asked.filter(organisation=person.organisation_id)
    return {"identifiers": numbers_of(shown), "open": plural(asked.count(), "open finding")}


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """It was recorded by mistake."""
    person = _coordinator(request)
    change: PatientChange = get_object_or_404(changes_of(person), pk=pk)
    form = UndoPatientChangeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            undo_change(change=change, because=form.cleaned_data["because"], by=person)
        except rules.NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                "Taken back. Whoever holds a finding of this patient hears of it now, and what was"
                " closed because of a death is open again.",
            )
            return redirect("patient-changes")
    if request.method != "HEAD":
        saw(request, change.patient)
    return form_page(request, "undo_patient_change.jinja", {"form": form, "change": change})


def still_mine(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, STILL_MINE)


def _still_mine(finding: Finding, by: Person, form: StillMineForm) -> str:
    confirm_owner(finding=finding, by=by, text=form.cleaned_data["text"])
    return "Recorded that it is still yours. No clock has stopped."


STILL_MINE = Answer(
    title="This is still mine",
    button="It is still mine",
    form=StillMineForm,
    check=rules.check_can_confirm,
    take=_still_mine,
    lead="Nothing changes: you hold it, and every clock runs on. Where somebody else is responsible"
    " now, offer it to them instead.",
)
