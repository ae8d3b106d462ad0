"""Drafts of policy in words: what each would change, and where it stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

from findings.models import (
    Examination,
    PolicyDraft,
    Rule,
)
from findings.presenters.policy import CLOCKS, RungShown, shown_rung
from findings.rule_content import RuleContent, RungContent
from findings.services.policy import in_calendar
from findings.services.policy_checks import CLASS_OF, national_beside, numbers_of
from findings.states import ClockKind
from findings.words import duration, when

NUMBERS = {
    "communicate_within": "Tell somebody within",
    "acknowledge_within": "Acknowledge within",
    "act_within": "Act within",
    "snooze_within": "Snooze for at most",
}
CALENDARS = {"elapsed": "As they pass", "working": "As working days", "": "Not stated"}
NONE = "No number"


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


# --- What can be drafted -----------------------------------------------------------------------


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
