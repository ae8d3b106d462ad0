"""A CSV file that somebody chooses on a page, read whole and bounded; and what was shown of it."""

import base64
import binascii
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from findings.form_fields import FileField

LARGEST = 2 * 1024 * 1024


class TableFileForm(forms.Form):
    """Which file. Subclasses give it a name, and perhaps another hint."""

    name: ClassVar[str]
    hint: ClassVar[str] = "The next page shows every change before anything is saved."

    file = FileField(
        label="",
        help_text="A CSV file in UTF-8, at most 2 MB.",
        missing="Choose a file",
        error_messages={"empty": "The file is empty"},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].label = self.name
        self.fields["file"].help_text += f" {self.hint}"

    def clean_file(self) -> bytes:
        sent = self.cleaned_data["file"]
        if sent.size > LARGEST:
            raise ValidationError("The file is larger than 2 MB: split it")
        return sent.read()


class ConfirmFileForm(forms.Form):
    """What was shown, sent back whole: nothing is kept between the two pages."""

    raw = forms.CharField(widget=forms.HiddenInput)
    seen = forms.CharField(widget=forms.HiddenInput)

    def clean_raw(self) -> bytes:
        try:
            return base64.b64decode(self.cleaned_data["raw"], validate=True)
        except binascii.Error as error:
            raise ValidationError("Choose the file again") from error


def packed(raw: bytes) -> str:
    """As `ConfirmFileForm` takes it."""
    return base64.b64encode(raw).decode()
