"""A shift that is handed over: from when until when, and what the next one has to know."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from findings.form_fields import DateTimeField, TextareaField, not_in_the_future, not_in_the_past
from findings.forms.answers import LONGEST
from findings.models import ShiftSheet

# Half a day: where the last sheet is of today, this shift began with it. Both can be changed.
USUAL = timedelta(hours=12)


class ShiftForm(forms.Form):
    began_at = DateTimeField(
        label="When did this shift begin?",
        help_text="For example, 25 11 2026 and 07:30.",
        validators=[not_in_the_future],
    )
    until_at = DateTimeField(
        label="Until when does the next one go?",
        help_text="For example, 25 11 2026 and 20:00.",
        validators=[not_in_the_past],
    )
    note = TextareaField(
        label="What the next shift has to know",
        help_text="For example, who is rung at what number tonight. Leave it empty where the sheet"
        " says it all.",
        required=False,
        rows=3,
        max_length=LONGEST,
    )

    def __init__(self, data: Any = None, *, last: ShiftSheet | None) -> None:
        now = timezone.now()
        super().__init__(data, initial={"began_at": _began(last, now), "until_at": now + USUAL})

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Of the shift and of the next; as proposed, where what was typed is wrong."""
        given = getattr(self, "cleaned_data", {})
        began = given.get("began_at") or self.initial["began_at"]
        return began, given.get("until_at") or self.initial["until_at"]


def _began(last: ShiftSheet | None, now: datetime) -> datetime:
    usual = now - USUAL
    return max(usual, last.given_at) if last else usual
