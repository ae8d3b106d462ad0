"""A replay of a draft in words: how far it has come, and what it says.

No number names a patient; those of people and teams are messages per week.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from findings.models import Audience, LabReplay, LabRun, Person, ReplayedCase, Rule, Team
from findings.presenters.policy import CLOCKS, whom
from findings.services.lab_runs import MOST_TRIES, SILENT_AFTER
from findings.states import ClockKind
from findings.words import length, when

# Of people and teams those with the most messages.
SHOWN = 25

# --- A replay that runs ------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How far a replay has come, in words and as a bar."""

    words: str
    done: int
    whole: int | None
    has_failed: bool = False


def progress(run: LabRun, now: datetime) -> Progress:
    if run.failed_because:
        return Progress(run.failed_because, run.done, run.whole, has_failed=True)
    if not run.tries:
        return Progress("It waits for its turn. One replay runs at a time.", 0, None)
    words = "It has begun." if run.whole is None else f"{run.done:,} of {run.whole:,} cases so far."
    if run.tries > 1:
        words += f" It was interrupted before: this is try {run.tries} of {MOST_TRIES}."
    if run.heard_at is None or run.heard_at < now - SILENT_AFTER:
        heard = f" since {when(run.heard_at)}" if run.heard_at else ""
        words += f" Nothing was heard of it{heard}, so it begins again by itself."
    return Progress(words, run.done, run.whole)


def stale_words(*, is_newest: bool, overtaken: Rule | None, started: int) -> list[str]:
    """What has changed since a replay was run, each in a sentence."""
    words = [] if is_newest else ["The draft has been changed since."]
    if overtaken:
        words.append(f"{overtaken} has come into force since.")
    if started:
        cases = "1 more case has" if started == 1 else f"{started:,} more cases have"
        words.append(f"{cases} begun since, which are not in these numbers.")
    return words


# --- A replay ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Load:
    """Messages per week to one person, or about the findings of one team."""

    name: str
    now: float
    draft: float

    @property
    def more(self) -> float:
        return round(self.draft - self.now, 2)


@dataclass(frozen=True)
class RungCount:
    """One rung of the draft, or of what was in force, with how often it fired."""

    ladder: str
    level: int
    whom: str
    now: int
    draft: int


class ReplayShown:
    """One replay for its page."""

    def __init__(self, replay: LabReplay) -> None:
        self.replay, self.result = replay, replay.result
        self.weeks = (replay.until - replay.since).days / 7

    @property
    def rungs(self) -> list[RungCount]:
        was = {tuple(key): count for *key, count in self.result["was"]}
        would = {tuple(key): count for *key, count in self.result["would"]}
        order = [kind.value for kind in CLOCKS]
        keys = sorted(was.keys() | would.keys(), key=lambda key: (order.index(key[0]), *key[1:]))
        return [
            RungCount(
                CLOCKS[ClockKind(kind)],
                level,
                whom(Audience(audience), ClockKind(kind)),
                was.get((kind, level, audience), 0),
                would.get((kind, level, audience), 0),
            )
            for kind, level, audience in keys
        ]

    @property
    def people(self) -> list[Load]:
        rows = self.result["people"][:SHOWN]
        names = Person.objects.in_bulk([pk for pk, _, _ in rows])
        return self._loads(rows, names)

    @property
    def teams(self) -> list[Load]:
        rows = self.result["teams"][:SHOWN]
        return self._loads(rows, Team.objects.in_bulk([pk for pk, _, _ in rows]))

    def _loads(self, rows: Sequence[Any], names: dict[int, Any]) -> list[Load]:
        return [
            Load(str(names[pk]), self._a_week(now), self._a_week(draft))
            for pk, now, draft in rows
            if pk in names
        ]

    def _a_week(self, count: int) -> float:
        return round(count / self.weeks, 2)

    @property
    def messages_a_week(self) -> Load:
        result = self.result
        return Load("Everybody", *(self._a_week(result[name]) for name in _MESSAGES))

    @property
    def per_person_a_week(self) -> Load:
        """Of those who are told of anything."""
        people = len(self.result["people"]) or 1
        each = (round(self.result[name] / self.weeks / people, 2) for name in _MESSAGES)
        return Load("Each person", *each)

    @property
    def avoided(self) -> "Avoided | None":
        """None: of a replay from before this was reckoned."""
        if "might_be_avoided" not in self.result:
            return None
        by_time = [TimeLeft(name, words, self.result[name]) for name, words in TIMES.items()]
        return Avoided(self.result["might_be_avoided"], self.result["late"], by_time)


TIMES = {
    "left_day": "A day or more",
    "left_hours": "Four hours or more, and less than a day",
    "left_less": "Less than four hours",
}


@dataclass(frozen=True)
class TimeLeft:
    """So many that left somebody so long."""

    name: str
    words: str
    count: int


@dataclass(frozen=True)
class Avoided:
    """At most so many of what was late, and how long somebody would have had."""

    most: int
    late: int
    by_time: list[TimeLeft]


_MESSAGES = ("messages", "would_be_messages")


def left_words(case: ReplayedCase) -> str:
    """2 hours 5 minutes."""
    return length(timedelta(minutes=case.minutes_left))


def earlier_words(minutes: int) -> str:
    """2 hours 5 minutes earlier."""
    return f"{length(timedelta(minutes=minutes))} earlier" if minutes else ""
