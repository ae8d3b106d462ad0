"""The policy as people read it: each rule in force with who says so, and each local ladder.

Only a rule that says of itself that it is national is called national guidance, and a number that
the source does not give stays missing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from findings.models import Audience, Category, Rule, Rung, Signature
from findings.rule_content import RuleContent, RungContent
from findings.services.policy import in_calendar
from findings.services.policy_checks import (
    CONFIRM_POLICIES,
    CONFIRM_POLICY,
    QUESTION_POLICIES,
    QUESTION_POLICY,
    REPORT_POLICIES,
    REPORT_POLICY,
)
from findings.states import ClockKind
from findings.words import day, duration

CLOCKS = {
    ClockKind.ACKNOWLEDGE: "Until it is acknowledged",
    ClockKind.ACT: "Until action is recorded",
    ClockKind.FOLLOW_UP: "Until its result is recorded",
    ClockKind.TELL_PATIENT: "Until the patient is told",
    ClockKind.REPORT_BY: "Until it is reported",
    ClockKind.CONFIRM: "Until it is confirmed",
    ClockKind.ANSWER: "Until it is answered",
    ClockKind.IMPROVE: "Until it is done",
}
# An examination has no team of its own, and nobody has flagged anything in it.
OF_EXAMINATIONS = {
    Audience.TEAM: "the imaging managers",
    Audience.DEPARTMENT: "their clinical director",
    Audience.RADIOLOGIST: "the radiologist who reported it",
}
NO_NUMBER = "The source gives no number"
NATIONAL, ELSEWHERE = "National guidance", "Standard of another country"


@dataclass(frozen=True)
class RungShown:
    """One rung: when it falls, who is told, and what it is."""

    level: int
    when: str
    whom: str
    words: str


@dataclass(frozen=True)
class LadderShown:
    """The rungs of one clock."""

    title: str
    rungs: list[RungShown]


class RuleShown:
    """One version of a rule, its numbers in words."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.signatures: list[Signature] = list(rule.signatures.all())

    @property
    def basis(self) -> str:
        if self.rule.is_national:
            return NATIONAL
        if self.rule.basis == Rule.Basis.STANDARD:
            return ELSEWHERE
        return self.rule.get_basis_display()

    @property
    def is_local(self) -> bool:
        return self.rule.basis == Rule.Basis.LOCAL

    @property
    def is_unsigned(self) -> bool:
        """Needs a signature of this trust and has none; what gives no number needs none."""
        return self.is_local and self.rule.is_to_be_signed and not self.signatures

    @property
    def is_of_reports(self) -> bool:
        """Until a report is there, where other rules mean until somebody has heard of it."""
        return self.rule.policy_id in (REPORT_POLICY, *REPORT_POLICIES.values())

    @property
    def is_of_alert_codes(self) -> bool:
        """Until a radiologist has said whether an alert code of a report is a finding."""
        return self.rule.policy_id in (CONFIRM_POLICY, *CONFIRM_POLICIES.values())

    @property
    def is_of_questions(self) -> bool:
        """Until a radiologist has answered what somebody asks of a finding."""
        return self.rule.policy_id in (QUESTION_POLICY, *QUESTION_POLICIES.values())

    @property
    def communicate(self) -> str:
        return self._words(self.rule.communicate_within)

    @property
    def acknowledge(self) -> str:
        return self._words(self.rule.acknowledge_within)

    @property
    def act(self) -> str:
        return self._words(self.rule.act_within)

    @property
    def limits(self) -> list[str]:
        """A line for each number that is given, and one for those that are not."""
        three = {
            "Report" if self.is_of_reports else "Communicate": self.communicate,
            self._answered_how: self.acknowledge,
            "Act": self.act,
        }
        given = [f"{name} within {words}" for name, words in three.items() if words]
        missing = [name for name, words in three.items() if not words]
        if self.rule.snooze_within:
            given.append(f"Snooze for at most {self._words(self.rule.snooze_within)}")
        if not given or not missing:
            return given or [NO_NUMBER]
        names = " and ".join(missing).lower().capitalize()
        return [*given, f"{names}: {NO_NUMBER[0].lower()}{NO_NUMBER[1:]}"]

    @property
    def _answered_how(self) -> str:
        if self.is_of_questions:
            return "Answer a question"
        return "Confirm" if self.is_of_alert_codes else "Acknowledge"

    def _words(self, iso: str) -> str:
        """Empty where the source gives no number."""
        return in_calendar(duration(iso), self.rule)

    @property
    def signed(self) -> list[str]:
        return [f"{one.name}, {one.role}, {day(one.signed_on)}" for one in self.signatures]

    @property
    def ladders(self) -> list[LadderShown]:
        rungs = list(self.rule.rungs.all())
        found = ((kind, [rung for rung in rungs if rung.clock == kind]) for kind in CLOCKS)
        return [
            LadderShown(CLOCKS[kind], [shown_rung(rung, self.rule) for rung in of_kind])
            for kind, of_kind in found
            if of_kind
        ]


