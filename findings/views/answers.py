"""The answers to a finding: mine, not mine, done, told, closed, withdrawn, handed over."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from findings import reach, rules
from findings.forms import answers as forms
from findings.models import Action, Audience, Finding, Person, Step
from findings.presenters.answering import next_limit
from findings.presenters.finding import told_of_withdrawal
from findings.services.acknowledge import (
    acknowledge_finding,
    decline_finding,
    hand_over_finding,
    take_acknowledgement_back,
)
from findings.services.act import record_action, record_patient_told
from findings.services.close import close_finding, withdraw_finding
from findings.services.rate import rate_finding
from findings.services.timeline import database_now
from findings.timetable import PlannedStep
from findings.views.answering import Answer, answer_page, keep_late

NOT_RESET = "The clock was not reset: what was promised to the patient stays promised."


def acknowledge(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, ACKNOWLEDGE)


def decline(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, DECLINE)


def take_back(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, TAKE_BACK)


def act(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, ACT)


def patient_told(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, PATIENT_TOLD)


def close(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, CLOSE)


def rate(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, RATE)


def withdraw(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, WITHDRAW)


def hand_over(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, HAND_OVER)


# --- What each answer does; every function returns what the next page says -------------------


def _acknowledge(finding: Finding, by: Person, form: forms.AcknowledgeForm) -> str:
    acknowledge_finding(finding=finding, by=by, plan=form.plan, plan_by=form.planned_day)
    return f"You hold this finding now. The first clock has stopped. {next_limit(finding)}."


def _decline(finding: Finding, by: Person, form: forms.DeclineForm) -> str:
    if form.plan:
        acknowledge_finding(finding=finding, by=by, plan=form.plan)
        not_told = f"{form.acting} is not told from here."
        return f"You hold this finding. {not_told} {next_limit(finding)}."
    before = set(_brought_forward(finding))
    decline_finding(finding=finding, by=by, because=form.cleaned_data["because"], to=form.to)
    if form.to:
        return f"Passed to {form.to}, who is told now. {NOT_RESET} {next_limit(finding)}."
    climbed = [step for step in _brought_forward(finding) if step not in before]
    told = Audience(climbed[0].audience).label if climbed else "the team"
    return f"Sent up the ladder: {told} told now. {NOT_RESET} {next_limit(finding)}."


def _brought_forward(finding: Finding) -> list[Step]:
    return list(finding.steps.filter(brought_forward_to__isnull=False))


def _take_back(finding: Finding, by: Person, form: forms.TakeBackForm) -> str:
    because = form.cleaned_data["because"]
    taken = take_acknowledgement_back(finding=finding, by=by, because=because)
    return f"Taken back. {taken.owner} holds it and is told now. {next_limit(finding)}."


def _act(finding: Finding, by: Person, form: forms.ActForm) -> str:
    record_action(
        finding=finding,
        by=by,
        kind=Action.Kind(form.cleaned_data["kind"]),
        text=form.cleaned_data["text"],
        result_expected_on=form.expected_on,
        advised=form.advised,
    )
    if form.cleaned_data["kind"] == Action.Kind.NONE:
        return "Recorded that no action is needed. Close the finding with its outcome now."
    return f"Your action is recorded. {next_limit(finding)}, and close the finding then."


def _tell(finding: Finding, by: Person, form: forms.PatientToldForm) -> str:
    record_patient_told(
        finding=finding,
        by=by,
        how=Finding.ToldHow(form.cleaned_data["how"]),
        who=form.cleaned_data["who"],
        note=form.cleaned_data["said"],
        told_at=form.cleaned_data["told_at"],
    )
    if form.cleaned_data["how"] == Finding.ToldHow.NOT_TOLD:
        return f"Recorded why the patient was not told. {next_limit(finding)}."
    return f"Recorded that the patient was told. {next_limit(finding)}."


def _close(finding: Finding, by: Person, form: forms.CloseForm) -> str:
    """Telling the patient and closing, where both are on the page, happen together or not."""
    if isinstance(form, forms.PatientToldForm):
        _tell(finding, by, form)
    close_finding(
        finding=finding,
        by=by,
        outcome=Finding.Outcome(form.cleaned_data["outcome"]),
        note=form.cleaned_data["note"],
    )
    if form.rating:
        rate_finding(finding=finding, by=by, **form.rating)
    return "Closed. Nothing more is asked of anybody, unless the report is corrected."


def _rate(finding: Finding, by: Person, form: forms.RateForm) -> str:
    rate_finding(finding=finding, by=by, **(form.rating or {}))
    return f"Thank you. {finding.flagged_by} sees it beside the flag."


def _withdraw(finding: Finding, by: Person, form: forms.WithdrawForm) -> str:
    withdraw_finding(finding=finding, by=by, because=form.cleaned_data["because"])
    told = told_of_withdrawal(finding.events.all())
    return f"Withdrawn. {told} Your reason is in its timeline."


def _hears_of_withdrawal(finding: Finding, by: Person) -> reach.StepPreview:
    step = PlannedStep(0, database_now(), Audience.WITHDRAWN, "")
    (shown,) = reach.preview(reach.Subject.of(finding, done_by=by), [step])
    return shown


def _hand_over(finding: Finding, by: Person, form: forms.HandOverForm) -> str:
    handed = hand_over_finding(
        finding=finding, by=by, because=form.cleaned_data["because"], **form.to
    )
    return f"Handed over to {handed.owner}, who is told now. {next_limit(finding)}."


def _close_form(*, finding: Finding, **kwargs: Any) -> forms.CloseForm:
    told = finding.patient_told_at is not None
    form = forms.CloseForm if told else forms.CloseAndTellForm
    return form(finding=finding, **kwargs)


ACKNOWLEDGE = Answer(
    title="This is mine, and this is my plan",
    button="Acknowledge",
    form=forms.AcknowledgeForm,
    check=rules.check_can_acknowledge,
    take=_acknowledge,
    lead="You hold the finding from now on. The clock to acknowledge stops; the one to act runs.",
    keep_late=keep_late,
)
DECLINE = Answer(
    title="Not mine, or not for me to do",
    button="Send this answer",
    form=forms.DeclineForm,
    check=rules.check_can_decline,
    take=_decline,
    lead="The clock is not reset: whoever holds it next has the time that is left.",
    keep_late=keep_late,
)
TAKE_BACK = Answer(
    title="I acknowledged it by mistake",
    button="Take it back",
    form=forms.TakeBackForm,
    check=rules.check_can_take_acknowledgement_back,
    take=_take_back,
    lead="Your team holds it and is told at once. The clock to acknowledge goes on as if nobody had"
    " answered: whoever would have been told meanwhile is told now.",
)
ACT = Answer(
    title="Record an action",
    button="Record",
    form=forms.ActForm,
    check=rules.check_can_act,
    take=_act,
    lead="The finding stays open until its result is known and you close it.",
)
PATIENT_TOLD = Answer(
    title="Patient told",
    button="Record",
    form=forms.PatientToldForm,
    check=rules.check_can_tell_patient,
    take=_tell,
)
CLOSE = Answer(
    title="Close the finding",
    button="Close the finding",
    form=_close_form,
    check=rules.check_can_close,
    take=_close,
    lead="A closed finding asks nothing of anybody. A corrected report opens it again.",
)
RATE = Answer(
    title="Was this flag useful?",
    button="Send",
    form=forms.RateForm,
    check=rules.check_can_rate,
    take=_rate,
    lead="It is no answer: no clock stops, and nobody is told by a message.",
)
WITHDRAW = Answer(
    title="Withdraw the finding",
    button="Withdraw the finding",
    form=forms.WithdrawForm,
    check=rules.check_can_withdraw,
    take=_withdraw,
    lead="Only for a finding that was flagged in error. It stays readable and is never deleted."
    " Whoever was told of it, or holds it, hears once that it is withdrawn.",
    variant="warning",
    tells=_hears_of_withdrawal,
)
HAND_OVER = Answer(
    title="Hand over the finding",
    button="Hand over",
    form=forms.HandOverForm,
    check=rules.check_can_hand_over,
    take=_hand_over,
    lead="The new owner is asked to acknowledge. The time to act still counts from the flag.",
)
