"""What became of a patient, and that it was a mistake."""

from typing import Any

from django import forms

from findings.form_fields import (
    DateTimeField,
    RadiosField,
    TextareaField,
    TextField,
    not_in_the_future,
)
from findings.forms.answers import LONGEST, AnswerForm
from findings.models import Patient, PatientChange, Person
from findings.services.merge import records_with
from findings.services.patient_change import Change

Kind = PatientChange.Kind


class PatientChangeForm(forms.Form):
    """Whose record, what happened and when; nothing is recorded before the record was shown."""

    number = TextField(
        label="The patient's number",
        help_text="NHS number or hospital number",
        missing="Enter a number of the patient",
        max_length=60,
        width=20,
        autocomplete="off",
    )
    kind = RadiosField(
        label="What happened?",
        choices=Kind.choices,
        reveals={Kind.TRANSFERRED: ["whereto"]},
        missing="Select what happened",
    )
    whereto = TextField(
        label="Where to, or into whose care",
        help_text="You can leave this empty.",
        required=False,
        max_length=160,
    )
    happened_at = DateTimeField(
        label="When?",
        help_text="For example, 25 11 2026 at 14:05.",
        validators=[not_in_the_future],
        missing="Enter when it happened",
    )
    # The record that the page showed.
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *, by: Person, data: Any = None) -> None:
        self.by = by
        super().__init__(data)

    def clean_number(self) -> Patient:
        found = records_with(self.cleaned_data["number"], self.by)
        if len(found) != 1:
            raise forms.ValidationError(
                "More than one record has this number. Use another of its numbers."
                if found
                else "No record of your trust has this number. Check it and type it again."
            )
        return found[0]

    @property
    def patient(self) -> Patient:
        return self.cleaned_data["number"]

    @property
    def was_seen(self) -> bool:
        return self.cleaned_data["seen"] == str(self.patient.pk)

    @property
    def change(self) -> Change:
        given = self.cleaned_data
        is_transfer = given["kind"] == Kind.TRANSFERRED
        whereto = given["whereto"] if is_transfer else ""
        return Change(Kind(given["kind"]), given["happened_at"], whereto)


class UndoPatientChangeForm(forms.Form):
    because = TextareaField(
        label="How do you know that it was a mistake?",
        missing="Say how you know",
        rows=3,
        max_length=LONGEST,
    )


class StillMineForm(AnswerForm):
    text = TextareaField(
        label="What happens now?",
        help_text="For example who sees the patient, and where.",
        missing="Say what happens now",
        rows=3,
        max_length=LONGEST,
    )
