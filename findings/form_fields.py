"""Form fields in NHS.UK design: each renders its macro, and says in plain words what is wrong.

Use them in a `forms.Form` as you would Django's own and show the form with `form` from
templates/components/forms.jinja:

    plan = TextareaField(label="Your plan", missing="Say what you will do", max_length=2000)
    answer = RadiosField(label="Your answer", choices=…, hints={"mine": "You hold it from now"},
                         reveals={"not_mine": ["because", "suggested"]})

A field named in `reveals` is shown under its choice; without JavaScript all of them are shown.
`missing` is what the page says when nothing was given; without it the label is used.
Dates and moments are in findings/moment_fields.py; import them from here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator

from findings.moment_fields import (
    DateField,
    DateTimeField,
    not_in_the_future,
    not_in_the_past,
)
from findings.nhs_field import NhsField

__all__ = [
    "CheckboxField",
    "CheckboxesField",
    "DateField",
    "DateTimeField",
    "EmailField",
    "FileField",
    "ModelCheckboxesField",
    "ModelRadiosField",
    "ModelSelectField",
    "NhsField",
    "PasswordField",
    "RadiosField",
    "SearchField",
    "SelectField",
    "TextField",
    "TextareaField",
    "missing_if_chosen",
    "not_in_the_future",
    "not_in_the_past",
    "revealed_names",
    "take_away",
]

Reveals = Mapping[str, Sequence[str]]


class ShortEnough(MaxLengthValidator):
    """Says how many characters there are and how many may be."""

    message = "Shorten this to %(limit_value)d characters or fewer. It has %(show_value)d"


class _Words(NhsField, forms.CharField):
    """Text with a limit that is explained."""

    def __init__(self, *args: Any, max_length: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_length = max_length
        if max_length is not None:
            self.validators.append(ShortEnough(max_length))

    def to_python(self, value: Any) -> str:
        """Browsers send a line's end as two characters; it counts as one."""
        return (super().to_python(value) or "").replace("\r\n", "\n")


class TextField(_Words):
    """One line. `kind` is the input's type, `inputmode` its keyboard ("numeric")."""

    nhs_template = "forms/text.jinja"
    kind = "text"
    # A page may set it on the one field for which it is opened.
    autofocus = False

    def __init__(self, *args: Any, inputmode: str = "", **kwargs: Any) -> None:
        self.inputmode = inputmode
        super().__init__(*args, **kwargs)


class PasswordField(TextField):
    """Never sent back to the page."""

    kind = "password"
    nhs_template = "forms/password.jinja"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, strip=False, **{"autocomplete": "current-password", **kwargs})


class SearchField(TextField):
    """What is searched for; never required."""

    kind = "search"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"required": False, "autocomplete": "off", **kwargs})


class FileField(NhsField, forms.FileField):
    """A file, for a form that is sent as multipart/form-data."""

    nhs_template = "forms/file.jinja"
    verb = "Choose"


class EmailField(NhsField, forms.EmailField):
    nhs_template = "forms/text.jinja"
    kind = "email"
    inputmode = "email"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        wrong = "Enter an e-mail address like name@example.nhs.uk"
        super().__init__(*args, **{"error_messages": {"invalid": wrong}, **kwargs})


class TextareaField(_Words):
    """Several lines; counts characters where there is a limit."""

    nhs_template = "forms/textarea.jinja"
    widget = forms.Textarea

    def __init__(self, *args: Any, rows: int = 5, **kwargs: Any) -> None:
        self.rows = rows
        super().__init__(*args, **kwargs)


class _Choice(NhsField):
    """Choices, each with its hint and the fields that it reveals, by the choice's value."""

    verb = "Select"

    def __init__(
        self,
        *args: Any,
        hints: Mapping[str, str] | None = None,
        reveals: Reveals | None = None,
        **kwargs: Any,
    ) -> None:
        self.hints = dict(hints or {})
        self.reveals = {str(value): list(names) for value, names in (reveals or {}).items()}
        wrong = {"invalid_choice": "Select one of the choices on this page"}
        kwargs["error_messages"] = wrong | (kwargs.get("error_messages") or {})
        super().__init__(*args, **kwargs)


class RadiosField(_Choice, forms.ChoiceField):
    """One of a few. `inline` puts two short choices on one line."""

    nhs_template = "forms/radios.jinja"
    widget = forms.RadioSelect

    def __init__(self, *args: Any, inline: bool = False, **kwargs: Any) -> None:
        self.inline = inline
        super().__init__(*args, **kwargs)


class SelectField(_Choice, forms.ChoiceField):
    """One of many. `empty` is the first line, which is no answer."""

    nhs_template = "forms/select.jinja"

    def __init__(self, *args: Any, empty: str = "Select", **kwargs: Any) -> None:
        self.empty = empty
        super().__init__(*args, **kwargs)


class CheckboxesField(_Choice, forms.MultipleChoiceField):
    """Any number of a few."""

    nhs_template = "forms/checkboxes.jinja"
    widget = forms.CheckboxSelectMultiple


class CheckboxField(NhsField, forms.BooleanField):
    """One box to tick; `required=True` means that it must be ticked."""

    nhs_template = "forms/checkbox.jinja"
    verb = "Tick the box:"


class _ModelChoice(_Choice):
    """Rows as choices. A row's value is its key; `words` turns a row into a label."""

    def __init__(self, queryset: Any, *args: Any, words: Any = str, **kwargs: Any) -> None:
        self.words = words
        super().__init__(queryset, *args, **kwargs)

    def label_from_instance(self, row: Any) -> str:
        return self.words(row)


class ModelSelectField(_ModelChoice, forms.ModelChoiceField):
    nhs_template = "forms/select.jinja"

    def __init__(self, queryset: Any, *args: Any, empty: str = "Select", **kwargs: Any) -> None:
        self.empty = empty
        super().__init__(queryset, *args, **{"empty_label": None, **kwargs})


class ModelRadiosField(_ModelChoice, forms.ModelChoiceField):
    nhs_template = "forms/radios.jinja"
    widget = forms.RadioSelect
    inline = False

    def __init__(self, queryset: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(queryset, *args, **{"empty_label": None, **kwargs})


class ModelCheckboxesField(_ModelChoice, forms.ModelMultipleChoiceField):
    nhs_template = "forms/checkboxes.jinja"
    widget = forms.CheckboxSelectMultiple


def revealed_names(form: forms.BaseForm) -> set[str]:
    """Fields that are shown under a choice of another field, not by themselves."""
    return {
        name
        for field in form.fields.values()
        for names in getattr(field, "reveals", {}).values()
        for name in names
    }


def missing_if_chosen(form: forms.Form, choosing: str) -> None:
    """In `clean`: a field under the choice that was made must be filled in.

    Declare such a field `required=False`; a field under another choice is left alone.
    """
    chosen = form.cleaned_data.get(choosing)
    field = form.fields[choosing]
    assert isinstance(field, _Choice)
    for name in field.reveals.get(str(getattr(chosen, "pk", chosen)), ()):
        if (
            name not in form.errors
            and form.cleaned_data.get(name) in form.fields[name].empty_values
        ):
            form.add_error(name, ValidationError(_required_words(form.fields[name]), "required"))


def take_away(form: forms.Form, *names: str) -> None:
    """In `__init__`: without these fields, which it has; and nothing reveals them."""
    for name in names:
        del form.fields[name]
    for field in form.fields.values():
        if isinstance(field, _Choice):
            field.reveals = {
                value: [one for one in revealed if one not in names]
                for value, revealed in field.reveals.items()
            }


def _required_words(field: forms.Field) -> str:
    return str(field.error_messages["required"])