def shown_rung(rung: Rung | RungContent, rule: Rule | RuleContent) -> RungShown:
    label = whom(Audience(rung.audience), ClockKind(rung.clock))
    return RungShown(rung.level, _moment(rung, rule), label, rung.words)


def whom(audience: Audience, kind: ClockKind) -> str:
    """Who an audience of this clock is."""
    is_of_one = kind in (ClockKind.REPORT_BY, ClockKind.CONFIRM)
    return str(OF_EXAMINATIONS.get(audience, audience.label) if is_of_one else audience.label)


def _moment(rung: Rung | RungContent, rule: Rule | RuleContent) -> str:
    """ "4 hours after the clock starts", "3 working days before the limit"."""
    start = rung.anchor == Rung.Anchor.START
    span = in_calendar(duration(rung.offset.lstrip("-")), rule)
    if not span.strip() or rung.offset.lstrip("-") in ("PT0M", "P0D"):
        return "When the clock starts" if start else "At the limit"
    if rung.offset.startswith("-"):
        return f"{span} before the limit"
    return f"{span} after {'the clock starts' if start else 'the limit'}"


@dataclass(frozen=True)
class CategoryShown:
    """A category with the rule that runs its clocks and what national guidance says of it."""

    category: Category
    local: RuleShown | None
    national: RuleShown | None


def of_reports(rules: Iterable[RuleShown]) -> list[RuleShown]:
    """By when an examination is to be reported: the national rule, then the trust's own."""
    found = [shown for shown in rules if shown.is_of_reports]
    return sorted(found, key=lambda shown: shown.rule.policy_id != REPORT_POLICY)


@dataclass(frozen=True)
class Group:
    """Rules of one basis."""

    title: str
    note: str
    rules: list[RuleShown]


def categories(rules: Iterable[RuleShown]) -> list[CategoryShown]:
    by_id = {shown.rule.policy_id: shown for shown in rules}
    return [
        CategoryShown(
            category, by_id.get(category.local_policy_id), by_id.get(category.national_policy_id)
        )
        for category in Category.objects.all()
    ]


# In the order of the page, each with what its numbers are worth.
GROUPS = (
    (NATIONAL, "From a national source of the United Kingdom."),
    ("Local default", "Chosen here. No national source gives these numbers."),
    ("Audit template", "A standard that an audit template proposes; a trust may set its own."),
    ("Another institution's policy", "What another hospital does: for comparison only."),
    (ELSEWHERE, "Holds in the country of its source, not here: for comparison only."),
)


def groups(rules: Iterable[RuleShown]) -> list[Group]:
    every = list(rules)
    found = (Group(title, note, [r for r in every if r.basis == title]) for title, note in GROUPS)
    return [group for group in found if group.rules]
