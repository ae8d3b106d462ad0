"""Examinations that wait for a report: filter the list, enter one or a file of them, end a wait."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from findings.form_fields import (
    CheckboxField,
    ModelSelectField,
    RadiosField,
    SelectField,
    TextareaField,
    TextField,
)
from findings.forms.answers import LONGEST
from findings.forms.lists import ListFilter
from findings.forms.reports import AboutExamination
from findings.forms.senders import offer_senders, sender_field
from findings.forms.table_file import ConfirmFileForm, TableFileForm
from findings.measures import late_reporting, waiting
from findings.measures.late_reporting import BANDS, NOT_KNOWN
from findings.models import Clock, Examination, NoReport, Person, Sender, Site
from findings.models.examination import MODALITIES
from findings.services.waiting_list import ArrivingExamination
from findings.words import capital, near_day


class WaitingFilter(ListFilter):
    """Every filter may stand alone in a link, as ?late=yes or ?setting=inpatient&age=7-14: the
    numbers of late reporting lead here."""

    site = SelectField(label="Site", required=False, empty="Every site")
    setting = SelectField(
        label="Kind of referral",
        required=False,
        empty="Every kind",
        choices=[*Examination.Setting.choices, (NOT_KNOWN, "Not known")],
    )
    modality = SelectField(label="Kind of imaging", required=False, empty="Every kind")
    age = SelectField(
        label="Images made",
        required=False,
        empty="At any time",
        choices=[(band.key, f"{band.words} ago") for band in BANDS],
    )
    day = SelectField(label="Limit falls on", required=False, empty="Any day")
    late = CheckboxField(label="Late only", required=False)
    week = CheckboxField(label="Only what is due in the next 7 days", required=False)

    def __init__(self, data: Any, *, clocks: QuerySet[Clock]) -> None:
        super().__init__(data)
        sites = Site.objects.filter(pk__in=clocks.values("examination__site"))
        self._offer("site", sites.values_list("pk", "name"))
        # Systems send kinds that no list has.
        kinds = clocks.order_by().values_list("examination__modality", flat=True).distinct()
        offered = {kind or NOT_KNOWN: MODALITIES.get(kind, kind) or "Not known" for kind in kinds}
        now = timezone.now()
        days = late_reporting.days_ahead(now)
        self._offer("day", [(f"{day:%Y-%m-%d}", capital(near_day(day, now))) for day in days])
        self._offer("modality", sorted(offered.items(), key=lambda one: one[1]))

    def apply(self, clocks: QuerySet[Clock], now: datetime) -> QuerySet[Clock]:
        chosen = self.cleaned_data
        for name in ("setting", "modality", "site"):
            if chosen[name]:
                value = "" if chosen[name] == NOT_KNOWN else chosen[name]
                clocks = clocks.filter(**{f"examination__{name}": value})
        if chosen["age"]:
            ages = {band.key: band for band in BANDS}
            clocks = late_reporting.aged(clocks, ages[chosen["age"]], now)
        if chosen["day"]:
            clocks = late_reporting.due_on(clocks, date.fromisoformat(chosen["day"]), now)
        if chosen["late"]:
            clocks = waiting.late(clocks, now)
        return late_reporting.due_this_week(clocks, now) if chosen["week"] else clocks


class NoReportForm(forms.Form):
    """Why none will come."""

    reason = RadiosField(
        label="Why is no report to be expected?",
        choices=NoReport.Reason.choices,
        missing="Select why no report is to be expected",
    )
    because = TextareaField(
        label="How do you know?",
        help_text="If it was reported elsewhere: where, and where that report can be read.",
        missing="Say how you know",
        rows=3,
        max_length=LONGEST,
    )


class ReportExpectedForm(forms.Form):
    because = TextareaField(
        label="Why is a report expected after all?",
        missing="Say why a report is expected after all",
        rows=3,
        max_length=LONGEST,
    )


WHICH_SYSTEM = "Select the system whose accession numbers these are"


class EnterWaitingForm(AboutExamination):
    """One examination that has no report yet."""

    sender = sender_field(missing=WHICH_SYSTEM)
    accession = TextField(
        label="Accession number",
        help_text="As that system has it: the report finds its examination by it",
        max_length=80,
        width=20,
        autocomplete="off",
        missing="Enter the accession number",
    )
    site = ModelSelectField(
        Site.objects.none(), label="Where the images were made", missing="Select the site"
    )
    setting = SelectField(
        label="Kind of referral",
        help_text="Where the trust has a sooner limit for it",
        required=False,
        choices=Examination.Setting.choices,
        empty="Another, or not known",
    )
    field_order = (
        *("sender", "accession", "nhs_number", "hospital_number", "authority", "family_name"),
        *("given_name", "birth_date", "sex", "modality", "examination", "performed_at"),
        *("site", "setting"),
    )

    def __init__(self, *, by: Person, data: Any = None) -> None:
        super().__init__(data, initial={"authority": by.organisation.ods_code})
        offer_senders(self, by)
        site: Any = self.fields["site"]
        site.queryset = Site.objects.filter(organisation=by.organisation_id)

    @property
    def arriving(self) -> ArrivingExamination:
        given = self.cleaned_data
        return ArrivingExamination(
            accession=given["accession"],
            patient=self.patient,
            performed_at=given["performed_at"],
            site=given["site"],
            modality=given["modality"],
            description=given["examination"],
            setting=given["setting"],
        )


class WaitingFileForm(TableFileForm):
    """A list of the RIS."""

    name = "List of examinations"
    sender = sender_field(missing=WHICH_SYSTEM)
    field_order = ("sender", "file")

    def __init__(self, *args: Any, by: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_senders(self, by)


class ConfirmWaitingForm(ConfirmFileForm):
    """With the system whose list it is."""

    sender = forms.ModelChoiceField(Sender.objects.none(), widget=forms.HiddenInput)

    def __init__(self, *args: Any, by: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_senders(self, by)
