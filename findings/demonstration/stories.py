"""What became of each of the findings: who did what when, counted back from now.

A story is a plan. `replay.py` carries the plans of all stories out in the order of time, through
the services that the pages use.
"""

import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from findings.demonstration.ladders import MINUTE, OLDEST, Ladder, well_inside
from findings.demonstration.people import Hospital
from findings.demonstration.texts import Abnormality, Kind, flaggable
from findings.models import Person
from findings.states import ClockKind

PHRASES = tomllib.loads((Path(__file__).resolve().parent / "phrases.toml").read_text("utf-8"))


class DoesNotFit(Exception):
    """This plan would end in the future; another is tried."""


@dataclass(frozen=True)
class Deed:
    """One thing that one person did."""

    at: datetime
    verb: str
    # Nobody: the radiologist's system sent it.
    by: Person | None
    how: dict[str, Any] = field(default_factory=dict)


class Story:
    """One finding, from its flag to now."""

    def __init__(
        self, hospital: Hospital, ladder: Ladder, now: datetime, rng: Random, requester: str = ""
    ) -> None:
        self.hospital, self.ladder, self.now, self.rng = hospital, ladder, now, rng
        self.kind, self.what, self.team = self._choose(requester)
        self.requester: Person | None = self._requester(requester)
        self.deeds: list[Deed] = []
        self.flagged_at = now

    def _choose(self, requester: str) -> tuple[Kind, Abnormality, str]:
        """Something to find, in an examination that the team asks for."""
        hospital = self.hospital
        theirs = list(hospital.members)
        if requester:
            theirs = hospital.teams_of(hospital.people[requester])
        choices = [
            (kind, what, team)
            for kind, what in flaggable(self.ladder.category.code)
            for team in kind.teams
            if team in theirs
        ]
        return self.rng.choice(choices)

    def _requester(self, named: str) -> Person:
        if named:
            return self.hospital.people[named]
        return self.rng.choice(self._here(self.team))

    # --- Moments ---------------------------------------------------------------------------

    @property
    def answer_due(self) -> datetime:
        return self.ladder.answer_due(self.flagged_at)

    @property
    def act_due(self) -> datetime:
        return self.ladder.act_due(self.flagged_at, self.what.within_days)

    def flag_days_ago(self, least: float, most: float) -> None:
        age = timedelta(days=self.rng.uniform(least, most))
        self.flagged_at = self.by_day(self.now - min(age, OLDEST), earlier=True)

    def flag_with(self, fired: int, of: ClockKind = ClockKind.ACKNOWLEDGE) -> None:
        """Flag so long ago that so many rungs of this clock's ladder have been climbed."""
        self.flagged_at = self.start_with(fired, of)

    def start_with(self, fired: int, of: ClockKind = ClockKind.ACKNOWLEDGE) -> datetime:
        def count(start: datetime) -> int:
            acts = of == ClockKind.ACT
            due_at = (
                self.ladder.act_due(start, self.what.within_days)
                if acts
                else self.ladder.answer_due(start)
            )
            return self.ladder.fired(of, start, due_at, self.now)

        ages = self.ladder.ages(count, self.now, fired)
        picks = [self.now - well_inside(ages, self.rng) * MINUTE for _ in range(12)]
        return next((at for at in picks if 8 <= local(at).hour < 20), picks[0])

    def part(self, start: datetime, end: datetime, least: float, most: float) -> datetime:
        return start + (end - start) * self.rng.uniform(least, most)

    def by_day(
        self, at: datetime, *, earlier: bool = False, even_if_urgent: bool = False
    ) -> datetime:
        """Within a working day, unless it is of the kind that is dealt with at night."""
        here = local(at)
        goes_at_night = self.ladder.is_immediate and not even_if_urgent
        if goes_at_night or 8 <= here.hour < 19:
            return at
        minutes = self.rng.randrange(5, 110)
        if earlier:
            day = here.date() - timedelta(days=here.hour < 8)
            return _at(day, 17, 0) - minutes * MINUTE
        day = here.date() + timedelta(days=here.hour >= 19)
        return _at(day, 8, 0) + minutes * MINUTE

    # --- Deeds -----------------------------------------------------------------------------

    def add(self, at: datetime, verb: str, by: Person | None, **how: Any) -> datetime:
        last = self.deeds[-1].at if self.deeds else self.flagged_at
        at = max(at, last + MINUTE * self.rng.randrange(2, 9))
        if at > self.now - 2 * MINUTE:
            raise DoesNotFit
        self.deeds.append(Deed(at, verb, by, how))
        return at

    def read(self, at: datetime, by: Person | None = None) -> None:
        self.add(at - MINUTE * self.rng.randrange(3, 20), "read", by or self.requester)

    def answer(self, at: datetime, by: Person | None = None, plans: str = "plans") -> datetime:
        person = by or self.requester
        self.read(at, person)
        if plans == "plans" and self.ladder.category.priority == 1:
            plans = "plans_now"
        return self.add(self.by_day(at), "acknowledge", person, plan=PHRASES[plans])

    def act(
        self, at: datetime, by: Person | None = None, in_days: tuple[int, int] | None = None
    ) -> None:
        at = self.by_day(at)
        kind = self.rng.choice(ACTIONS[self.ladder.category.code])
        days = self.rng.randint(*(in_days or RESULT_DAYS[self.ladder.category.code]))
        expected = local(at).date() + timedelta(days=days)
        self.add(at, "act", by or self.requester, kind=kind, expected=expected)

    def tell(self, at: datetime, by: Person | None = None) -> None:
        ways = ["in_person", "telephone", "telephone", "letter"]
        at = self.by_day(at, even_if_urgent=True)
        self.add(at, "tell", by or self.requester, way=self.rng.choice(ways))

    def close(self, at: datetime, by: Person | None = None) -> None:
        outcome = self.rng.choice(OUTCOMES[self.ladder.category.code])
        at = self.by_day(at, even_if_urgent=True)
        self.add(at, "close", by or self.requester, outcome=outcome)

    def correct(self, at: datetime) -> datetime:
        """The radiologist corrects the report."""
        return self.add(at, "correct", None)

    def impossible(self) -> None:
        raise DoesNotFit

    # --- People ----------------------------------------------------------------------------

    def colleague(self) -> Person:
        """Somebody else of the team."""
        return self.rng.choice([p for p in self._here(self.team) if p != self.requester])

    def elsewhere(self) -> Person:
        """Somebody of another clinical team."""
        team = self.rng.choice([key for key in CLINICAL if key != self.team])
        return self.rng.choice(self._here(team))

    def coordinator(self) -> Person:
        return self.rng.choice(self.hospital.members["coordination"][:3])

    def _here(self, team: str) -> list[Person]:
        """Members who stay, and whom every message reaches."""
        return [
            person
            for person in self.hospital.members[team]
            if person not in self.hospital.leavers
            and "email" in self.hospital.reached_by[person.username]
        ]


CLINICAL = ("respiratory", "emergency", "gastroenterology", "surgery", "urology", "orthopaedics")
ACTIONS = {
    "critical": ["treatment"],
    "urgent": ["treatment", "treatment", "referral"],
    "cancer": ["referral"],
    "significant_unexpected": ["imaging", "referral", "discussion"],
    "follow_up_recommended": ["imaging", "imaging", "none"],
}
# From the action to its result, least and most.
RESULT_DAYS = {
    "critical": (1, 3),
    "urgent": (2, 6),
    "cancer": (6, 16),
    "significant_unexpected": (7, 21),
    "follow_up_recommended": (10, 24),
}
OUTCOMES = {
    "critical": ["disease", "disease", "disease", "elsewhere"],
    "urgent": ["disease", "disease", "disease", "nothing"],
    "cancer": ["cancer", "cancer", "cancer", "nothing", "disease", "declined"],
    "significant_unexpected": ["nothing", "nothing", "disease", "disease", "known"],
    "follow_up_recommended": ["nothing", "nothing", "nothing", "known"],
}


def local(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(settings.TIME_ZONE))


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(settings.TIME_ZONE))
