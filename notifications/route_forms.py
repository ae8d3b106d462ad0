"""A new route, and the code that came there."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from findings.form_fields import RadiosField, TextField
from notifications.models import Channel, configured_channels

LABELS = {
    Channel.EMAIL: ("E-mail", "An address that only this person reads."),
    Channel.SMS: ("Text message", "A mobile number, for example 07700 900123."),
    Channel.WEBHOOK: ("The trust's messaging", "The name that it knows the person by."),
}


class RouteForm(forms.Form):
    """By what, and where."""

    channel = RadiosField(label="How?", missing="Select how they are told")
    address = TextField(
        label="Address, number or name",
        max_length=254,
        width=30,
        autocomplete="off",
        missing="Enter the address, number or name",
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        offered = [channel for channel in configured_channels() if channel in LABELS]
        field: Any = self.fields["channel"]
        field.choices = [(channel.value, LABELS[channel][0]) for channel in offered]
        field.hints = {channel.value: LABELS[channel][1] for channel in offered}

    def clean(self) -> None:
        channel, address = self.cleaned_data.get("channel"), self.cleaned_data.get("address")
        if not channel or not address:
            return
        try:
            self.cleaned_data["address"] = _CLEAN[Channel(channel)](address)
        except ValidationError as error:
            self.add_error("address", error)


def _email(typed: str) -> str:
    try:
        validate_email(typed)
    except ValidationError as error:
        raise ValidationError("Enter an e-mail address like name@example.nhs.uk") from error
    return typed


def international(typed: str) -> str:
    """07700 900123 and 0044 7700 900123 become +447700900123."""
    digits = re.sub(r"[\s().-]", "", typed)
    digits = re.sub(r"^00", "+", digits)
    digits = re.sub(r"^0(?=7)", "+44", digits)
    if not re.fullmatch(r"\+[1-9][0-9]{7,14}", digits):
        raise ValidationError("Enter a mobile number, like 07700 900123 or +44 7700 900123")
    return digits


def _name(typed: str) -> str:
    return typed


_CLEAN = {Channel.EMAIL: _email, Channel.SMS: international, Channel.WEBHOOK: _name}


class CodeForm(forms.Form):
    code = TextField(
        label="The code that came there",
        help_text="6 digits.",
        max_length=20,
        width=5,
        inputmode="numeric",
        autocomplete="one-time-code",
        missing="Enter the code",
    )

    def clean_code(self) -> str:
        code = re.sub(r"\s", "", self.cleaned_data["code"])
        if not re.fullmatch(r"[0-9]{6}", code):
            raise ValidationError("The code has 6 digits")
        return code
