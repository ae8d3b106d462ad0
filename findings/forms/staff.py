"""A staff list: the file, and then its changes, shown before they are made."""

import base64
import binascii

from django import forms
from django.core.exceptions import ValidationError

from findings.form_fields import CheckboxField, FileField

LARGEST = 2 * 1024 * 1024


class StaffFileForm(forms.Form):
    """Which file, and whether it lists everybody."""

    file = FileField(
        label="Staff list",
        help_text="A CSV file in UTF-8, at most 2 MB. The next page shows every change before"
        " anything is saved.",
        missing="Choose a file",
        error_messages={"empty": "The file is empty"},
    )
    complete = CheckboxField(
        label="It lists everybody of its organisations: whoever is not in it leaves",
        required=False,
    )

    def clean_file(self) -> bytes:
        sent = self.cleaned_data["file"]
        if sent.size > LARGEST:
            raise ValidationError("The file is larger than 2 MB: split it")
        return sent.read()


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
