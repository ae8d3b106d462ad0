"""The words of a trust for one message, checked part by part."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from findings.form_fields import TextareaField, TextField
from notifications.own_words import VARIABLES, Unusable, check, telling_names
from notifications.wording import Written

NAMES = ", ".join(f"{{{name}}}" for name in VARIABLES)


class WordingForm(forms.Form):
    """Subject, first sentence, and what to do."""

    subject = TextField(
        label="Subject",
        help_text="How urgent it is stands before it. A lock screen shows some 40 letters: say"
        " first what to do. It must have {reference}, so that no two look the same.",
        max_length=100,
        missing="Enter a subject",
    )
    headline = TextField(
        label="First sentence",
        help_text="What has happened, without what was found.",
        max_length=200,
        missing="Enter a first sentence",
    )
    to_do = TextareaField(
        label="What to do",
        help_text="The limit, the link and why somebody is told stand beneath it in any case.",
        rows=3,
        max_length=600,
        missing="Say what is to be done",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._telling = telling_names() if self.is_bound else []

    def clean_subject(self) -> str:
        said = " ".join(self._checked("subject").split())
        if "{reference}" not in said:
            raise ValidationError("Put {reference} into the subject", code="reference")
        return said

    def clean_headline(self) -> str:
        return " ".join(self._checked("headline").split())

    def clean_to_do(self) -> str:
        return self._checked("to_do")

    def _checked(self, name: str) -> str:
        said: str = self.cleaned_data[name]
        try:
            check(said, self._telling)
        except Unusable as refused:
            raise ValidationError(str(refused), code="unusable") from refused
        return said

    @property
    def written(self) -> Written:
        given = self.cleaned_data
        return Written(given["subject"], given["headline"], given["to_do"])
