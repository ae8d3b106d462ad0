"""What a change would do to open findings, on the page that asks before it is made."""

from dataclasses import dataclass
from datetime import datetime

from findings.models import Finding, names
from findings.presenters.moments import near_with_rest, step_words
from findings.services.coverage import HOLDER
from findings.services.foretell import Difference, Foretold, Number
from findings.words import counted


@dataclass(frozen=True)
class Line:
    """One finding, or examination without a report, of which somebody else would hear."""

    reference: str
    what: str
    # The name of its page and what it is found by there.
    page: tuple[str, object]
    step: str
    now: str
    then: str
    reaches_nobody: bool
    reasons: str


@dataclass(frozen=True)
class ForetoldShown:
    """How many, of how many nobody would hear, and the first of them."""

    # "3 open findings and 1 waiting examination"; empty where there is none.
    count: str
    unreached: str
    lines: list[Line]
    more: int
    fingerprint: str


def shown(found: Foretold, now: datetime) -> ForetoldShown:
    lines = [_line(one, now) for one in found.differences]
    more = sum(found.every) - len(lines)
    counts = _counted(found.every), _counted(found.unreached)
    return ForetoldShown(*counts, lines, more, found.fingerprint)


def _counted(number: Number) -> str:
    return counted({"open finding": number.findings, "waiting examination": number.waits})


def _line(one: Difference, now: datetime) -> Line:
    who = "Whoever holds it"
    if one.words != HOLDER:
        at = "now" if one.due_at <= now else near_with_rest(one.due_at, now)
        who = f"{step_words(one.audience, one.words)}, {at}"
    subject = one.subject
    what, page = "Waits for its report", ("wait", getattr(subject, "public_id", ""))
    if isinstance(subject, Finding):
        what, page = subject.category.name, ("finding", subject.reference)
    return Line(
        reference=subject.reference,
        what=what,
        page=page,
        step=who,
        now=names(one.before) or "Nobody",
        then=names(one.after),
        reaches_nobody=one.reaches_nobody,
        reasons=" ".join(one.nobody_because),
    )
