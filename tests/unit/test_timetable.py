"""When a promise is due: elapsed time in UTC, working days on this nation's calendar.

The cases come from faults that other systems had: see the names.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from holidays import country_holidays

from findings.timetable import (
    Calendar,
    PlannedStep,
    end_of_day,
    in_words,
    parse_duration,
    steps,
    still_to_tell,
)

LONDON = ZoneInfo("Europe/London")
ELAPSED = Calendar(False, LONDON)


def london(year: int, month: int, day: int, hour: int = 9, minute: int = 0, fold: int = 0):
    return datetime(year, month, day, hour, minute, tzinfo=LONDON, fold=fold)


def utc(year: int, month: int, day: int, hour: int, minute: int = 0):
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def working(nation: str) -> Calendar:
    """As services/policy.py makes it: only the days of one nation."""
    days = country_holidays("GB", subdiv=nation, years=range(2021, 2029))
    return Calendar(True, LONDON, frozenset(days))


def after(calendar: Calendar, start: datetime, duration: str) -> datetime:
    return calendar.add(start, parse_duration(duration))


@dataclass
class Rung:
    level: int
    offset: str
    anchor: str = "start"
    audience: str = "owner"
    words: str = "reminder"


# --- Elapsed time over the two clock changes ---------------------------------------------------


def test_four_hours_in_the_night_when_the_clocks_go_back_are_four_hours():
    due_at = after(ELAPSED, london(2026, 10, 24, 23, 30), "PT4H")
    assert due_at == utc(2026, 10, 25, 2, 30)
    assert due_at.astimezone(LONDON).strftime("%d %H:%M %Z") == "25 02:30 GMT"


def test_four_hours_in_the_night_when_the_clocks_go_forward_are_four_hours():
    due_at = after(ELAPSED, london(2026, 3, 28, 23, 30).astimezone(UTC), "PT4H")
    assert due_at == utc(2026, 3, 29, 3, 30)
    assert due_at.astimezone(LONDON).strftime("%d %H:%M %Z") == "29 04:30 BST"


def test_a_start_in_local_time_gives_the_same_moment_as_the_same_start_in_utc():
    start = london(2026, 3, 28, 23, 30)
    assert after(ELAPSED, start, "PT4H").astimezone(UTC) == after(
        ELAPSED, start.astimezone(UTC), "PT4H"
    )


@pytest.mark.parametrize(("fold", "due"), [(0, 1), (1, 2)])
def test_the_hour_that_happens_twice_gives_two_different_limits(fold, due):
    start = london(2026, 10, 25, 1, 30, fold=fold).astimezone(UTC)
    assert after(ELAPSED, start, "PT1H") == utc(2026, 10, 25, due, 30)


def test_elapsed_days_are_twenty_four_hours_over_a_clock_change():
    start = london(2026, 10, 24, 12).astimezone(UTC)
    assert after(ELAPSED, start, "P1D") - start == timedelta(hours=24)


def test_elapsed_time_goes_on_at_weekends_and_on_christmas_day():
    assert after(ELAPSED, london(2026, 12, 24, 16).astimezone(UTC), "P2D") == utc(2026, 12, 26, 16)


# --- Working days on the right nation's calendar -----------------------------------------------


def test_five_working_days_over_easter_end_later_in_england_than_in_scotland():
    start = london(2026, 4, 2)
    assert after(working("ENG"), start, "P5D").astimezone(LONDON).date() == date(2026, 4, 13)
    assert after(working("SCT"), start, "P5D").astimezone(LONDON).date() == date(2026, 4, 10)


def test_a_substitute_day_for_boxing_day_is_no_working_day():
    due_at = after(working("ENG"), london(2026, 12, 24), "P1D")
    assert due_at.astimezone(LONDON).date() == date(2026, 12, 29)


@pytest.mark.parametrize(
    ("day", "closed_in"),
    [
        (date(2026, 11, 30), "SCT"),
        (date(2026, 8, 3), "SCT"),
        (date(2026, 7, 13), "NIR"),
        (date(2026, 8, 31), "ENG NIR WLS"),
        (date(2022, 6, 2), "ENG NIR SCT WLS"),
        (date(2022, 5, 30), ""),
    ],
    ids=str,
)
def test_each_nation_keeps_its_own_bank_holidays(day, closed_in):
    nations = ("ENG", "WLS", "SCT", "NIR")
    assert {one for one in nations if not working(one).is_working_day(day)} == set(
        closed_in.split()
    )


def test_working_days_end_at_the_same_local_time_after_the_clocks_go_back():
    start = london(2026, 10, 23, 16)  # a Friday in summer time
    due_at = after(working("ENG"), start, "P1D")
    assert due_at == utc(2026, 10, 26, 16)  # Monday at 16:00 GMT
    assert due_at - start.astimezone(UTC) == timedelta(days=3, hours=1)


def test_working_days_end_at_the_same_local_time_after_the_clocks_go_forward():
    start = london(2026, 3, 27, 16)
    assert after(working("ENG"), start, "P1D") == utc(2026, 3, 30, 15)


def test_a_start_on_saturday_counts_monday_as_the_first_working_day():
    due_at = after(working("ENG"), london(2026, 11, 28, 10), "P1D")
    assert due_at.astimezone(LONDON) == london(2026, 11, 30, 10)


def test_the_local_day_decides_and_not_the_day_in_utc():
    """00:30 on Monday in summer is still Sunday in UTC."""
    due_at = after(working("ENG"), london(2026, 6, 8, 0, 30).astimezone(UTC), "P1D")
    assert due_at.astimezone(LONDON) == london(2026, 6, 9, 0, 30)


def test_working_days_can_be_counted_backwards():
    assert after(working("ENG"), london(2026, 4, 7, 11), "-P1D").astimezone(LONDON) == london(
        2026, 4, 2, 11
    )


def test_no_working_days_from_a_sunday_stay_on_the_sunday():
    assert after(working("ENG"), london(2026, 11, 29), "P0D") == london(2026, 11, 29)


@pytest.mark.parametrize("calendar", [ELAPSED, working("ENG")], ids=["elapsed", "working"])
def test_the_leap_day_is_a_day(calendar):
    start = london(2028, 2, 28, 9)  # a Monday
    assert after(calendar, start, "P1D").astimezone(LONDON) == london(2028, 2, 29, 9)
    assert after(calendar, start, "P2D").astimezone(LONDON) == london(2028, 3, 1, 9)


def test_an_elapsed_day_in_a_year_without_a_leap_day_goes_to_march():
    assert after(ELAPSED, london(2027, 2, 28, 9), "P1D").astimezone(LONDON) == london(2027, 3, 1)


# --- A limit given as a date -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "ends"),
    [
        (date(2026, 1, 15), utc(2026, 1, 16, 0)),
        (date(2026, 7, 15), utc(2026, 7, 15, 23)),
        (date(2026, 3, 29), utc(2026, 3, 29, 23)),  # 23 hours long
        (date(2026, 10, 25), utc(2026, 10, 26, 0)),  # 25 hours long
        (date(2028, 2, 29), utc(2028, 3, 1, 0)),
    ],
    ids=str,
)
def test_a_day_ends_at_midnight_in_london(day, ends):
    assert end_of_day(day, LONDON) == ends


# --- Ladders -----------------------------------------------------------------------------------


def plan(rungs, *, started_at, due_at, from_at=None, calendar=ELAPSED):
    return steps(
        rungs,
        started_at=started_at,
        due_at=due_at,
        calendar=calendar,
        from_at=from_at or started_at,
    )


START = utc(2026, 11, 25, 12)
HOUR = timedelta(hours=1)


def test_rungs_come_in_the_order_of_time_and_keep_their_level():
    planned = plan(
        [Rung(3, "PT2H"), Rung(1, "PT0M"), Rung(2, "-PT30M", anchor="due")],
        started_at=START,
        due_at=START + HOUR,
    )
    assert [(step.level, step.due_at) for step in planned] == [
        (1, START),
        (2, START + HOUR / 2),
        (3, START + 2 * HOUR),
    ]


def test_two_rungs_at_one_moment_keep_the_order_of_their_levels():
    planned = plan([Rung(6, "PT1H"), Rung(5, "PT1H")], started_at=START, due_at=START + HOUR)
    assert [step.level for step in planned] == [5, 6]


def test_a_ladder_set_up_after_its_limit_keeps_its_distances_from_that_moment():
    late = START + 5 * HOUR
    planned = plan(
        [Rung(2, "PT0M", anchor="due"), Rung(3, "PT4H", anchor="due")],
        started_at=START,
        due_at=START + HOUR,
        from_at=late,
    )
    assert [step.due_at for step in planned] == [late, late + 4 * HOUR]


def test_a_reminder_before_the_limit_that_has_passed_is_left_out():
    rungs = [Rung(1, "-PT1H", anchor="due"), Rung(2, "PT0M", anchor="due")]
    soon = plan(rungs, started_at=START, due_at=START + 4 * HOUR, from_at=START + 3.5 * HOUR)
    early = plan(rungs, started_at=START, due_at=START + 4 * HOUR, from_at=START + 2 * HOUR)
    assert [step.level for step in soon] == [2]
    assert [step.level for step in early] == [1, 2]


def test_of_another_ladder_what_was_told_already_is_left_out_as_often_as_it_was():
    now = utc(2026, 1, 5, 12)
    ladder = [
        PlannedStep(1, now - timedelta(hours=3), "owner", "first"),
        PlannedStep(2, now - timedelta(hours=2), "owner", "reminder"),
        PlannedStep(3, now - timedelta(hours=1), "team", "team"),
        PlannedStep(4, now + timedelta(hours=1), "owner", "again"),
    ]
    told = {"owner": 1, "governance": 1}
    assert [step.level for step in still_to_tell(ladder, told, now)] == [2, 3, 4]
    # What is to come is told whatever came before.
    assert [step.level for step in still_to_tell(ladder, {"owner": 9}, now)] == [3, 4]


def test_rungs_of_a_working_calendar_skip_the_weekend():
    friday = london(2026, 11, 27, 15)
    planned = plan(
        [Rung(1, "PT0M"), Rung(2, "P1D"), Rung(3, "P2D")],
        started_at=friday,
        due_at=london(2026, 12, 4, 15),
        calendar=working("ENG"),
    )
    assert [step.due_at.astimezone(LONDON).day for step in planned] == [27, 30, 1]


# --- Durations ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PT15M", "15 minutes"),
        ("PT1H", "1 hour"),
        ("PT90M", "1 hour 30 minutes"),
        ("P5D", "5 days"),
        ("P1DT12H", "1 day 12 hours"),
        ("PT0M", "at once"),
    ],
)
def test_a_duration_in_words(text, words):
    assert in_words(text) == words


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "-P", "P3M", "P1Y", "P1W", "PT30S", "P1DT", "1 day", "P-1D", "PT1H5"]
)
def test_a_duration_that_cannot_be_counted_is_refused(text):
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_a_minus_sign_turns_the_whole_duration():
    duration = parse_duration("-P1DT2H")
    assert duration.elapsed == -timedelta(days=1, hours=2)
