"""How a finding ends, what was thought of its flag, and words beside it."""

from typing import Any

from findings.form_fields import (
    RadiosField,
    TextareaField,
)
from findings.forms.answers.common import LONGEST, AnswerForm
from findings.forms.answers.done import PatientToldForm
from findings.forms.rating import RatesFlag
from findings.models import Finding


class RateForm(RatesFlag, AnswerForm):
    """Afterwards, on a page of its own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        field: Any = self.fields["useful"]
        field.label, field.required = "Was this flag useful?", True


class CloseForm(RatesFlag, AnswerForm):
    """What came of it."""

    outcome = RadiosField(
        label="What came of it?",
        choices=Finding.Outcome.choices,
        missing="Select what came of it",
    )
    note = TextareaField(
        label="In your own words",
        help_text="Needed only if the outcome is “Other”.",
        required=False,
        rows=3,
        max_length=LONGEST,
    )

    field_order: tuple[str, ...] = ("outcome", "note", "useful", "useful_note")

    def clean(self) -> None:
        super().clean()
        other = self.cleaned_data.get("outcome") == Finding.Outcome.OTHER
        if other and not self.cleaned_data.get("note") and "note" not in self.errors:
            self.add_error("note", "Say what the outcome is")


class CloseAndTellForm(CloseForm, PatientToldForm):
    """For a finding of which the patient has not been told yet: both on one page."""

    field_order = ("outcome", "note", "how", "told_at", "who", "said", "useful", "useful_note")


class WithdrawForm(AnswerForm):
    because = TextareaField(
        label="Why is it withdrawn?",
        help_text="Everybody who can open the finding can read this.",
        rows=4,
        max_length=LONGEST,
        missing="Give a reason",
    )


class TakeBackForm(AnswerForm):
    because = TextareaField(
        label="What happened?",
        help_text="For example, another patient's finding was meant. Your plan stays readable.",
        rows=3,
        max_length=LONGEST,
        missing="Say what happened",
    )


class NoteForm(AnswerForm):
    text = TextareaField(
        label="Note",
        help_text="Everybody who can see the finding can read it. It cannot be changed later.",
        rows=4,
        max_length=LONGEST,
        missing="Write the note",
    )
