"""Searching for a report, and typing one in. What was typed is kept whatever is wrong with it."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from findings.arrivals import (
    ArrivingIdentifier,
    ArrivingPatient,
    ArrivingPerson,
    ArrivingReport,
    ArrivingStatus,
)
from findings.form_fields import (
    CheckboxField,
    DateField,
    DateTimeField,
    RadiosField,
    SearchField,
    SelectField,
    TextareaField,
    TextField,
    not_in_the_future,
)
from findings.forms.people import NamesSomebody
from findings.models import MODALITIES, Patient, Person, ReportStatus, Role
from findings.nhs_numbers import read_nhs_number
from findings.services.filing import AccessionHeld
from findings.services.identity import Held
from findings.services.senders import new_accession

LONGEST_TEXT = 50_000
STATUSES = [ReportStatus.FINAL, ReportStatus.PRELIMINARY, ReportStatus.CORRECTED]


class SearchForm(forms.Form):
    """Sent with POST: a patient's number must not stand in an address."""

    words = SearchField(
        label="Accession, NHS number, hospital number or name",
        help_text="In any format, with or without spaces. Part of a name is enough.",
        max_length=80,
        width=20,
    )


class AboutExamination(forms.Form):
    """Whose examination it is and what was done, typed in. A subclass asks for its accession."""

    nhs_number = TextField(
        label="NHS number",
        help_text="10 digits, for example 999 000 0018",
        required=False,
        max_length=40,
        width=10,
        inputmode="numeric",
        autocomplete="off",
    )
    hospital_number = TextField(
        label="Hospital number",
        help_text="Needed where the NHS number is not known",
        required=False,
        max_length=60,
        width=10,
        autocomplete="off",
    )
    authority = TextField(
        label="Who gave the hospital number",
        help_text="The code of the hospital or system, as other reports carry it",
        required=False,
        max_length=60,
        width=10,
        autocomplete="off",
        missing="Enter who gave the hospital number: without that it names nobody",
    )
    family_name = TextField(
        label="Family name", max_length=120, width=20, autocomplete="off",
        missing="Enter the family name of the patient",
    )  # fmt: skip
    given_name = TextField(
        label="Given names", required=False, max_length=120, width=20, autocomplete="off"
    )
    birth_date = DateField(
        label="Date of birth",
        legend_size="s",
        validators=[not_in_the_future],
        missing="Enter the date of birth",
    )
    sex = RadiosField(
        label="Sex",
        choices=Patient.Sex.choices,
        inline=True,
        legend_size="s",
        missing="Select the sex, or not known",
    )
    modality = SelectField(
        label="Modality",
        choices=list(MODALITIES.items()),
        empty="Select a modality",
        missing="Select the modality",
    )
    examination = TextField(
        label="What was examined",
        help_text="For example XR chest",
        max_length=200,
        width=20,
        missing="Enter what was examined",
    )
    performed_at = DateTimeField(
        label="When the images were made",
        legend_size="s",
        validators=[not_in_the_future],
        missing="Enter when the images were made",
    )

    def clean_nhs_number(self) -> str:
        typed = self.cleaned_data["nhs_number"]
        if not typed:
            return ""
        read = read_nhs_number(typed)
        if read.fault:
            raise ValidationError(read.hint.rstrip("."))
        return read.number

    def clean(self) -> None:
        given = self.cleaned_data
        if "nhs_number" not in self.errors and not given.get("nhs_number"):
            if not given.get("hospital_number"):
                self.add_error("nhs_number", "Enter the NHS number, or a hospital number below")
        if given.get("hospital_number") and not given.get("authority"):
            self.add_error("authority", self.fields["authority"].error_messages["required"])

    def add_held(self, held: Held) -> None:
        """It cannot be filed as it is: beside the number that a person has to look at."""
        named = "nhs_number" if self.cleaned_data.get("nhs_number") else "hospital_number"
        field = "accession" if isinstance(held, AccessionHeld) else named
        self.add_error(field, f"{held.detail} {held.suggestion}")

    @property
    def patient(self) -> ArrivingPatient:
        given = self.cleaned_data
        number, authority = given["hospital_number"], given["authority"]
        return ArrivingPatient(
            family_name=given["family_name"],
            given_name=given["given_name"],
            birth_date=given["birth_date"],
            sex=given["sex"],
            nhs_number=given["nhs_number"],
            identifiers=(ArrivingIdentifier(number, authority, "MR"),) if number else (),
        )


class ReportForm(AboutExamination, NamesSomebody):
    """A report as a radiologist types it in, when it cannot come from another system."""

    accession = TextField(
        label="Accession number",
        help_text="Leave this empty and the report gets one",
        required=False,
        max_length=80,
        width=20,
        autocomplete="off",
    )
    as_written = CheckboxField(
        label="Keep the name as I wrote it",
        help_text="Nobody here is meant. The coordinators will have to find who holds a finding.",
        required=False,
    )
    status = RadiosField(
        label="How finished is the report?",
        choices=[(status.value, status.label) for status in STATUSES],
        initial=ReportStatus.FINAL.value,
        inline=True,
        legend_size="s",
    )
    text = TextareaField(
        label="Report", rows=14, max_length=LONGEST_TEXT, missing="Enter the text of the report"
    )
    # Given when the page is drawn: sent twice, it is one report.
    spare_accession = forms.CharField(widget=forms.HiddenInput, max_length=80, required=False)

    or_else = ", or keep the name as you wrote it"
    field_order = (
        "nhs_number",
        "hospital_number",
        "authority",
        "family_name",
        "given_name",
        "birth_date",
        "sex",
        "accession",
        "modality",
        "examination",
        "performed_at",
        "name",
        "person",
        "as_written",
        "status",
        "text",
        "spare_accession",
    )

    def __init__(self, *, by: Person, data: Any = None) -> None:
        self.by = by
        first = {"authority": by.organisation.ods_code, "spare_accession": new_accession()}
        super().__init__(data, initial=first)
        name: Any = self.fields["name"]
        name.label, name.required = "Who asked for the images", True
        name.error_messages["required"] = "Enter who asked for the images"
        name.help_text = "A name or a professional code. Part of the name is enough."
        self.find_people()

    def _candidates(self) -> list[Person]:
        """Whoever may ask for images and can be told apart: a report names them by their code."""
        people = Person.objects.active().with_role(Role.REFERRER).exclude(professional_code="")
        return list(people.select_related("organisation"))

    def clean(self) -> None:
        super().clean()
        if not self.cleaned_data.get("as_written"):
            self._name_requester()

    def _name_requester(self) -> None:
        """One match is taken; with several, or none, the page asks."""
        if not self.take_only_match():
            self.clean_person_named()

    def arriving(self) -> ArrivingReport:
        """What was typed, in the shape in which every report comes in."""
        given = self.cleaned_data
        return ArrivingReport(
            accession=given["accession"] or given["spare_accession"] or new_accession(),
            patient=self.patient,
            status=ArrivingStatus(given["status"]),
            reported_at=timezone.now(),
            text=given["text"],
            modality=given["modality"],
            examination_description=given["examination"],
            performed_at=given["performed_at"],
            requester=self._requester(),
            reporter=_by_code(self.by),
        )

    def _requester(self) -> ArrivingPerson:
        person = self.cleaned_data.get("person")
        if person is None or self.cleaned_data.get("as_written"):
            return ArrivingPerson(family_name=self.cleaned_data["name"])
        return _by_code(person)


def _by_code(person: Person) -> ArrivingPerson:
    return ArrivingPerson(
        code=person.professional_code,
        family_name=person.family_name,
        given_name=person.given_name,
    )
