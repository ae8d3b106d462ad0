"""The calendar of a nation: which one to show, a day to add, and why a day goes."""

from datetime import date
from typing import Any

from django import forms

from findings.form_fields import DateField, SelectField, TextareaField, TextField
from findings.forms.lists import ListFilter
from findings.models import BankHoliday, Nation


class CalendarFilter(ListFilter):
    """Of which nation, in which year."""

    nation = SelectField(label="Nation", required=False, choices=Nation.choices, empty="Ours")
    year = SelectField(label="Year", required=False, empty="This year and later")

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        years = BankHoliday.objects.order_by("on__year").values_list("on__year", flat=True)
        field: Any = self.fields["year"]
        field.choices = [(str(year), str(year)) for year in years.distinct()]


class WhyForm(forms.Form):
    """What every change of the calendar must say."""

    because = TextareaField(
        label="Why?",
        help_text="For example: announced for the coronation, or moved by royal proclamation.",
        rows=3,
        max_length=500,
        missing="Say why",
    )
    source = TextField(
        label="Where is this published?",
        help_text="For example: gov.uk/bank-holidays, read on 25 November 2026.",
        max_length=120,
        missing="Say where this is published",
    )


class AddHolidayForm(WhyForm):
    nation = SelectField(
        label="Nation", choices=Nation.choices, empty="Select a nation", missing="Select a nation"
    )
    on = DateField(label="Which day?", help_text="For example, 8 5 2028.")
    name = TextField(
        label="What is it called?", max_length=80, missing="Enter what the day is called"
    )
    field_order = ("nation", "on", "name", "because", "source")

    def clean(self) -> None:
        on, nation = self.cleaned_data.get("on"), self.cleaned_data.get("nation")
        if isinstance(on, date) and nation:
            known = BankHoliday.objects.counting(nation).filter(on=on).first()
            if known:
                self.add_error("on", f"This day is in the table already: {known.name}")
