"""Moments, durations and numbers in words."""

from datetime import UTC, date, datetime, timedelta

import pytest

from findings import words
from findings.presenters.moments import timed

NOW = datetime(2026, 11, 25, 14, 5, tzinfo=UTC)


def test_a_moment_is_shown_in_london_day_first():
    assert words.when(NOW) == "25 November 2026 at 14:05"
    assert words.when(datetime(2026, 7, 1, 14, 5, tzinfo=UTC)) == "1 July 2026 at 15:05"


def test_the_repeated_hour_says_which_it_is():
    assert words.when(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == "25 October 2026 at 01:30 BST"
    assert words.when(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == "25 October 2026 at 01:30 GMT"


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (0.02, "due today at 14:06 (in 1 minute)"),
        (0.001, "due today at 14:05 (in less than a minute)"),
        (2.6, "due today at 16:41 (in 2 hours 36 minutes)"),
        (1.25, "due today at 15:20 (in 1 hour 15 minutes)"),
        (19, "due tomorrow at 09:05 (in 19 hours)"),
        (26, "due tomorrow at 16:05 (in 1 day 2 hours)"),
        (72, "due Saturday 28 November at 14:05 (in 3 days)"),
        (40 * 24, "due Monday 4 January 2027 at 14:05 (in 40 days)"),
        (0, "was due today at 14:05 (less than a minute ago)"),
        (-2, "was due today at 12:05 (2 hours ago)"),
        (-19, "was due yesterday at 19:05 (19 hours ago)"),
        (-49, "was due Monday 23 November at 13:05 (2 days 1 hour ago)"),
        (-7 * 24 + 1, "was due Wednesday 18 November at 15:05 (6 days 23 hours ago)"),
        (-8 * 24 - 5, "was due Tuesday 17 November at 09:05 (8 days ago)"),
        # Given as a day: the midnight that ends it.
        (9 + 55 / 60, "due by the end of today (in 9 hours 55 minutes)"),
        (-14 - 5 / 60, "was due by the end of yesterday (14 hours 5 minutes ago)"),
        (10 * 24 + 9 + 55 / 60, "due by the end of Saturday 5 December (in 10 days)"),
    ],
)
def test_a_limit_is_said_with_what_is_left(hours, said):
    assert words.due(NOW + timedelta(hours=hours), NOW) == said


@pytest.mark.parametrize(
    ("hours", "urgency"), [(-1, "late"), (0, "late"), (2, "pressing"), (2.01, "in_time")]
)
def test_urgency_follows_the_limit(hours, urgency):
    assert words.urgency(NOW + timedelta(hours=hours), NOW) == urgency


@pytest.mark.parametrize(
    ("iso", "said"),
    [
        ("PT6H", "6 hours"),
        ("PT1H", "1 hour"),
        ("PT15M", "15 minutes"),
        ("P3M", "3 months"),
        ("P14D", "14 days"),
        ("P1DT12H", "1 day 12 hours"),
        ("-P28D", "28 days before"),
        ("", ""),
        ("soon", "soon"),
    ],
)
def test_a_duration_is_said_in_words(iso, said):
    assert words.duration(iso) == said


def test_an_nhs_number_is_three_three_four_on_one_line():
    assert words.nhs_number("9990000018") == "999\u00a0000\u00a00018"
    assert words.nhs_number("not one") == "not one"
    assert words.nhs_number(None) == ""


@pytest.mark.parametrize(
    ("born_on", "said"),
    [
        (date(1950, 11, 25), "76 years"),
        (date(1950, 11, 26), "75 years"),
        (date(2025, 11, 26), "11 months"),
        (date(2025, 5, 25), "18 months"),
        (date(2026, 11, 20), "5 days"),
        (date(2024, 2, 29), "2 years"),
        (None, ""),
    ],
)
def test_an_age_is_in_years_months_or_days(born_on, said):
    assert words.age(born_on, date(2026, 11, 25)) == said


def test_today_is_what_clocks_in_london_say():
    """In summer the day begins an hour before that of UTC; in autumn it has 25 hours."""
    evening = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    half_an_hour = evening + timedelta(minutes=30)  # midnight in London
    assert words.due(evening + timedelta(hours=1), evening) == ("due tomorrow at 00:30 (in 1 hour)")
    assert words.due(half_an_hour, evening) == "due by the end of today (in 30 minutes)"
    before = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    assert words.due(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), before) == (
        "due tomorrow at 01:30 GMT (in 3 hours 30 minutes)"
    )
    assert words.due(datetime(2026, 10, 26, tzinfo=UTC), before) == (
        "due by the end of tomorrow (in 1 day 2 hours)"
    )


def test_paper_says_the_whole_date():
    midnight = datetime(2026, 12, 6, tzinfo=UTC)
    assert words.until(midnight) == "the end of 5 December 2026"
    assert words.due_on_paper(midnight, NOW) == "due by the end of 5 December 2026"
    assert words.due_on_paper(NOW, NOW) == "late: was due by 25 November 2026 at 14:05"


def test_a_time_on_a_page_has_its_moment_in_utc_and_its_whole_date():
    summer = words.local(datetime(2026, 7, 1, 15, 40, 9, 123456, tzinfo=UTC))
    assert timed(summer, "Due <b>") == (
        '<time datetime="2026-07-01T15:40:09Z" title="1 July 2026 at 16:40">Due &lt;b&gt;</time>'
    )
