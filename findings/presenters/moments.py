"""Limits and steps of the ladder as a sentence wants them."""

from datetime import UTC, datetime

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.html import format_html

from findings import words
from findings.models import Audience, Team


def near_with_rest(at: datetime, now: datetime) -> str:
    """today at 16:40 (in 2 hours)."""
    return f"{words.near(at, now)} ({words.time_left(at, now)})"


def timed(at: datetime, said: str) -> str:
    """These words with the moment behind them, for whatever reads pages instead of people; and the
    whole date for whoever points at them or prints them."""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        words.when(at),
        said,
    )


def moment(text: object) -> datetime | None:
    """A moment as it stands in an event's data, or None."""
    return parse_datetime(text) if isinstance(text, str) else None


def said_day(text: object) -> str:
    """A date as it stands in an event's data, in words."""
    return words.day(parse_date(text)) if isinstance(text, str) and text else ""


def step_words(audience: str, why: str, team: Team | None = None) -> str:
    """The owner (reminder); the coordinators. What only names the audience again is left out.

    Of a wait, which nobody owns, `team` hears: it is named.
    """
    who = dict(Audience.choices).get(audience, audience or "the next in line")
    if team is not None and audience == Audience.TEAM:
        who = str(team)
    elif team is not None and audience == Audience.DEPARTMENT:
        who = f"the clinical director of {team}"
    why = why.partition(":")[0].strip()
    repeats = all(word in who for word in why.lower().split() if word != "whole")
    return f"{who} ({why})" if why and not repeats else who
