"""HL7 time stamps: any precision, any zone, and what to say when one is doubtful.

The offset of the field counts before the offset of MSH-7, and that before the sender's zone.
An hour that happens twice in autumn is taken as the later one (winter time); an hour that
does not exist in spring is taken as winter time. Both are said in a notice.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

DEFAULT_ZONE = "Europe/London"
_OFFSET = r"(?P<offset>[Zz]|[+-]\d{2}(?::?\d{2})?)?"
_COMPACT = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d*))?)?)?)?)?)?" + _OFFSET,
    re.ASCII,
)
# Not HL7, but sent: 2026-06-30 14:30:00.
_DASHED = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d*))?)?)?\s*" + _OFFSET, re.ASCII
)
_LONGEST = 60  # longer is no time, and is not worth remembering
_FURTHEST = timedelta(hours=14)
_EARLIEST_BIRTH = 1850  # no patient was born before


class Doubt(StrEnum):
    """What is not certain about a time, as the end of a sentence that begins with its field."""

    UNREADABLE = "could not be read as a time"
    NO_HOUR = "has no time of day; its beginning is used"
    TWICE = "falls in the hour that happens twice in autumn; the later one is used"
    NEVER = "falls in the hour that does not exist in spring; winter time is used"


class Moment(NamedTuple):
    """An instant in UTC, or None, and the doubt about it."""

    at: datetime | None
    doubt: Doubt | None = None


class _Parts(NamedTuple):
    """A time as written: still without a zone unless it brings one."""

    local: datetime
    has_hour: bool
    offset: timezone | None


NOTHING = Moment(None)


@lru_cache(maxsize=64)
def zone_for(name: str) -> ZoneInfo | None:
    """The zone of this name, or None when there is none such."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def read_time(value: str, zone: tzinfo, message_offset: timezone | None = None) -> Moment:
    """An instant from the first component of a TS or DTM field."""
    value = value.strip()
    return _read_time(value[:_LONGEST], zone, message_offset) if value else NOTHING


@lru_cache(maxsize=4096)
def _read_time(value: str, zone: tzinfo, message_offset: timezone | None) -> Moment:
    try:
        parts = _parts(value)
        if parts is None:
            return Moment(None, Doubt.UNREADABLE)
        at, doubt = _instant(parts.local, parts.offset or message_offset, zone)
    except (ValueError, OverflowError):
        return Moment(None, Doubt.UNREADABLE)
    return Moment(at, doubt if parts.has_hour else Doubt.NO_HOUR)


def offset_of(value: str) -> timezone | None:
    """The offset that a time stamp carries: that of MSH-7 is the default for the message."""
    try:
        parts = _parts(value.strip())
    except (ValueError, OverflowError):
        return None
    return parts.offset if parts else None


def read_date(value: str) -> date | None:
    """A day as written, never moved by a zone: for dates of birth."""
    digits = value.strip()
    try:
        found = _parts(digits)
    except (ValueError, OverflowError):
        return None
    if found is None or len(re.sub(r"\D", "", digits[:10])) < 8:
        return None
    day = found.local.date()
    return day if day.year >= _EARLIEST_BIRTH else None


def _parts(value: str) -> _Parts | None:
    found = _COMPACT.fullmatch(value) or _DASHED.fullmatch(value)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction = found.groups()[:7]
    local = datetime(  # noqa: DTZ001 - the zone is decided by the caller
        int(year),
        int(month or 1),
        int(day or 1),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        int((fraction or "0")[:6].ljust(6, "0")),
    )
    return _Parts(local, hour is not None, _offset(found["offset"]))


def _offset(text: str | None) -> timezone | None:
    if not text:
        return None
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    if int(digits[2:]) > 59:
        raise ValueError
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if size > _FURTHEST:
        raise ValueError
    return timezone(-size if text[0] == "-" else size)


def _instant(
    local: datetime, offset: timezone | None, zone: tzinfo
) -> tuple[datetime, Doubt | None]:
    if offset is not None:
        return local.replace(tzinfo=offset).astimezone(UTC), None
    first = local.replace(tzinfo=zone)
    second = first.replace(fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    if before == after or before is None or after is None:
        return first.astimezone(UTC), None
    if before > after:
        return second.astimezone(UTC), Doubt.TWICE
    return first.astimezone(UTC), Doubt.NEVER
