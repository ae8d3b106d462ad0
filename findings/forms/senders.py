"""Which system a list or an accession number is from."""

from typing import Any

from django import forms

from findings.form_fields import ModelSelectField
from findings.models import Person, Sender


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
