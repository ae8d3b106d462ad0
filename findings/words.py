"""Moments, durations and numbers as people read them. Pages, messages and exports all say it so.

Moments are kept in UTC and shown in settings.TIME_ZONE (Europe/London); whoever compares two
moments passes `now`, so that one page or one message has one now.
"""

import re
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.utils import timezone

NO_BREAK_SPACE = "\u00a0"
DAY = 86400
UNITS = (("day", DAY), ("hour", 3600), ("minute", 60))
DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<month>\d+)M)?(?:(?P<week>\d+)W)?(?:(?P<day>\d+)D)?"
    r"(?:T(?:(?P<hour>\d+)H)?(?:(?P<minute>\d+)M)?)?"
)
# Closer to its limit than this, a promise is shown as pressing.
PRESSING = timedelta(hours=2)


class Urgency(StrEnum):
    """How a limit stands; pages turn it into a colour, next to the words."""

    LATE = "late"
    PRESSING = "pressing"
    IN_TIME = "in_time"


def local(at: datetime) -> datetime:
    """In the one time zone that pages show. Named, since to ask which is active takes five times as
    long, and a list says a thousand moments."""
    return timezone.localtime(at, timezone.get_default_timezone())


def day(on: date | datetime | None) -> str:
    """25 November 2026."""
    if on is None:
        return ""
    if isinstance(on, datetime):
        on = local(on).date()
    return f"{on.day} {on:%B %Y}"


def clock_time(at: datetime) -> str:
    """14:05, and which of the two when the clocks go back: 01:30 GMT."""
    here = local(at)
    return f"{here:%H:%M}{' ' + (here.tzname() or '') if happens_twice(here) else ''}"


def happens_twice(here: datetime) -> bool:
    """Whether this local time is in the hour that is repeated in autumn."""
    first, second = here.replace(fold=0), here.replace(fold=1)
    return first.utcoffset() != second.utcoffset() and is_real(first)


def is_real(here: datetime) -> bool:
    """Whether this local time exists: an hour is left out in spring."""
    assert isinstance(here.tzinfo, ZoneInfo)
    return here.astimezone(UTC).astimezone(here.tzinfo).replace(fold=0) == here.replace(fold=0)


def when(at: datetime | None) -> str:
    """25 November 2026 at 14:05."""
    return f"{day(at)} at {clock_time(at)}" if at else ""


def near_day(on: date, now: datetime) -> str:
    """today, tomorrow, yesterday, or Friday 4 December; with its year where that is another."""
    today = local(now).date()
    if named := {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((on - today).days):
        return named
    return f"{on:%A} {day(on)}" if on.year != today.year else f"{on:%A} {on.day} {on:%B}"


def near(at: datetime, now: datetime) -> str:
    """today at 16:40, tomorrow at 09:00, Friday 4 December at 10:00."""
    return f"{near_day(local(at).date(), now)} at {clock_time(at)}"


def ends_a_day(at: datetime) -> bool:
    """A limit given as a day is kept as the midnight that ends it."""
    here = local(at)
    return (here.hour, here.minute) == (0, 0)


def last_day(at: datetime) -> date:
    """The last day on which it is not late: of a limit at midnight the one that ends then."""
    return (local(at) - timedelta(microseconds=1)).date()


def until(at: datetime, now: datetime | None = None) -> str:
    """25 November 2026 at 16:40, or the end of 25 November 2026; seen from now: today at 16:40, or
    the end of today. Without `now` where the words are kept, in a timeline or on paper."""
    if ends_a_day(at):
        return f"the end of {near_day(last_day(at), now) if now else day(last_day(at))}"
    return near(at, now) if now else when(at)


def plural(number: int, noun: str) -> str:
    """1 day, 2 days."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def share(met: int, of: int, nothing: str = "none") -> str:
    """76 % (155 of 203); rounded down, so that 100 % is said only where nothing was missed."""
    return f"{met * 100 // of} % ({met} of {of})" if of else nothing


def counted(numbers: dict[str, int]) -> str:
    """2 findings and 1 examination; what there is none of is not named."""
    return " and ".join(plural(number, noun) for noun, number in numbers.items() if number)


def length(span: timedelta) -> str:
    """The largest unit and the next, of which nobody has to guess: 4 hours 30 minutes, 3 days. From
    a week on an hour is noise."""
    rest = int(abs(span).total_seconds())
    if rest >= 7 * DAY:
        return plural(rest // DAY, "day")
    for (noun, size), (smaller, small) in zip(UNITS, [*UNITS[1:], ("", 0)], strict=True):
        if rest >= size:
            more = rest % size // small if small else 0
            return plural(rest // size, noun) + (f" {plural(more, smaller)}" if more else "")
    return "less than a minute"


def time_left(at: datetime | None, now: datetime) -> str:
    """in 2 hours, or 2 hours late: as it passes, whatever the clocks on the wall do meanwhile."""
    if at is None:
        return ""
    left = at.astimezone(UTC) - now.astimezone(UTC)  # of two local times: their wall clocks' own
    return f"in {length(left)}" if left > timedelta() else f"{length(left)} late"


def ago(at: datetime, now: datetime) -> str:
    """2 hours ago."""
    return f"{length(now.astimezone(UTC) - at.astimezone(UTC))} ago"


def due(at: datetime, now: datetime) -> str:
    """due today at 16:40 (in 2 hours), due by the end of Friday 4 December (in 8 days), or was due
    yesterday at 16:40 (19 hours ago). Every page and message says a limit so."""
    limit = f"due {'by ' if ends_a_day(at) else ''}{until(at, now)}"
    return f"{limit} ({time_left(at, now)})" if at > now else f"was {limit} ({ago(at, now)})"


def due_on_paper(at: datetime, now: datetime) -> str:
    """due by 25 November 2026 at 16:40: paper is read on another day than it was printed on."""
    return f"due by {until(at)}" if at > now else f"late: was due by {until(at)}"


def capital(text: str) -> str:
    """The first letter alone: the rest may hold names."""
    return text[:1].upper() + text[1:]


def urgency(at: datetime, now: datetime) -> Urgency:
    if at <= now:
        return Urgency.LATE
    return Urgency.PRESSING if at - now <= PRESSING else Urgency.IN_TIME


def duration(iso: str) -> str:
    """PT6H becomes 6 hours, -P28D 28 days before; what is not a duration stays as it is."""
    found = DURATION.fullmatch(iso or "")
    if not found:
        return iso or ""
    parts = [
        plural(int(number), noun)
        for noun, number in found.groupdict().items()
        if noun != "sign" and number
    ]
    return " ".join(parts) + (" before" if found["sign"] else "")


def file_size(size: int) -> str:
    """340 bytes, 212 kB, 3.4 MB: of thousands, as file managers count."""
    if size < 1000:
        return plural(size, "byte")
    return f"{round(size / 1000)} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def nhs_number(digits: str | None) -> str:
    """999 000 0018, never broken over two lines."""
    if not digits or len(digits) != 10:
        return digits or ""
    return NO_BREAK_SPACE.join((digits[:3], digits[3:6], digits[6:]))


def age(born_on: date | None, on: date | None = None) -> str:
    """72 years; in months or days for a small child."""
    if born_on is None:
        return ""
    on = on or timezone.localdate()
    months = (on.year - born_on.year) * 12 + on.month - born_on.month - (on.day < born_on.day)
    if months >= 24:
        return plural(months // 12, "year")
    return plural(months, "month") if months > 0 else plural((on - born_on).days, "day")
