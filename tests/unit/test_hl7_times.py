"""Time stamps: every precision, every zone, and both nights on which the clock changes."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.intake.hl7_times import Doubt, offset_of, read_date, read_time, zone_for

LONDON = ZoneInfo("Europe/London")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        ("20260630143000", utc(2026, 6, 30, 13, 30)),
        ("20260115143000", utc(2026, 1, 15, 14, 30)),
        ("202606301430", utc(2026, 6, 30, 13, 30)),
        ("2026063014", utc(2026, 6, 30, 13)),
        ("20260630143000.5", utc(2026, 6, 30, 13, 30, 0, 500_000)),
        ("20260630143000.1234567", utc(2026, 6, 30, 13, 30, 0, 123_456)),
        ("20260630143000.", utc(2026, 6, 30, 13, 30)),
        ("20260630143000+0200", utc(2026, 6, 30, 12, 30)),
        ("20260630143000-0500", utc(2026, 6, 30, 19, 30)),
        ("20260630143000.12+0000", utc(2026, 6, 30, 14, 30, 0, 120_000)),
        ("202606301430+01:00", utc(2026, 6, 30, 13, 30)),
        ("20260630143000Z", utc(2026, 6, 30, 14, 30)),
        ("2026-06-30 14:30:00", utc(2026, 6, 30, 13, 30)),
        ("2026-06-30T14:30:00.25+02:00", utc(2026, 6, 30, 12, 30, 0, 250_000)),
    ],
)
def test_a_time_is_an_instant(sent: str, at: datetime) -> None:
    assert read_time(sent, LONDON) == (at, None)


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        ("2026", utc(2026, 1, 1)),
        ("202606", utc(2026, 5, 31, 23)),
        ("20260630", utc(2026, 6, 29, 23)),
        ("20260630+0000", utc(2026, 6, 30)),
    ],
)
def test_a_day_or_less_is_its_beginning_and_said(sent: str, at: datetime) -> None:
    assert read_time(sent, LONDON) == (at, Doubt.NO_HOUR)


@pytest.mark.parametrize(
    "sent",
    ["20261301", "20260230", "2026063025", "202606301460", "20260630143000+9900",
     "20260630143000+0175", "196203520", "0000", "01/10/1948", "yesterday", "2026063014300099",
     "\uff12\uff10\uff12\uff16", "99991231235959-1200", "00010101000000+1400", "9" * 100_000],
)  # fmt: skip
def test_what_is_no_time_is_none_and_said(sent: str) -> None:
    assert read_time(sent, LONDON) == (None, Doubt.UNREADABLE)


def test_nothing_is_none_without_doubt() -> None:
    assert read_time("  ", LONDON) == (None, None)


def test_the_fields_offset_counts_before_the_messages_and_that_before_the_zone() -> None:
    message_offset = offset_of("20260630144500+0000")
    assert message_offset == timezone(timedelta(0))
    assert read_time("20260630143000", LONDON, message_offset).at == utc(2026, 6, 30, 14, 30)
    own = read_time("20260630143000+0200", LONDON, message_offset)
    assert own.at == utc(2026, 6, 30, 12, 30)
    assert offset_of("20260630144500") is None
    assert offset_of("rubbish") is None


def test_the_hour_that_happens_twice_is_the_later_one_and_said() -> None:
    assert read_time("20261025013000", LONDON) == (utc(2026, 10, 25, 1, 30), Doubt.TWICE)
    assert read_time("20261025005900", LONDON) == (utc(2026, 10, 24, 23, 59), None)
    assert read_time("20261025020000", LONDON) == (utc(2026, 10, 25, 2), None)
    assert read_time("20261025013000+0100", LONDON) == (utc(2026, 10, 25, 0, 30), None)


def test_the_hour_that_does_not_exist_is_taken_as_winter_time_and_said() -> None:
    assert read_time("20260329013000", LONDON) == (utc(2026, 3, 29, 1, 30), Doubt.NEVER)
    assert read_time("20260329005959", LONDON) == (utc(2026, 3, 29, 0, 59, 59), None)
    assert read_time("20260329020000", LONDON) == (utc(2026, 3, 29, 1), None)


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        ("19800601", date(1980, 6, 1)),
        ("19800601000000+0100", date(1980, 6, 1)),
        ("19800601233000-0800", date(1980, 6, 1)),
        ("1980-06-01", date(1980, 6, 1)),
        ("1980", None),
        ("198006", None),
        ("19800231", None),
        ("10131113", None),
        ("ALDER^Ann", None),
        ("", None),
    ],
)
def test_a_birthday_is_the_day_as_written(sent: str, day: date | None) -> None:
    assert read_date(sent) == day


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "../etc/passwd", "Europe", "\x00", "a" * 999])
def test_a_zone_that_is_none_is_none(name: str) -> None:
    assert zone_for(name) is None


@given(st.text(st.sampled_from("0123456789+-.:TZ ")) | st.text())
def test_no_text_makes_it_fail(sent: str) -> None:
    for zone in (LONDON, UTC):
        read_time(sent, zone)
    read_date(sent)
    offset_of(sent)
