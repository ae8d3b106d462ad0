"""What became of a patient, and that it was a mistake."""

from django import forms

from findings.form_fields import (
    DateTimeField,
    RadiosField,
    TextareaField,
    TextField,
    not_in_the_future,
)
from findings.forms.answers import LONGEST, AnswerForm
from findings.forms.records import AboutRecords, NumberOfRecord
from findings.models import Patient, PatientChange
from findings.services.patient_change import Change

Kind = PatientChange.Kind


class PatientChangeForm(AboutRecords):
    """Whose record, what happened and when."""

    number = NumberOfRecord(
        label="The patient's number",
        help_text="NHS number or hospital number",
        missing="Enter a number of the patient",
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
    named = ("number",)

    def clean_number(self) -> Patient:
        return self.record_in("number")

    @property
    def patient(self) -> Patient:
        return self.cleaned_data["number"]

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
