"""Snoozing, and holding the letter to the patient: a reason and an end."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from findings import words
from findings.form_fields import DateField, DateTimeField, TextareaField, not_in_the_past
from findings.forms.answers import LONGEST, AnswerForm
from findings.services.clocks import clock_of_state
from findings.services.pause import check_snooze_until, snooze_at_most_until
from findings.timetable import end_of_day


class SnoozeForm(AnswerForm):
    until_at = DateTimeField(
        label="Until when?", missing="Enter until when", validators=[not_in_the_past]
    )
    because = TextareaField(
        label="Why?",
        help_text="For example: the scan is booked for Thursday.",
        rows=3,
        max_length=LONGEST,
        missing="Give a reason",
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        at_most = self._at_most()
        if at_most is not None:
            field: Any = self.fields["until_at"]
            field.help_text = f"Until {words.until(at_most, timezone.now())} at the latest."
            self.initial["until_at"] = at_most.replace(second=0, microsecond=0)

    def clean_until_at(self) -> datetime:
        until_at: datetime = self.cleaned_data["until_at"]
        try:
            check_snooze_until(clock_of_state(self.finding), until_at, timezone.now())
        except ValueError as error:
            raise ValidationError(str(error).rstrip("."), code="all") from error
        return until_at

    def _at_most(self) -> datetime | None:
        if not self.finding.is_open:
            return None
        return snooze_at_most_until(clock_of_state(self.finding), timezone.now())


class HoldForm(AnswerForm):
    until_on = DateField(
        label="Until which day?",
        help_text="The letter waits until the end of this day. For example, 25 11 2026.",
        missing="Enter a day",
        validators=[not_in_the_past],
    )
    because = TextareaField(
        label="Why?",
        help_text="For example: they are seen in clinic on Thursday.",
        rows=3,
        max_length=LONGEST,
        missing="Give a reason",
    )

    @property
    def until_at(self) -> datetime:
        on: date = self.cleaned_data["until_on"]
        return end_of_day(on, ZoneInfo(settings.TIME_ZONE))
