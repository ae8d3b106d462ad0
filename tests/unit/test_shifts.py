"""Shifts on the wall, the moments they mean, and the gaps between them."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from findings.shifts import Repeat, Shift, gaps, is_odd, moment, repeated

AUTUMN, SPRING = date(2026, 10, 25), date(2026, 3, 29)


def shift(starts: str, ends: str) -> Shift:
    return Shift.between(datetime.fromisoformat(starts), datetime.fromisoformat(ends))


@pytest.mark.parametrize(
    ("starts", "ends", "hours"),
    [
        ("2026-10-24 20:00", "2026-10-25 08:00", 13),
        ("2026-03-28 20:00", "2026-03-29 08:00", 11),
        ("2026-10-24 21:00", "2026-10-25 10:00", 14),
        ("2026-03-28 21:00", "2026-03-29 10:00", 12),
        ("2026-07-01 21:00", "2026-07-02 10:00", 13),
        ("2026-12-01 21:00", "2026-12-02 10:00", 13),
    ],
)
def test_a_night_shift_lasts_an_hour_more_or_less_when_the_clocks_change(starts, ends, hours):
    assert shift(starts, ends).lasts == timedelta(hours=hours)


def test_a_wall_time_that_is_left_out_or_happens_twice_is_read_as_winter_time():
    assert moment(SPRING, time(1, 30)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert moment(AUTUMN, time(1, 30)) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert "There is no 01:30 on 29 March 2026" in is_odd(SPRING, time(1, 30))
    assert "01:30 happens twice on 25 October 2026" in is_odd(AUTUMN, time(1, 30))
    assert is_odd(AUTUMN, time(2, 0)) == is_odd(SPRING, time(2, 0)) == ""


@pytest.mark.parametrize("on", [SPRING, AUTUMN])
def test_one_shift_ends_as_the_next_begins_whatever_the_clocks_do(on):
    """Every half hour of the night as the moment of handing over: no gap and no overlap."""
    midnight = datetime.combine(on, time())
    for half_hours in range(1, 9):
        handover = midnight + timedelta(minutes=30 * half_hours)
        first = Shift.between(midnight, handover)
        second = Shift.between(handover, midnight + timedelta(hours=10))
        spans = [(one.starts_at, one.ends_at) for one in (first, second)]
        assert first.ends_at == second.starts_at
        assert list(gaps(spans, first.starts_at, second.ends_at)) == []


def test_a_repeated_shift_keeps_its_wall_time_over_the_change():
    every = repeated(shift("2026-10-19 08:30", "2026-10-19 17:30"), Repeat.WEEKDAYS, AUTUMN)
    every += repeated(
        shift("2026-10-26 08:30", "2026-10-26 17:30"), Repeat.DAILY, date(2026, 10, 26)
    )
    assert [one.starts_on.day for one in every] == [19, 20, 21, 22, 23, 26]
    assert [one.starts_at.hour for one in every] == [7, 7, 7, 7, 7, 8]
    assert {one.lasts for one in every} == {timedelta(hours=9)}


def test_a_shift_repeats_weekly_to_the_last_day_and_no_further():
    every = repeated(
        shift("2026-11-01 09:00", "2026-11-08 09:00"), Repeat.WEEKLY, date(2026, 11, 21)
    )
    assert [one.starts_on.day for one in every] == [1, 8, 15]


def test_gaps_are_what_no_shift_covers_in_whatever_order_they_come():
    def at(hour: int) -> datetime:
        return datetime(2026, 11, 25, hour, tzinfo=UTC)

    spans = [(at(12), at(14)), (at(8), at(10)), (at(9), at(11)), (at(20), at(22))]
    found = [(one.starts_at, one.ends_at) for one in gaps(spans, at(9), at(18))]
    assert found == [(at(11), at(12)), (at(14), at(18))]
    assert list(gaps([(at(8), at(20))], at(9), at(18))) == []
    assert [str(one) for one in gaps([], at(9), at(18))] == [
        "25 November 2026 at 09:00 to 18:00 (9 hours)"
    ]
    night = next(
        gaps([], datetime(2026, 11, 25, 21, tzinfo=UTC), datetime(2026, 11, 26, 9, tzinfo=UTC))
    )
    assert str(night) == "25 November 2026 at 21:00 to the next day at 09:00 (12 hours)"
