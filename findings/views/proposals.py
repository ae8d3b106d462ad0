"""To confirm: what alert codes of reports propose. A radiologist flags it, or says it is none."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from findings.forms.lists import Narrowing
from findings.forms.proposals import NotAFindingForm
from findings.models import Proposal
from findings.presenters import proposals as presenter
from findings.presenters.columns import PROPOSALS
from findings.rules import (
    can_answer_proposal,
    check_can_answer_proposal,
    check_can_see_proposals,
)
from findings.services.proposals import AlreadyAnswered, check_open, reject
from findings.views.access import saw, signed_in
from findings.views.form_page import form_page
from findings.views.listing import Listing, Shown, answer

TO_CONFIRM = Listing(
    "To confirm",
    "to_confirm.jinja",
    PROPOSALS,
    ("due_at", "pk"),
    lambda proposal: (proposal.examination.patient_id,),
)


@require_safe
def to_confirm(request: HttpRequest) -> HttpResponseBase:
    """The least time left first."""
    person = signed_in(request)
    check_can_see_proposals(person)
    rows = Proposal.objects.visible_to(person).open()
    rows = rows.select_related(
        "category", "report__reported_by", "examination__patient", "examination__site"
    )

    def context(page: Shown) -> dict[str, Any]:
        return {
            "what_was_found": presenter.what_was_found,
            "reported_by": presenter.reported_by,
            "theirs": {one.pk for one in page if presenter.is_theirs(one, person)},
            "answerable": {one.pk for one in page if can_answer_proposal(person, one)},
            "now": timezone.now(),
        }

    return answer(request, TO_CONFIRM, rows, Narrowing(), context)


@require_http_methods(["GET", "HEAD", "POST"])
def not_a_finding(request: HttpRequest, pk: int) -> HttpResponse:
    """Rejecting needs a reason."""
    person = signed_in(request)
    proposal = get_object_or_404(
        Proposal.objects.visible_to(person).select_related(
            "category", "report", "examination__patient", "examination__site", "ended_by"
        ),
        pk=pk,
    )
    check_can_answer_proposal(person, proposal)
    form = NotAFindingForm(request.POST if request.method == "POST" else None)
    try:
        check_open(proposal)
        if form.is_valid():
            reject(proposal=proposal, by=person, because=form.cleaned_data["because"])
            messages.success(request, "Recorded that it is not a finding, with your reason.")
            return redirect("to-confirm")
    except AlreadyAnswered as refused:
        messages.warning(request, str(refused))
        return redirect("to-confirm")
    if request.method != "HEAD":
        saw(request, proposal.examination.patient)
    context = {
        "proposal": proposal,
        "examination": proposal.examination,
        "found": presenter.what_was_found(proposal),
        "form": form,
        "now": timezone.now(),
    }
    return form_page(request, "not_a_finding.jinja", context)
