"""When a feed is silent for longer than its usual, over exact sequences of arrivals."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from findings.measures.silence import SPARSE, Window, allowed, longest_silence, usual, windows

LONDON = ZoneInfo("Europe/London")
HOUR = timedelta(hours=1)
# A Monday; the clocks went back on 25 October.
MONDAY = date(2026, 11, 23)
HOLIDAYS: set[date] = set()


def local(day: date, hour: float) -> datetime:
    at = datetime.combine(day, datetime.min.time(), LONDON) + timedelta(hours=hour)
    return at.astimezone(UTC)


def feed(
    until: datetime, weeks: int, *, every: timedelta, weekdays: range, hours: range
) -> list[datetime]:
    """Arrivals in the working hours of these days, up to `until`."""
    day, arrivals = until.astimezone(LONDON).date() - timedelta(weeks=weeks), []
    while day <= until.astimezone(LONDON).date():
        at = local(day, hours.start)
        while day.weekday() in weekdays and day not in HOLIDAYS and at < local(day, hours.stop):
            arrivals.append(at)
            at += every
        day += timedelta(days=1)
    return [at for at in arrivals if at <= until]


def alarms(arrivals: list[datetime], now: datetime, holidays: set[date] = HOLIDAYS) -> bool:
    """As the watchdog asks, without the database."""
    last = arrivals[-1]
    silences = []
    for window in windows(now, last, LONDON, holidays.__contains__):
        before = [at for at in arrivals if at < window.start]
        inside = [at for at in arrivals if window.start <= at <= window.end]
        silences.append(longest_silence(before[-1] if before else None, inside, window))
    known = usual(silences, arrivals[: -SPARSE - 1 : -1])
    return known is not None and now - last > allowed(known)


def office(until: datetime, weeks: int = 9) -> list[datetime]:
    """Mondays to Fridays, 8 to 18, a message every five minutes."""
    every = timedelta(minutes=5)
    return feed(until, weeks, every=every, weekdays=range(5), hours=range(8, 18))


@pytest.mark.parametrize(
    ("stopped", "hours", "expected"),
    [
        (local(MONDAY, 11), 1.0, False),
        (local(MONDAY, 11), 1.1, True),  # never under an hour, in the middle of a day
        (local(MONDAY, 17.9), 10, False),  # the night
        (local(MONDAY, 17.9), 14.2, False),  # until eight in the morning
        (
            local(MONDAY, 17.9),
            16.5,
            True,
        ),  # Tuesday, 10:24: something had always come
        (local(MONDAY, 17.9) - timedelta(days=3), 48, False),  # Sunday evening
        (local(MONDAY, 17.9) - timedelta(days=3), 62, False),  # Monday, 7:54
        (local(MONDAY, 17.9) - timedelta(days=3), 64.5, True),  # Monday, 10:24
    ],
)
def test_nights_and_weekends_do_not_alarm(stopped: datetime, hours: float, expected: bool) -> None:
    assert alarms(office(stopped), stopped + timedelta(hours=hours)) is expected


def test_it_goes_on_for_as_long_as_nothing_comes() -> None:
    """A feed that is dead for weeks has not become one that is usually silent."""
    stopped = local(MONDAY, 11)
    for weeks in range(1, 30):
        assert alarms(office(stopped), stopped + timedelta(weeks=weeks, hours=1))


def test_a_new_feed_has_no_usual() -> None:
    stopped = local(MONDAY, 11)
    assert not alarms(office(stopped, weeks=1), stopped + timedelta(days=1))
    assert alarms(office(stopped, weeks=3), stopped + timedelta(days=1))


def test_one_broken_day_hides_no_other() -> None:
    stopped = local(MONDAY, 11)
    broken = MONDAY - timedelta(weeks=2)
    arrivals = [at for at in office(stopped) if at.astimezone(LONDON).date() != broken]
    assert alarms(arrivals, stopped + 2 * HOUR)


def test_a_bank_holiday_is_a_sunday_and_the_day_after_it_a_monday() -> None:
    holiday = MONDAY
    stopped = local(MONDAY, 17.9) - timedelta(days=3)
    arrivals = office(stopped)
    assert alarms(arrivals, local(holiday, 11)), "on a day like any other"
    assert not alarms(arrivals, local(holiday, 11), {holiday})
    assert not alarms(arrivals, local(holiday, 31.9), {holiday}), "Tuesday at eight"
    stopped_tuesday = local(holiday, 24 + 11)
    arrivals = [*arrivals, local(holiday, 32), stopped_tuesday]
    assert alarms(arrivals, stopped_tuesday + 3 * HOUR, {holiday})


def test_the_hours_are_those_of_the_wall_when_the_clocks_change() -> None:
    """At 8:30 on the Monday after it something has come for half an hour, and in UTC not yet."""
    sunday = date(2026, 10, 25)
    stopped = local(sunday - timedelta(days=2), 17.9)
    first, *_ = windows(
        local(sunday + timedelta(days=1), 8.5), stopped, LONDON, HOLIDAYS.__contains__
    )
    assert first == Window(local(date(2026, 10, 19), 7.5), local(date(2026, 10, 19), 9.5))


def test_a_feed_of_few_messages_has_its_own_longest_gap() -> None:
    """Three a week, at whatever hour: the time of the week says nothing of it."""
    gaps = [50, 70, 40, 65, 20, 90, 44, 71, 60, 30, 80, 55, 61, 47, 90, 12, 66, 75, 33, 58]
    at, arrivals = local(MONDAY, 11), []
    for gap in gaps:
        arrivals.append(at)
        at -= gap * HOUR
    arrivals.reverse()
    assert not alarms(arrivals, arrivals[-1] + 100 * HOUR)
    assert alarms(arrivals, arrivals[-1] + 181 * HOUR)


def test_a_busy_feed_is_missed_after_an_hour_at_night_too() -> None:
    stopped = local(MONDAY, 3)
    arrivals = feed(stopped, 5, every=timedelta(minutes=10), weekdays=range(7), hours=range(24))
    assert not alarms(arrivals, stopped + timedelta(minutes=60))
    assert alarms(arrivals, stopped + timedelta(minutes=61))
