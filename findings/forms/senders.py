"""Which system a list or an accession number is from, and how its messages are read."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from findings.form_fields import (
    CheckboxField,
    ModelSelectField,
    RadiosField,
    TextareaField,
    TextField,
)
from findings.models import Person, Sender
from findings.services.sender_settings import SETTINGS, checked

# As long as a message can be that somebody pastes; files come by other ways.
LONGEST_MESSAGE = 200_000
USUAL = "Empty: the usual places."


def sender_field(*, missing: str) -> ModelSelectField:
    """Offers nothing before `offer_senders`."""
    return ModelSelectField(
        label="Which system is it from?", queryset=Sender.objects.none(), missing=missing
    )


def offer_senders(form: forms.Form, by: Person) -> None:
    """Those of this person's trust that keep a list: all but our own form. The only one is chosen
    already."""
    field: Any = form.fields["sender"]
    field.queryset = Sender.objects.systems().filter(organisation=by.organisation_id)
    if field.queryset.count() == 1:
        field.initial = field.queryset.first()


class _Lines(TextareaField):
    """A word of the sender and what it means on each line, as "wet read = preliminary"."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, rows=3, max_length=2000, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{word} = {meaning}" for word, meaning in value.items())
        return value

    def clean(self, value: Any) -> Any:
        found = {}
        for line in super().clean(value).splitlines():
            # An alert code may have = in it: the last one counts.
            word, _, meaning = line.rpartition("=")
            if line.strip():
                found[word.strip()] = meaning.strip()
        return found


class _Names(TextField):
    """Several names with commas between them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=200, width=20, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        names = super().clean(value).split(",")
        return [name.strip().upper() for name in names if name.strip()]


class SenderForm(forms.Form):
    """Every setting of a sender, and a message to try them on."""

    name = TextField(label="Name", max_length=120)
    zone = TextField(
        label="Time zone", help_text="Of times that carry none: Europe/London", width=20
    )
    fallback_charset = TextField(
        label="Character set",
        help_text="Where MSH-18 names none and the message is not UTF-8: windows-1252",
        width=20,
        max_length=20,
    )
    number_authority = TextField(
        label="Whose hospital numbers it sends",
        help_text="Where PID-3 does not say: RXX. Empty: such a number names nobody",
        required=False,
        width=20,
        max_length=60,
    )
    nhs_words = _Names(
        label="Other names of the NHS number",
        help_text="Further authorities or types in PID-3, with commas: NHSIC",
    )
    nhs_position = TextField(
        label="Where the NHS number is when nothing names it",
        help_text="A last resort: PID-2, or PID-3.2 for the second number in PID-3",
        required=False,
        width=10,
    )
    accessions_of = ModelSelectField(
        Sender.objects.none(),
        label="Whose accession numbers it sends",
        help_text="Another system's, where it orders or reports for that one",
        required=False,
        empty="Its own",
    )
    accession_fields = _Names(
        label="Where the accession number is",
        help_text=f"The first of these that has one, and no other: OBR-18, OBR-3. {USUAL}",
    )
    referrer_fields = _Names(
        label="Where to look first for who asked", help_text=f"PV1-9, OBR-16. {USUAL}"
    )
    location_fields = _Names(
        label="Where to look first for the requesting location", help_text=f"ORC-17. {USUAL}"
    )
    imaging_sections = _Names(
        label="Which services are imaging",
        help_text="Codes in OBR-24, where it sends other services, too: RAD, CT. What has another"
        " or none is held. Empty: only what is known to be something else is held",
    )
    takes_tests = CheckboxField(
        label="Take what is marked as a test",
        help_text="MSH-11 T (training) or D (debugging). Only where its live messages say so:"
        " otherwise its sender is refused them",
        required=False,
    )
    status_words = _Lines(
        label="Its words for the status of a report",
        help_text="One on each line: wet read = preliminary",
    )
    order_words = _Lines(
        label="Its codes for what becomes of an order",
        help_text="In ORC-1, ORC-5 or OBR-25, one on each line: exam complete = performed",
    )
    trigger_words = _Lines(
        label="Its alert codes", help_text="One on each line: *** ALERT *** = critical"
    )
    flags_at_once = CheckboxField(
        label="Flag at once what an alert code proposes",
        help_text="Only where every such code is known to be meant: nobody confirms it first",
        required=False,
    )
    silence = RadiosField(label="When nothing comes from it", choices=Sender.Silence.choices)
    message = TextareaField(
        label="Try it on a message",
        help_text="It is shown how it would be read with what stands above, before anything is"
        " saved. Nothing of it is kept",
        required=False,
        max_length=LONGEST_MESSAGE,
    )

    def __init__(self, sender: Sender, data: Any = None) -> None:
        super().__init__(data, initial={name: getattr(sender, name) for name in SETTINGS})
        self.sender = sender
        others = Sender.objects.systems().filter(organisation=sender.organisation_id)
        field: Any = self.fields["accessions_of"]
        field.queryset = others.filter(accessions_of=None).exclude(pk=sender.pk)

    def clean(self) -> dict[str, Any]:
        for name in SETTINGS:
            if name in self.cleaned_data:
                try:
                    self.cleaned_data[name] = checked(name, self.cleaned_data[name])
                except ValueError as wrong:
                    self.add_error(name, ValidationError(str(wrong)))
        return self.cleaned_data

    @property
    def settings(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in SETTINGS}
