"""A staff list: the file, and then its changes, shown before they are made."""

from django import forms

from findings.form_fields import CheckboxField
from findings.forms.table_file import ConfirmFileForm, TableFileForm


class StaffFileForm(TableFileForm):
    """Which file, whether it lists everybody, and whether its addresses need no code."""

    name = "Staff list"
    complete = CheckboxField(
        label="It lists everybody of its organisations: whoever is not in it leaves",
        required=False,
    )
    addresses_verified = CheckboxField(
        label="The trust has verified the e-mail addresses in it: messages go there without a code",
        required=False,
    )


class ConfirmStaffForm(ConfirmFileForm):
    """With what was said of the file."""

    complete = forms.BooleanField(required=False, widget=forms.HiddenInput)
    addresses_verified = forms.BooleanField(required=False, widget=forms.HiddenInput)
