"""Recording that somebody was told by telephone."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from findings import rules
from findings.forms.call import CallForm
from findings.models import Finding, Person
from findings.presenters.answering import next_limit
from findings.services.phone import record_call, record_owner_phoned
from findings.states import State
from findings.views.access import is_from_my_flags, signed_in, visible_finding
from findings.views.answering import Answer, answer_page


def call(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, CALL)


@require_POST
def phoned(request: HttpRequest, reference: str) -> HttpResponse:
    """I have phoned Dr X: one press beside their name, on the finding or in the list of flags."""
    finding, by = visible_finding(request, reference), signed_in(request)
    rules.check_can_record_call(by, finding)
    owner = finding.owner_person
    if owner is None or str(owner.pk) != request.POST.get("owner"):
        messages.warning(request, f"{finding.owner} holds it now. Say here whom you spoke to.")
        return redirect("call", reference)
    try:
        record_owner_phoned(finding=finding, by=by, owner=owner)
    except ValueError as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, _phoned_words(finding, owner))
    return _back(request, reference)


def _phoned_words(finding: Finding, owner: Person) -> str:
    told = f"Recorded: you phoned {owner} now."
    if finding.state != State.AWAITING:
        return told
    return f"{told} That is no acknowledgement: {next_limit(finding)}."


def _back(request: HttpRequest, reference: str) -> HttpResponse:
    return redirect("my-flags") if is_from_my_flags(request) else redirect("finding", reference)


def _record(finding: Finding, by: Person, form: CallForm) -> str:
    made = record_call(finding=finding, by=by, call=form.call)
    if made.took_it_on:
        return f"{made.who} holds this finding now. {next_limit(finding)}."
    return f"The call is recorded. Nobody has taken it on: {next_limit(finding)}."


CALL = Answer(
    title="Record a telephone call",
    button="Record",
    form=CallForm,
    check=rules.check_can_record_call,
    take=_record,
    lead="A call counts as telling. It is an acknowledgement only if the person took it on.",
)
