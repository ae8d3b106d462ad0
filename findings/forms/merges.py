"""Which two records are one patient, by their numbers."""

from typing import Any

from django import forms

from findings import words
from findings.form_fields import ModelCheckboxesField, TextareaField
from findings.forms.records import AboutRecords, NumberOfRecord
from findings.models import Examination, Patient, PatientMerge
from findings.services.merge import came_since, sent_under_merged

LONGEST = 500
SENT_UNDER_MERGED = "It was sent under a number of a record that had been merged."


def examination_words(examination: Examination) -> str:
    """CT Chest, 3 May 2026 at 10:12, Trust Hospital, accession A123."""
    when = words.when(examination.performed_at) if examination.performed_at else ""
    parts = [examination.title, when, str(examination.site), f"accession {examination.accession}"]
    return ", ".join(part for part in parts if part)


class MergeForm(AboutRecords):
    """The record that stays, and the one that becomes part of it."""

    keep = NumberOfRecord(
        label="Number of the record to keep",
        help_text="NHS number or hospital number",
        missing="Enter a number of the record to keep",
    )
    merged = NumberOfRecord(
        label="Number of the other record of the same patient",
        missing="Enter a number of the other record",
    )
    because = TextareaField(
        label="How do you know that they are one patient?",
        help_text="For example: the patient index has merged them.",
        missing="Say how you know",
        rows=3,
        max_length=LONGEST,
    )
    named = ("keep", "merged")

    def clean_keep(self) -> Patient:
        return self.record_in("keep")

    def clean_merged(self) -> Patient:
        return self.record_in("merged")


class UndoMergeForm(forms.Form):
    """Why, and which of what came since goes with the record that is one by itself again."""

    also = ModelCheckboxesField(
        queryset=Examination.objects.none(),
        label="What came since the merge: which of it is of the record that is taken out again?",
        help_text="What you do not tick stays with the record that was kept. Ask the sender when"
        " in doubt, by the accession number.",
        words=examination_words,
        required=False,
    )
    because = TextareaField(
        label="Why are they two patients?",
        missing="Say why they are two patients",
        rows=3,
        max_length=LONGEST,
    )

    def __init__(self, merge: PatientMerge, data: Any = None) -> None:
        super().__init__(data)
        since = came_since(merge).select_related("site")
        if not since:
            del self.fields["also"]
            return
        field = self.fields["also"]
        assert isinstance(field, ModelCheckboxesField)
        field.queryset = since
        merged = sent_under_merged(since)
        field.hints = {str(pk): SENT_UNDER_MERGED for pk in merged}
        field.initial = sorted(merged)

    @property
    def going(self) -> list[int]:
        """The examinations that were ticked."""
        return [row.pk for row in self.cleaned_data.get("also", [])]
