"""When to have flagged a finding, so that by now a given part of its ladder has been climbed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from django.conf import settings

from findings.models import Category, Rung
from findings.services.calendars import calendar
from findings.services.policy import limit_in, rule_to_promise
from findings.states import ClockKind
from findings.timetable import end_of_day, parse_duration, steps

MINUTE = timedelta(minutes=1)
OLDEST = timedelta(days=117)


class Ladder:
    """The clocks and rungs of one category, without asking the database again."""

    def __init__(self, category: Category) -> None:
        self.category = category
        self.rule = rule_to_promise(category.local_policy_id)
        self.calendar = calendar(self.rule.calendar)
        rungs = list(self.rule.rungs.all())
        self.rungs = {kind: [one for one in rungs if one.clock == kind] for kind in ClockKind}

    @property
    def is_immediate(self) -> bool:
        """Whether people answer at night as well."""
        return self.category.priority <= 2

    def answer_due(self, start: datetime) -> datetime:
        due_at = limit_in(self.calendar, self.rule, ClockKind.ACKNOWLEDGE, start)
        assert due_at is not None
        return due_at

    def act_due(self, start: datetime, within_days: int) -> datetime:
        """By the rule; where it leaves that to the report, the day that the radiologist advised."""
        due_at = limit_in(self.calendar, self.rule, ClockKind.ACT, start)
        zone = ZoneInfo(settings.TIME_ZONE)
        advised_on = start.astimezone(zone).date() + timedelta(days=within_days)
        return due_at or end_of_day(advised_on, zone)

    def fired(self, kind: ClockKind, start: datetime, due_at: datetime, now: datetime) -> int:
        """How many rungs have been climbed by now, of a clock that started then."""
        ladder = steps(
            self.rungs[kind],
            started_at=start,
            due_at=due_at,
            calendar=self.calendar,
            from_at=start,
        )
        return sum(step.due_at <= now for step in ladder)

    def rung_of_limit(self) -> int:
        """How many rungs have been climbed once the time to answer is over."""
        after = [rung.level for rung in self.rungs[ClockKind.ACKNOWLEDGE] if _is_limit(rung)]
        return max(after)

    def offset(self, rung: Rung) -> timedelta:
        return parse_duration(rung.offset).elapsed

    def ages_before_act_limit(self, now: datetime, within_days: int) -> range:
        """The ages in minutes at which there is still time to act."""
        over = first_age(lambda age: self.act_due(now - age * MINUTE, within_days) <= now)
        return range(over)

    def ages(self, count: Callable[[datetime], int], now: datetime, wanted: int) -> range:
        """The ages in minutes at which exactly so many have fired, or the next number that is."""

        def age_with(least: int) -> int:
            return first_age(lambda age: count(now - age * MINUTE) >= least)

        for fired in range(wanted, wanted + 5):
            youngest, oldest = age_with(fired), age_with(fired + 1)
            if oldest > youngest + 3:
                return range(youngest, oldest)
        raise ValueError(f"{self.rule} never has {wanted} rungs climbed")


def _is_limit(rung: Rung) -> bool:
    return rung.words.startswith("limit reached")


def first_age(is_reached: Callable[[int], bool]) -> int:
    """The smallest age in minutes at which it is reached; it stays so for every greater one."""
    low, high = 0, int(OLDEST / MINUTE)
    while low < high:
        middle = (low + high) // 2
        if is_reached(middle):
            high = middle
        else:
            low = middle + 1
    return low


def well_inside(ages: range, rng: Random) -> int:
    """An age with room before the next step, so that a loading is not followed by a storm."""
    room = min(6 * 60, len(ages) // 2)
    longest = max(len(ages) - room, 2)
    # The top rung has no next one: not too long ago either.
    return ages.start + rng.randrange(1, min(longest, max(600, ages.start)))
