"""The name of a view."""

import re

from django import forms
from django.core.exceptions import ValidationError

from findings.form_fields import TextField

# An NHS number, however it is spaced.
_LIKE_A_NUMBER_OF_A_PATIENT = re.compile(r"(\d[ -]?){10}")


class ViewNameForm(forms.Form):
    """It says what is shown, and never who."""

    name = TextField(
        label="Name of this view",
        help_text="For example: critical and late. Never write anything about a patient here.",
        missing="Enter a name for this view",
        max_length=60,
        width=20,
        autocomplete="off",
    )

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if _LIKE_A_NUMBER_OF_A_PATIENT.search(name):
            raise ValidationError("Enter a name that holds no number of a patient")
        return name
