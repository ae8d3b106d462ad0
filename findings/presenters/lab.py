"""Drafts of policy in words: what each would change, where it stands, and what its replay says.

A number of a replay never names a patient; those of people and teams are messages per week.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from typing import Any

from findings.models import (
    Audience,
    Examination,
    LabReplay,
    LabRun,
    Person,
    PolicyDraft,
    ReplayedCase,
    Rule,
    Team,
)
from findings.presenters.policy import CLOCKS, RungShown, shown_rung, whom
from findings.rule_content import RuleContent, RungContent
from findings.services.lab_runs import MOST_TRIES, SILENT_AFTER
from findings.services.policy import in_calendar
from findings.services.policy_checks import CLASS_OF, national_beside, numbers_of
from findings.states import ClockKind
from findings.words import duration, length, when

NUMBERS = {
    "communicate_within": "Tell somebody within",
    "acknowledge_within": "Acknowledge within",
    "act_within": "Act within",
    "snooze_within": "Snooze for at most",
}
CALENDARS = {"elapsed": "As they pass", "working": "As working days", "": "Not stated"}
NONE = "No number"
SHOWN = 25


@dataclass(frozen=True)
class Change:
    """One thing that a draft would change."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class RungChange:
    """One rung of a ladder, and whether the draft adds it, takes it away or leaves it."""

    mark: str
    rung: RungShown


@dataclass(frozen=True)
class LadderChange:
    """A ladder, old and new in one."""

    title: str
    rungs: list[RungChange]

    @property
    def is_changed(self) -> bool:
        return any(one.mark for one in self.rungs)


@dataclass(frozen=True)
class Difference:
    """All that a draft would change of what is in force."""

    changes: list[Change]
    ladders: list[LadderChange]

    @property
    def is_nothing(self) -> bool:
        return not self.changes and not any(one.is_changed for one in self.ladders)


def number_label(name: str, policy_id: str) -> str:
    """Of a limit for reports it is the report that is awaited, not a word to somebody."""
    return "Report within" if class_of(policy_id) else NUMBERS[name]


def difference(before: RuleContent, after: RuleContent, policy_id: str) -> Difference:
    named = {
        "calendar": ("How days are counted", _calendar),
        **{name: (number_label(name, policy_id), _number) for name in NUMBERS},
        "source": ("Source", _words),
        "notes": ("Notes", _words),
    }
    changes = [
        Change(label, say(getattr(before, name), before), say(getattr(after, name), after))
        for name, (label, say) in named.items()
        if getattr(before, name) != getattr(after, name)
    ]
    ladders = (_ladder(kind, before, after) for kind in CLOCKS)
    return Difference(changes, [one for one in ladders if one.rungs])


def _calendar(value: str, content: RuleContent) -> str:
    return CALENDARS[value]


def _number(value: str, content: RuleContent) -> str:
    return in_calendar(duration(value), content) if value else NONE


def _words(value: str, content: RuleContent) -> str:
    return value or "Nothing"


def _ladder(kind: ClockKind, before: RuleContent, after: RuleContent) -> LadderChange:
    old, new = before.of_clock(kind), after.of_clock(kind)
    compared = SequenceMatcher(None, _keys(old, before), _keys(new, after), autojunk=False)
    rungs: list[RungChange] = []
    for what, first, last, begin, end in compared.get_opcodes():
        if what == "equal":
            rungs += [RungChange("", shown_rung(rung, after)) for rung in new[begin:end]]
            continue
        rungs += [RungChange("Taken away", shown_rung(rung, before)) for rung in old[first:last]]
        rungs += [RungChange("New", shown_rung(rung, after)) for rung in new[begin:end]]
    return LadderChange(CLOCKS[kind], rungs)


def _keys(rungs: Iterable[RungContent], content: RuleContent) -> list[tuple[str, ...]]:
    """Compared as they are read: 60 minutes and one hour are the same."""
    shown = (shown_rung(rung, content) for rung in rungs)
    return [(one.when, one.whom, one.words) for one in shown]


# --- Beside what is national --------------------------------------------------------------------


def national_words(policy_id: str) -> dict[str, str]:
    """By the name of a number, what national guidance says of it; empty where its grade does not
    let it be shown so, or where there is no such number."""
    rule = national_beside(policy_id)
    if rule is None:
        return {}
    given = {name: getattr(rule, name) for name in numbers_of(policy_id)}
    return {
        name: f"National guidance: {in_calendar(duration(iso), rule)} ({rule.source})"
        for name, iso in given.items()
        if iso
    }


# --- Where a draft stands ----------------------------------------------------------------------


def standing(draft: PolicyDraft) -> str:
    """In one sentence."""
    if draft.withdrawn_at:
        return f"Put away by {draft.withdrawn_by}, {when(draft.withdrawn_at)}"
    if draft.rule is not None:
        return f"Signed as {draft.rule}, in force from {when(draft.rule.in_force_from)}"
    return "Open"


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


def local_rules(rules: Iterable[Rule], names: dict[str, str]) -> list[tuple[str, str]]:
    """To choose from: by category where one goes by it."""
    return [
        (rule.policy_id, f"{names.get(rule.policy_id) or _plain(rule.category)} ({rule.policy_id})")
        for rule in rules
    ]


def without_limit(rules: Iterable[Rule]) -> list[tuple[str, str]]:
    """Classes of examinations for which this trust has no limit of its own: one can be drafted."""
    have = {rule.policy_id for rule in rules}
    return [
        (
            policy_id,
            f"Reports, {class_of(policy_id).lower()}: the first limit ({policy_id})",
        )
        for policy_id in CLASS_OF
        if policy_id not in have
    ]


def class_of(policy_id: str) -> str:
    """Which examinations a limit for reports is about; empty for every other rule."""
    setting = CLASS_OF.get(policy_id)
    return str(Examination.Setting(setting).label) if setting else ""


def _plain(code: str) -> str:
    words = code.replace("_", " ")
    return words[:1].upper() + words[1:]


def left_words(case: ReplayedCase) -> str:
    """2 hours 5 minutes."""
    return length(timedelta(minutes=case.minutes_left))


def earlier_words(minutes: int) -> str:
    """2 hours 5 minutes earlier."""
    return f"{length(timedelta(minutes=minutes))} earlier" if minutes else ""
