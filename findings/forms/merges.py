"""Which two records are one patient, by their numbers."""

from typing import Any

from django import forms

from findings.form_fields import TextareaField, TextField
from findings.models import Patient, Person
from findings.services.merge import records_with

LONGEST = 500


class MergeForm(forms.Form):
    """The record that stays, and the one that becomes part of it."""

    keep = TextField(
        label="Number of the record to keep",
        help_text="NHS number or hospital number",
        missing="Enter a number of the record to keep",
        max_length=60,
        width=20,
        autocomplete="off",
    )
    merged = TextField(
        label="Number of the other record of the same patient",
        missing="Enter a number of the other record",
        max_length=60,
        width=20,
        autocomplete="off",
    )
    because = TextareaField(
        label="How do you know that they are one patient?",
        help_text="For example: the patient index has merged them.",
        missing="Say how you know",
        rows=3,
        max_length=LONGEST,
    )
    # The two that the page showed: nothing is merged that nobody has seen.
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *, by: Person, data: Any = None) -> None:
        self.by = by
        super().__init__(data)

    def clean_keep(self) -> Patient:
        return self._record("keep")

    def clean_merged(self) -> Patient:
        return self._record("merged")

    def _record(self, name: str) -> Patient:
        found = records_with(self.cleaned_data[name], self.by)
        if len(found) != 1:
            raise forms.ValidationError(
                "More than one record has this number. Use another of its numbers."
                if found
                else "No record of your trust has this number. Check it and type it again."
            )
        return found[0]

    @property
    def pair(self) -> str:
        """The two records, as the page shows them."""
        return f"{self.cleaned_data['keep'].pk}:{self.cleaned_data['merged'].pk}"

    @property
    def was_seen(self) -> bool:
        return self.cleaned_data["seen"] == self.pair


class UndoMergeForm(forms.Form):
    because = TextareaField(
        label="Why are they two patients?",
        missing="Say why they are two patients",
        rows=3,
        max_length=LONGEST,
    )
