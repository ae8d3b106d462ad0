"""Snooze, hold the letter to the patient, and undo either."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

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


def end_snooze(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, END_SNOOZE)


def end_hold(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, END_HOLD)


def _snooze(finding: Finding, by: Person, form: SnoozeForm) -> str:
    given = form.cleaned_data
    made = service.snooze(
        finding=finding, by=by, because=given["because"], until_at=given["until_at"]
    )
    until = words.until(made.until_at, timezone.now())
    return f"Snoozed until {until}. No limit has moved: {next_limit(finding)}."


def _hold(finding: Finding, by: Person, form: HoldForm) -> str:
    made = service.hold_letter(
        finding=finding, by=by, because=form.cleaned_data["because"], until_at=form.until_at
    )
    return f"The letter to the patient is held until {words.until(made.until_at, timezone.now())}."


def _end_snooze(finding: Finding, by: Person, form: AnswerForm) -> str:
    service.end_snooze(finding=finding, by=by)
    return f"It is not snoozed any more. {next_limit(finding)}."


def _end_hold(finding: Finding, by: Person, form: AnswerForm) -> str:
    service.end_hold(finding=finding, by=by)
    return "The letter to the patient is not held any more."


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
WHAT_WAITED = "What waited is told as promised: at once where its time has passed."
END_SNOOZE = Answer(
    title="End the snooze",
    button="End the snooze",
    form=AnswerForm,
    check=rules.check_can_end_snooze,
    take=_end_snooze,
    lead=f"{WHAT_WAITED} Where the letter to the patient is held, it stays held.",
)
END_HOLD = Answer(
    title="End the hold of the letter",
    button="End the hold",
    form=AnswerForm,
    check=rules.check_can_end_hold,
    take=_end_hold,
    lead=f"{WHAT_WAITED} Where the finding is snoozed, it stays snoozed.",
)
