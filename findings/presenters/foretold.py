"""What a change would do to open findings, on the page that asks before it is made."""

from dataclasses import dataclass
from datetime import datetime

from findings.models import Finding, names
from findings.presenters.moments import near_with_rest, step_words
from findings.services.coverage import HOLDER
from findings.services.foretell import Difference, Foretold

# The first of them are named; the others are as many as they are.
NAMED = 10


@dataclass(frozen=True)
class Line:
    """One finding of which somebody else would hear."""

    finding: Finding
    step: str
    now: str
    then: str
    reaches_nobody: bool
    reasons: str


@dataclass(frozen=True)
class ForetoldShown:
    """How many, of how many nobody would hear, and the first of them."""

    count: int
    unreached: int
    lines: list[Line]
    fingerprint: str

    @property
    def more(self) -> int:
        return self.count - len(self.lines)


def shown(found: Foretold, now: datetime) -> ForetoldShown:
    lines = [_line(one, now) for one in found.differences[:NAMED]]
    return ForetoldShown(len(found.differences), found.unreached, lines, found.fingerprint)


def _line(one: Difference, now: datetime) -> Line:
    who = "Whoever holds it"
    if one.words != HOLDER:
        at = "now" if one.due_at <= now else near_with_rest(one.due_at, now)
        who = f"{step_words(one.audience, one.words)}, {at}"
    return Line(
        finding=one.finding,
        step=who,
        now=names(one.before) or "Nobody",
        then=names(one.after),
        reaches_nobody=one.reaches_nobody,
        reasons=" ".join(one.nobody_because),
    )
