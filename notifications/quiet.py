"""Quiet hours: what may wait until the morning, and until when. Pure, but for the setting."""

from datetime import datetime, time, timedelta

from django.conf import settings
from django.utils import timezone


def hours() -> tuple[time, time] | None:
    """From when until when, by local clocks: "20:00-08:00". None: there are none here."""
    if not settings.QUIET_HOURS:
        return None
    start, _, end = settings.QUIET_HOURS.partition("-")
    return time.fromisoformat(start), time.fromisoformat(end)


def held_until(at: datetime) -> datetime | None:
    """When the quiet hours in which `at` (UTC) falls are over; None when it falls in none."""
    quiet = hours()
    if quiet is None:
        return None
    start, end = quiet
    here = timezone.localtime(at)
    now = here.time().replace(tzinfo=None)
    is_quiet = start <= now < end if start <= end else now >= start or now < end
    if not is_quiet:
        return None
    day = here.date() if now < end else here.date() + timedelta(days=1)
    return datetime.combine(day, end, tzinfo=here.tzinfo)
