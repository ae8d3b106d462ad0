"""Moments, durations and numbers in words."""

from datetime import UTC, date, datetime, timedelta

import pytest

from findings import words

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
        (0.02, "Due today at 14:06 (in 1 minute)"),
        (0.001, "Due today at 14:05 (in less than a minute)"),
        (2.6, "Due today at 16:41 (in 2 hours 36 minutes)"),
        (1.25, "Due today at 15:20 (in 1 hour 15 minutes)"),
        (19, "Due tomorrow at 09:05 (in 19 hours)"),
        (26, "Due tomorrow at 16:05 (in 1 day 2 hours)"),
        (72, "Due 28 November 2026 at 14:05 (in 3 days)"),
        (0, "Less than a minute late"),
        (-2, "2 hours late"),
        (-49, "2 days 1 hour late"),
        (-7 * 24 + 1, "6 days 23 hours late"),
        (-8 * 24 - 5, "8 days late"),
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


def test_a_limit_at_midnight_is_the_end_of_the_day_before() -> None:
    midnight = datetime(2026, 12, 6, tzinfo=UTC)
    assert words.until(midnight) == "the end of 5 December 2026"
    assert words.due(midnight, NOW).startswith("Due by the end of 5 December 2026 (in ")
