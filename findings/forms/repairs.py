"""What a person enters or chooses to put a held item right."""

from collections.abc import Sequence
from typing import Any

from django import forms

from findings import words
from findings.form_fields import ModelRadiosField, ModelSelectField, RadiosField, TextField
from findings.forms.records import AboutRecords, NumberOfRecord
from findings.models import Patient, Person, Receipt, ReportStatus, Site


class AccessionForm(forms.Form):
    """The number that names the examination."""

    accession = TextField(
        label="Accession number of the examination",
        help_text="As the sender has it, so that later reports of it are found under it",
        missing="Enter the accession number",
        max_length=80,
        width=20,
        autocomplete="off",
    )

    def __init__(self, receipt: Receipt, data: Any = None) -> None:
        super().__init__(data)
        self.receipt = receipt

    def clean_accession(self) -> str:
        accession: str = self.cleaned_data["accession"].strip()
        others = self.receipt.message.receipts.exclude(pk=self.receipt.pk)
        if others.filter(accession=accession).exists():
            raise forms.ValidationError(
                "Another examination of this message has this accession number."
            )
        return accession


def patient_words(patient: Patient) -> str:
    """ALDER, Ann, born 12 February 1950, NHS number 999 000 0018."""
    parts = [
        patient.display_name,
        f"born {words.day(patient.birth_date)}" if patient.birth_date else "",
        f"NHS number {words.nhs_number(patient.nhs_number)}" if patient.nhs_number else "",
        *(f"{one.value} ({one.authority})" for one in patient.identifiers.all()),
    ]
    return ", ".join(filter(None, parts))


class WhichPatientForm(forms.Form):
    """One of the records to which what was sent leads."""

    patient = ModelRadiosField(
        queryset=Patient.objects.none(),
        label="Which patient is it about?",
        help_text="None of them: set the item aside, and ask the sender",
        missing="Select the patient",
        words=patient_words,
    )

    def __init__(self, candidates: Sequence[Patient], data: Any = None) -> None:
        super().__init__(data)
        field: Any = self.fields["patient"]
        keys = [patient.pk for patient in candidates]
        field.queryset = Patient.objects.filter(pk__in=keys).prefetch_related("identifiers")


class NumberForm(AboutRecords):
    """A number of the patient whom the message does not name; its record is shown first."""

    number = NumberOfRecord(
        label="Number of the patient",
        help_text="NHS number or hospital number of a record that is here already",
        missing="Enter a number of the patient",
    )
    named = ("number",)

    def clean_number(self) -> Patient:
        return self.record_in("number")


class StatusWordForm(forms.Form):
    """What a sender means by its word."""

    meaning = RadiosField(
        label="What does the sender mean by it?",
        help_text="Ask the sender when in doubt: a report that is not final must not look as if it"
        " were",
        choices=ReportStatus.choices,
        missing="Select what the sender means by it",
    )


class NewSenderForm(forms.Form):
    """A sender, with what its messages cannot say."""

    site = ModelSelectField(
        queryset=Site.objects.none(),
        label="At which site are its images made?",
        missing="Select the site",
    )
    name = TextField(label="What it is called here", missing="Enter a name", max_length=120)
    authority = TextField(
        label="Whose hospital numbers it sends",
        help_text="Where PID-3 does not say: RXX. Empty: such a number names nobody",
        required=False,
        width=20,
        max_length=60,
    )

    def __init__(self, application: str, facility: str, *, by: Person, data: Any = None) -> None:
        self.code_words = " at ".join(filter(None, (application, facility)))
        sites = Site.objects.filter(organisation=by.organisation_id)
        likely = sites.filter(ods_code__iexact=facility).first()
        only = sites.first() if sites.count() == 1 else None
        super().__init__(data, initial={"name": self.code_words, "site": likely or only})
        field: Any = self.fields["site"]
        field.queryset = sites
