"""Reports: the latest, searching for one, reading one with its versions, and typing one in."""

import secrets
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from findings.documents import is_only_documents
from findings.forms.lists import Narrowing
from findings.forms.reports import ReportForm, SearchForm
from findings.models import Document, Examination, Person, Receipt, Report, Role
from findings.presenters.columns import REPORTS
from findings.presenters.heard import heard_about
from findings.presenters.proposals import what_was_found
from findings.presenters.reports import STATUS_COLOURS, versions
from findings.rules import (
    can_flag,
    can_follow_wait,
    can_write_report,
    check_can_write_report,
)
from findings.services.documents import documents_of
from findings.services.identity import Held, numbers_of
from findings.services.proposals import open_proposals
from findings.services.receive import receive_report
from findings.services.report_by import running_wait
from findings.services.search import flags_in, latest_reports, search_reports
from findings.services.senders import typed_sender
from findings.views.access import saw, signed_in, visible_examination
from findings.views.form_page import form_page
from findings.views.listing import AS, Listing, Shown, answer

READERS = (Role.RADIOLOGIST, Role.REFERRER, Role.COORDINATOR, Role.GOVERNANCE)
REPORTS_LIST = Listing(
    "Reports",
    "reports.jinja",
    REPORTS,
    ("-current_report__reported_at", "-pk"),
    lambda examination: (examination.patient_id,),
)
# What was searched for stays in the session under a random word, which is all that an address
# shows: paging and the way back from a report keep the search.
SEARCHES = "report_searches"
SEARCHES_KEPT = 8


@require_http_methods(["GET", "HEAD", "POST"])
def reports(request: HttpRequest) -> HttpResponseBase:
    """The latest reports that this person may read, or those that they search for."""
    person = signed_in(request)
    if not person.has_role(*READERS):
        raise PermissionDenied("Reports are for people with a clinical role.")
    if request.method == "POST":
        return _search(request, person)
    typed = _searched(request)
    if AS in request.GET and request.GET.get("search") and not typed:
        return redirect("reports")  # never a file of something else
    found = search_reports(person, typed).examinations if typed else latest_reports(person)
    return _list(request, found, SearchForm(initial={"words": typed}), typed)


def _search(request: HttpRequest, person: Person) -> HttpResponseBase:
    """Straight to the report where a number leads to just one; else to the list of the found."""
    form = SearchForm(request.POST)
    if not form.is_valid():
        return _list(request, latest_reports(person).none(), form, "")
    typed = form.cleaned_data["words"]
    if not typed:
        return redirect("reports")
    only = search_reports(person, typed).only_one()
    if only is not None:
        return redirect("report", only.public_id)
    return redirect(f"{request.path}?search={_keep(request, typed)}")


def _keep(request: HttpRequest, typed: str) -> str:
    word = secrets.token_urlsafe(8)
    kept = list(request.session.get(SEARCHES, {}).items())[1 - SEARCHES_KEPT :]
    request.session[SEARCHES] = {**dict(kept), word: typed}
    return word


def _searched(request: HttpRequest) -> str:
    """What the address stands for; empty where there is none, or it was forgotten."""
    word = request.GET.get("search", "")
    typed = request.session.get(SEARCHES, {}).get(word, "")
    if word and not typed:
        messages.info(request, "That search has been forgotten. These are the latest reports.")
    return typed


def _list(
    request: HttpRequest, found: QuerySet[Examination], form: SearchForm, typed: str
) -> HttpResponseBase:
    # Whoever comes to look at what was found, or at what is wrong, is not taken away from it.
    box: Any = form.fields["words"]
    box.autofocus = not typed and not form.errors
    narrowing = Narrowing()
    if typed:
        word = urlencode({"search": request.GET["search"]})
        narrowing = Narrowing(word, [f"Found for: {typed}"], can_be_kept=False)

    def context(page: Shown) -> dict[str, Any]:
        return {
            "typed": typed,
            "form": form,
            "status_colours": STATUS_COLOURS,
            "can_write": can_write_report(signed_in(request)),
        }

    return answer(request, REPORTS_LIST, found, narrowing, context, draw=form_page)


@require_safe
def report(request: HttpRequest, public_id: str) -> HttpResponse:
    """One report as it was written, its versions, and what is flagged in it."""
    examination, person = visible_examination(request, public_id), signed_in(request)
    current, wait = examination.current_report, running_wait(examination)
    if request.method == "GET":
        saw(request, examination.patient)
    every = list(examination.reports.select_related("reported_by"))
    context = {
        "examination": examination,
        "patient": examination.patient,
        "identifiers": numbers_of(examination.patient),
        "report": current,
        "documents": documents_of(current) if current else [],
        "is_document": current is not None and is_only_documents(current.text),
        "versions": versions(every, current) if current else [],
        "flags": flags_in(examination, person),
        "heard": heard_about(examination),
        "proposals": open_proposals(examination),
        "what_was_found": what_was_found,
        "status_colours": STATUS_COLOURS,
        "can_flag": can_flag(person, examination),
        "wait": wait,
        "follows_wait": wait is not None and can_follow_wait(person, examination),
        "now": timezone.now(),
    }
    return render(request, "report.jinja", context)


# A document of another system is handed over as a file. Should a browser show it all the same, then
# as a stranger to this application, and nothing in it runs.
SEALED = {"Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'"}


@require_safe
def document(request: HttpRequest, public_id: str, number: int) -> HttpResponse:
    """A document that came with a version of the report."""
    examination = visible_examination(request, public_id)
    found = get_object_or_404(Document, report__examination=examination, pk=number)
    if request.method == "GET":
        saw(request, examination.patient)
    named = {"Content-Disposition": f'attachment; filename="{found.file_name}"'}
    return HttpResponse(
        bytes(found.content), content_type=found.media_type, headers={**SEALED, **named}
    )


@require_http_methods(["GET", "HEAD", "POST"])
def write_report(request: HttpRequest) -> HttpResponse:
    """A radiologist types a report in; it is filed like any other."""
    by = signed_in(request)
    check_can_write_report(by)
    form = ReportForm(by=by, data=request.POST if request.method == "POST" else None)
    if form.is_valid():
        filed = _file(form, by)
        if filed is not None:
            return _filed(request, *filed)
    return form_page(request, "write_report.jinja", {"form": form, "site": by.site})


def _file(form: ReportForm, by: Person) -> tuple[Receipt.Outcome, Report] | None:
    """The version that it became; None, with words beside the field, when a person must look."""
    assert by.site is not None
    try:
        return receive_report(sender=typed_sender(by.site), arriving=form.arriving())
    except Held as held:
        form.add_held(held)
        return None


def _filed(request: HttpRequest, outcome: Receipt.Outcome, filed: Report) -> HttpResponse:
    accession = filed.examination.accession
    if outcome == Receipt.Outcome.DUPLICATE:
        messages.info(request, f"This report was here already, as {accession}.")
    else:
        messages.success(request, f"Saved as {accession}, version {filed.version}.")
    return redirect("report", filed.examination.public_id)
