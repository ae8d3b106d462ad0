"""Limits as a sentence wants them: "by the end of 3 December 2026", "by 3 December at 16:40"."""

from datetime import datetime, timedelta

from django.utils.dateparse import parse_date, parse_datetime

from findings import words


def until(at: datetime) -> str:
    """A limit given as a day ends at midnight; nobody reads "4 December at 00:00" as the third."""
    here = words.local(at)
    if (here.hour, here.minute) == (0, 0):
        return f"the end of {words.day(here.date() - timedelta(days=1))}"
    return words.when(at)


def until_with_rest(at: datetime, now: datetime) -> str:
    """25 November 2026 at 16:40 (in 2 hours)."""
    return f"{until(at)} ({words.time_left(at, now)})"


def moment(text: object) -> datetime | None:
    """A moment as it stands in an event's data, or None."""
    return parse_datetime(text) if isinstance(text, str) else None


def said_day(text: object) -> str:
    """A date as it stands in an event's data, in words."""
    return words.day(parse_date(text)) if isinstance(text, str) and text else ""
