"""The fields with which a further examination is advised, by a flag, or arranged, by an action."""

from datetime import date

from django import forms

from findings.form_fields import SelectField, TextField
from findings.models import MODALITIES
from findings.services.follow_up import AFTER, BEFORE, Advised


class AdvisesExamination(forms.Form):
    """Which examination to look out for; by when, the form with these fields asks itself."""

    modality = SelectField(
        label="Examination to look out for",
        choices=list(MODALITIES.items()),
        empty="None",
        help_text="It has a clock of its own until somebody says what became of it. One of this"
        f" kind, made from {BEFORE.days} days before it is due until {AFTER.days} days after, is"
        " shown to whoever holds the finding, to confirm that it is the one.",
        required=False,
    )
    region = TextField(
        label="Part of the body to examine",
        help_text="For example chest. Leave it empty if any part will do.",
        required=False,
        max_length=60,
        width=20,
    )

    def check_advised(self) -> None:
        """In `clean`: nothing that was typed is dropped without a word."""
        given = self.cleaned_data
        if given.get("region") and not given.get("modality") and "modality" not in self.errors:
            self.add_error("modality", "Select which examination, or clear the part of the body")

    def advised_by(self, due_on: date) -> Advised | None:
        """What was selected, due on this day; None where nothing was."""
        given = self.cleaned_data
        if not given.get("modality"):
            return None
        return Advised(given["modality"], given["region"], due_on)
