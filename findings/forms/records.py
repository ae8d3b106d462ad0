"""A patient's record, named by a number on a form and shown before anything is done to it."""

from typing import Any

from django import forms

from findings.form_fields import TextField
from findings.models import Patient, Person
from findings.services.merge import records_with


class NumberOfRecord(TextField):
    """Any number of the patient."""

    def __init__(self, **words: Any) -> None:
        super().__init__(max_length=60, width=20, autocomplete="off", **words)


class AboutRecords(forms.Form):
    """Nothing is done to a record that nobody has seen."""

    # The fields with their numbers.
    named: tuple[str, ...] = ()
    # What the page showed, as `shown` has it.
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *, by: Person, data: Any = None) -> None:
        self.by = by
        super().__init__(data)

    def record_in(self, name: str) -> Patient:
        """The one record that the number in this field leads to; else what to do about it."""
        found = records_with(self.cleaned_data[name], self.by)
        if len(found) != 1:
            raise forms.ValidationError(
                "More than one record has this number. Use another of its numbers."
                if found
                else "No record of your trust has this number. Check it and type it again."
            )
        return found[0]

    @property
    def shown(self) -> str:
        """The records that the form is about, as the page shows them."""
        return ":".join(str(self.cleaned_data[name].pk) for name in self.named)

    @property
    def again(self) -> dict[str, str]:
        """What was typed, to be sent again with what the page has shown."""
        typed = {name: self.data[name] for name in self.data if name != "csrfmiddlewaretoken"}
        return typed | {"seen": self.shown}

    @property
    def was_seen(self) -> bool:
        return self.cleaned_data["seen"] == self.shown
