"""Snooze, hold the letter to the patient, and undo either."""

from django.http import HttpRequest, HttpResponse

from findings import rules, words
from findings.forms.answers import AnswerForm
from findings.forms.pauses import HoldForm, SnoozeForm
from findings.models import Finding, Person
from findings.presenters.answering import next_limit
from findings.services import pause as service
from findings.views.answering import Answer, answer_page


def snooze(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, SNOOZE)


def hold_letter(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, HOLD)


def end_pause(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, END)


def _snooze(finding: Finding, by: Person, form: SnoozeForm) -> str:
    given = form.cleaned_data
    made = service.snooze(
        finding=finding, by=by, because=given["because"], until_at=given["until_at"]
    )
    return f"Snoozed until {words.until(made.until_at)}. No limit has moved: {next_limit(finding)}."


def _hold(finding: Finding, by: Person, form: HoldForm) -> str:
    made = service.hold_letter(
        finding=finding, by=by, because=form.cleaned_data["because"], until_at=form.until_at
    )
    return f"The letter to the patient is held until {words.until(made.until_at)}."


def _end(finding: Finding, by: Person, form: AnswerForm) -> str:
    service.end_pause(finding=finding, by=by)
    return f"Nothing is put off any more. {next_limit(finding)}."


SNOOZE = Answer(
    title="Snooze the finding",
    button="Snooze",
    form=SnoozeForm,
    check=rules.check_can_snooze,
    take=_snooze,
    lead="Only your own reminders wait. The limit stays, and whoever is next on the ladder is told"
    " as promised.",
)
HOLD = Answer(
    title="Hold the letter to the patient",
    button="Hold the letter",
    form=HoldForm,
    check=rules.check_can_hold_letter,
    take=_hold,
    lead="Nobody is asked to write to the patient until then. At the limit the governance leads"
    " hear all the same.",
)
END = Answer(
    title="End the snooze or hold",
    button="End it",
    form=AnswerForm,
    check=rules.check_can_end_pause,
    take=_end,
    lead="Where both are set, both end. What waited is told as promised: at once where its time has"
    " passed.",
)
