"""Recording that somebody was told by telephone."""

from django.http import HttpRequest, HttpResponse

from findings import rules
from findings.forms.call import CallForm
from findings.models import Finding, Person
from findings.presenters.answering import next_limit
from findings.services.phone import record_call
from findings.views.answering import Answer, answer_page


def call(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, CALL)


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
