"""Filters of the held items, and the reason for setting one aside."""

from typing import Any

from django import forms

from findings.form_fields import SelectField, TextareaField
from findings.forms.lists import ListFilter
from findings.forms.senders import offer_senders, sender_field
from findings.forms.table_file import TableFileForm
from findings.models import Organisation, Person, Sender
from findings.models.report import ReceiptQuerySet
from findings.presenters.held import REASONS


class HeldFilter(ListFilter):
    """By reason and by sender; only those that something waits for are offered, and what a kept
    address asks for, though nothing waits for it any more."""

    reason = SelectField(label="Why", required=False, empty="Every reason")
    sender = SelectField(label="Sender", required=False, empty="Every sender")

    def __init__(self, data: Any, *, waiting: ReceiptQuerySet, organisation: Organisation) -> None:
        super().__init__(data)
        reasons = {*waiting.values_list("reason", flat=True).distinct(), self.data.get("reason")}
        self._offer("reason", [(r.value, words) for r, words in REASONS.items() if r in reasons])
        senders = waiting.filter(message__sender__isnull=False).order_by("message__sender__name")
        named = senders.values_list("message__sender", "message__sender__name").distinct()
        offered = {str(key): name for key, name in named}
        asked = self.data.get("sender", "")
        if asked.isdecimal() and len(asked) < 10 and asked not in offered:
            once = Sender.objects.filter(pk=asked, organisation=organisation)
            offered |= {str(key): name for key, name in once.values_list("pk", "name")}
        self._offer("sender", offered.items())

    def apply(self, waiting: ReceiptQuerySet) -> ReceiptQuerySet:
        chosen = self.cleaned_data
        if chosen["reason"]:
            waiting = waiting.filter(reason=chosen["reason"])
        if chosen["sender"]:
            waiting = waiting.filter(message__sender=chosen["sender"])
        return waiting


class SetAsideForm(forms.Form):
    """Why nothing in it is needed here."""

    because = TextareaField(
        label="Why it can be set aside",
        help_text="For example: a test message, or reported again under another number.",
        missing="Say why it can be set aside",
        max_length=280,
    )


class ReconcileForm(TableFileForm):
    """A list of what a sender says it has reported."""

    name = "List of reports"
    hint = "Nothing is kept of it, and nothing is changed."

    sender = sender_field(missing="Select the system that the list is from")
    field_order = ("sender", "file")

    def __init__(self, *args: Any, by: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_senders(self, by)
