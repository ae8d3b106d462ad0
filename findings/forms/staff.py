"""A staff list: the file, and then its changes, shown before they are made."""

import base64
import binascii

from django import forms
from django.core.exceptions import ValidationError

from findings.form_fields import CheckboxField
from findings.forms.table_file import TableFileForm


class StaffFileForm(TableFileForm):
    """Which file, and whether it lists everybody."""

    name = "Staff list"
    complete = CheckboxField(
        label="It lists everybody of its organisations: whoever is not in it leaves",
        required=False,
    )


class ConfirmStaffForm(forms.Form):
    """What was shown, sent back whole: nothing is kept between the two pages."""

    raw = forms.CharField(widget=forms.HiddenInput)
    complete = forms.BooleanField(required=False, widget=forms.HiddenInput)
    seen = forms.CharField(widget=forms.HiddenInput)

    def clean_raw(self) -> bytes:
        try:
            return base64.b64decode(self.cleaned_data["raw"], validate=True)
        except binascii.Error as error:
            raise ValidationError("Choose the file again") from error


def packed(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
