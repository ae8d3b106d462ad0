"""What was done about it, and that the patient was told."""

from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from findings import words
from findings.form_fields import (
    DateField,
    DateTimeField,
    RadiosField,
    TextareaField,
    TextField,
    not_in_the_future,
    not_in_the_past,
    take_away,
)
from findings.forms.advised import AdvisesExamination
from findings.forms.answers.common import LONGEST, AnswerForm
from findings.models import Action, Finding
from findings.services.clocks import open_recommendation
from findings.services.follow_up import Advised

# When the result of an action is expected unless somebody says otherwise; ours, no guidance says.
RESULT_EXPECTED_AFTER = {
    Action.Kind.IMAGING: timedelta(days=28),
    Action.Kind.REFERRAL: timedelta(days=14),
    Action.Kind.TREATMENT: timedelta(days=28),
    Action.Kind.DISCUSSION: timedelta(days=7),
}


class ActForm(AdvisesExamination, AnswerForm):
    """What was done, and when its result should be known."""

    kind = RadiosField(
        label="What did you do?",
        choices=Action.Kind.choices,
        reveals={Action.Kind.IMAGING: ["modality", "region"]},
        missing="Select what you did",
    )
    text = TextareaField(
        label="Details",
        help_text="What was arranged, where and for when. If no action is needed, say why.",
        rows=4,
        max_length=LONGEST,
    )
    result_expected_on = DateField(
        label="When should the result be known?",
        help_text="Leave this empty to use the date beside your choice. You are asked for the"
        " result on this day. For example, 25 11 2026.",
        required=False,
        validators=[not_in_the_past],
    )
    field_order = ("kind", "modality", "region", "text", "result_expected_on")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        field: Any = self.fields["kind"]
        field.hints = {
            kind: f"Result expected on {words.day(self.suggested_on(kind))} unless you say another"
            " day"
            for kind in RESULT_EXPECTED_AFTER
        } | {Action.Kind.NONE: "Give the reason under Details. Close the finding afterwards."}
        self.fields["text"].error_messages["required"] = "Say what you did"
        if open_recommendation(self.finding):  # it goes on: one is awaited at a time
            take_away(self, "modality", "region")

    def suggested_on(self, kind: str) -> date:
        """For imaging the date that the radiologist advised, where it still lies ahead."""
        today, advised = timezone.localdate(), self.finding.recommended_on
        if kind == Action.Kind.IMAGING and advised and advised >= today:
            return advised
        return today + RESULT_EXPECTED_AFTER.get(Action.Kind(kind), timedelta(0))

    def clean(self) -> None:
        kind = self.cleaned_data.get("kind")
        if kind == Action.Kind.NONE and "text" in self.errors:
            self.errors["text"] = self.error_class(["Say why no action is needed"])
        if kind == Action.Kind.IMAGING:
            self.check_advised()
        else:  # what is asked only for imaging is no fault of another choice
            for name in ("modality", "region"):
                self.errors.pop(name, None)

    @property
    def advised(self) -> Advised | None:
        """The examination that was arranged, where one was selected."""
        if self.cleaned_data["kind"] != Action.Kind.IMAGING:
            return None
        return self.advised_by(self.expected_on)

    @property
    def expected_on(self) -> date:
        """No action has its result today; the rest as typed or as suggested."""
        kind, typed = self.cleaned_data["kind"], self.cleaned_data.get("result_expected_on")
        return self.suggested_on(kind) if kind == Action.Kind.NONE or not typed else typed


class PatientToldForm(AnswerForm):
    """How and when the patient was told, or why they were not."""

    how = RadiosField(
        label="How was the patient told?",
        choices=Finding.ToldHow.choices,
        missing="Select how the patient was told, or that they were not",
    )
    told_at = DateTimeField(
        label="When?",
        help_text="You can leave this as it is if the patient was not told."
        " For example, 25 11 2026 at 14:05.",
        required=False,
        validators=[not_in_the_future],
    )
    who = TextField(
        label="Who told them?",
        help_text="Leave this empty if it was you.",
        required=False,
        max_length=120,
    )
    said = TextareaField(
        label="What was said and given, or why the patient was not told",
        help_text="For example a leaflet or a number to ring. Needed only if the patient was not"
        " told.",
        required=False,
        rows=3,
        max_length=LONGEST,
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initial["told_at"] = timezone.now()
        self._ask_instead()

    def _ask_instead(self) -> None:
        """Of somebody who has died: who was told instead, or that they were told before."""
        death = self.finding.examination.patient.death()
        field: Any = self.fields["how"]
        if death is None:
            alive = [one for one in Finding.ToldHow if one not in Finding.ToldHow.of_the_dead()]
            field.choices = [(one.value, one.label) for one in alive]
            return
        died = words.when(death.happened_at)
        field.help_text = (
            f"The patient died on {died}. Say who was told instead, or how the patient was told"
            " before that."
        )

    def clean_told_at(self) -> datetime | None:
        told_at, performed_at = (
            self.cleaned_data["told_at"],
            self.finding.examination.performed_at,
        )
        if told_at and performed_at and told_at < performed_at:
            before = f"The images were made on {words.when(performed_at)}: enter a later time"
            raise ValidationError(before, code="all")
        return told_at

    def clean(self) -> None:
        how = self.cleaned_data.get("how")
        if how == Finding.ToldHow.NOT_TOLD:
            self._forget("told_at")
            self.cleaned_data["who"] = ""
            if not self.cleaned_data.get("said") and "said" not in self.errors:
                self.add_error("said", "Say why the patient was not told")
        elif how and not self.cleaned_data.get("told_at") and "told_at" not in self.errors:
            self.add_error("told_at", "Enter when the patient was told")

    def _forget(self, name: str) -> None:
        """What is asked only for another choice is no fault of this one."""
        self.errors.pop(name, None)
        self.cleaned_data[name] = None
