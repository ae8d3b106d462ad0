"""A CSV file that somebody chooses on a page, read whole and bounded."""

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
