"""From when to when a number counts: days of the trust, both ends included.

A day is from midnight to midnight where the trust is, so that what happened at half past midnight
in summer belongs to the day that a person there would say.
"""

import calendar
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Period:
    """Whole days, `last` included. Raises ValueError where it ends before it begins."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("The last day is before the first.")

    def __contains__(self, at: object) -> bool:
        return isinstance(at, datetime) and self.start <= at < self.end

    @property
    def start(self) -> datetime:
        """The first moment of it (UTC inside, midnight where the trust is)."""
        return _midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return _midnight(self.last + ONE_DAY)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def is_whole_months(self) -> bool:
        return self.first.day == 1 and (self.last + ONE_DAY).day == 1

    @property
    def before(self) -> "Period":
        """As long, and ending the day before: of whole months as many months."""
        last = self.first - ONE_DAY
        if not self.is_whole_months:
            return Period(last - timedelta(days=self.days - 1), last)
        return Period(back(self.first, len(list(self.months()))), last)

    def months(self) -> Iterator["Period"]:
        """The months that it touches, each cut to it."""
        first = self.first
        while first <= self.last:
            last = min(_month_end(first), self.last)
            yield Period(first, last)
            first = last + ONE_DAY

    def weeks(self) -> Iterator["Period"]:
        """The same from Monday to Sunday."""
        first = self.first
        while first <= self.last:
            last = min(first + timedelta(days=6 - first.weekday()), self.last)
            yield Period(first, last)
            first = last + ONE_DAY


def joined(periods: Iterable[Period]) -> list[Period]:
    """The same days without a day twice: what overlaps or follows on is one period."""
    found: list[Period] = []
    for one in sorted(periods):
        if found and one.first <= found[-1].last + ONE_DAY:
            found[-1] = Period(found[-1].first, max(found[-1].last, one.last))
        else:
            found.append(one)
    return found


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001


def _month_end(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def back(first_of_month: date, months: int) -> date:
    """The first of the month so many months earlier."""
    number = first_of_month.year * 12 + first_of_month.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def last_months(number: int, today: date) -> Period:
    """So many whole months, up to the end of the last one: this month is not over."""
    first = today.replace(day=1)
    return Period(back(first, number), first - ONE_DAY)


def last_days(number: int, today: date) -> Period:
    """So many days, today included."""
    return Period(today - timedelta(days=number - 1), today)


def month_of(day: date) -> Period:
    return Period(day.replace(day=1), _month_end(day))


def quarter_of(day: date) -> Period:
    """Of the calendar, which is also one of the financial year."""
    first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return Period(first, _month_end(back(first, -2)))


def financial_year_of(day: date) -> Period:
    """From 1 April to 31 March, as the NHS counts."""
    year = day.year if day.month >= 4 else day.year - 1
    return Period(date(year, 4, 1), date(year + 1, 3, 31))
