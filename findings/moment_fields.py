"""Dates and moments in forms: day, month, year, and the time on a 24-hour clock.

What was typed is kept as it was typed. A local time that does not exist, because the clocks went
forward, is refused with the time that does; one that happened twice, because they went back,
asks which of the two was meant. Nothing is guessed.
"""

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from findings import words
from findings.nhs_field import NhsField

MONTHS = [f"{date(2000, number, 1):%B}".lower() for number in range(1, 13)]
TIME = re.compile(
    r"(?P<hour>\d{1,2})(?:[:.]?(?P<minute>\d{2}))?\s*(?P<half>am|pm)?\s*(?P<zone>[a-z]{3,4})?",
    re.IGNORECASE,
)


class Typed(NamedTuple):
    """The parts as typed; `time` stays empty in a date."""

    day: str = ""
    month: str = ""
    year: str = ""
    time: str = ""

    @property
    def is_empty(self) -> bool:
        return not any(self)


class PartsWidget(forms.Widget):
    """Reads name-day, name-month, name-year and name-time. The field's template draws them."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Typed:
        return Typed(*(str(data.get(f"{name}-{part}") or "").strip() for part in Typed._fields))

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return not any(f"{name}-{part}" in data for part in Typed._fields)


class _Parts(NhsField, forms.Field):
    widget = PartsWidget
    nhs_template = "forms/parts.jinja"
    empty_values = [None, "", Typed()]
    parts: tuple[str, ...] = ("day", "month", "year")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.prepare_value(initial) != self.prepare_value(data)


class DateField(_Parts):
    """A day. Cleans to a `date`, or None. The month may be a word."""

    def to_python(self, value: Any) -> date | None:
        if value is None or isinstance(value, date):
            return value
        return None if value.is_empty else read_date(value)

    def prepare_value(self, value: Any) -> Typed:
        if isinstance(value, date):
            return Typed(str(value.day), str(value.month), str(value.year))
        return value or Typed()


class DateTimeField(_Parts):
    """A moment. Cleans to an aware `datetime`, or None; typed and shown in local time."""

    parts = ("day", "month", "year", "time")

    def to_python(self, value: Any) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return value
        return None if value.is_empty else read_moment(value)

    def prepare_value(self, value: Any) -> Typed:
        if isinstance(value, datetime):
            here = words.local(value)
            return Typed(str(here.day), str(here.month), str(here.year), words.clock_time(here))
        return value or Typed()


def not_in_the_future(value: date | datetime) -> None:
    """A validator for what has already happened."""
    if value > _now_like(value):
        raise ValidationError(f"{_said(value)} is in the future", code="all")


def not_in_the_past(value: date | datetime) -> None:
    """A validator for what is still to come; today is still to come."""
    if value < _now_like(value):
        raise ValidationError(f"{_said(value)} is in the past", code="all")


def _now_like(value: date | datetime) -> Any:
    return timezone.now() if isinstance(value, datetime) else timezone.localdate()


def _said(value: date | datetime) -> str:
    return words.when(value) if isinstance(value, datetime) else words.day(value)


def read_date(typed: Typed) -> date:
    """The date, or a ValidationError whose code names the part that is wrong."""
    missing = [part for part in ("day", "month", "year") if not getattr(typed, part)]
    if missing:
        raise ValidationError(f"Enter a {' and a '.join(missing)}", code=" ".join(missing))
    month, year = _month(typed.month), _year(typed.year)
    number = _number(typed.day, "day")
    last = monthrange(year, month)[1]
    if not 1 <= number <= last:
        named = f"{MONTHS[month - 1].capitalize()} {year}"
        raise ValidationError(f"{named} has {last} days: enter a day from 1 to {last}", code="day")
    return date(year, month, number)


def _number(typed: str, part: str) -> int:
    # isascii: isdigit() also takes ² and digits of other scripts, which int() may refuse.
    if not (typed.isascii() and typed.isdigit()):
        raise ValidationError(f"Enter the {part} in figures", code=part)
    return int(typed)


def _month(typed: str) -> int:
    if len(typed) >= 3 and typed.isalpha():
        for number, name in enumerate(MONTHS, start=1):
            if name.startswith(typed.lower()):
                return number
        raise ValidationError("Enter the month as a number from 1 to 12", code="month")
    number = _number(typed, "month")
    if not 1 <= number <= 12:
        raise ValidationError("Enter the month as a number from 1 to 12", code="month")
    return number


def _year(typed: str) -> int:
    number = _number(typed, "year")
    if not (len(typed) == 4 and 1900 <= number <= 2199):
        raise ValidationError("Enter the year with 4 figures, for example 2026", code="year")
    return number


def read_moment(typed: Typed) -> datetime:
    """The moment that the date and the time name, in local time."""
    on = read_date(typed)
    if not typed.time:
        raise ValidationError("Enter a time, for example 14:05", code="time")
    at, zone = read_time(typed.time)
    return in_local_time(datetime.combine(on, at), zone)


def read_time(typed: str) -> tuple[time, str]:
    """14:05, 14.05, 1405, 2:05pm or 01:30 GMT: the time, and the zone's letters if any."""
    found = TIME.fullmatch(typed.strip())
    hour = int(found["hour"]) if found else 24
    if found and found["half"]:
        hour = hour % 12 + (12 if found["half"].lower() == "pm" else 0) if 1 <= hour <= 12 else 24
    minute = int(found["minute"] or 0) if found else 60
    bare_hour = found and not found["minute"] and not found["half"]
    if not found or bare_hour or hour > 23 or minute > 59:
        raise ValidationError("Enter the time on a 24-hour clock, for example 14:05", code="time")
    return time(hour, minute), (found["zone"] or "").upper()


def in_local_time(naive: datetime, zone: str = "") -> datetime:
    """The moment at which local clocks show this, refusing what is no moment or two."""
    first = naive.replace(tzinfo=timezone.get_current_timezone())
    if not words.is_real(first):
        raise _left_out(first)
    if words.happens_twice(first):
        return _which(first, zone)
    if zone and zone != (first.tzname() or "").upper():
        raise ValidationError(
            f"Clocks show {first.tzname()} on {words.day(first)}: enter the time without {zone}",
            code="time",
        )
    return first


def _left_out(first: datetime) -> ValidationError:
    later = first + timedelta(hours=1)
    return ValidationError(
        f"There is no {first:%H:%M} on {words.day(later)}, because the clocks go forward."
        f" Did you mean {later:%H:%M}?",
        code="time",
    )


def _which(first: datetime, zone: str) -> datetime:
    """The one of two equal local times that was asked for."""
    named = {(moment.tzname() or "").upper(): moment for moment in _both(first)}
    if zone in named:
        return named[zone]
    early, late = (f"{moment:%H:%M} {name}" for name, moment in named.items())
    raise ValidationError(
        f"{first:%H:%M} happens twice on {words.day(first)}, because the clocks go back."
        f" Enter {early} for the first or {late} for the second",
        code="time",
    )


def _both(first: datetime) -> tuple[datetime, datetime]:
    return first.replace(fold=0), first.replace(fold=1)
