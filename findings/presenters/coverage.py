"""What would reach nobody, in words, with the pages where it can be mended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from findings import words
from findings.models import Audience, Finding, Person
from findings.presenters.moments import near_with_rest, step_words
from findings.reach import StepPreview
from findings.services.coverage import HOLDER, DutyGap, FindingCoverage
from findings.shifts import Gap


@dataclass(frozen=True)
class CoverageLine:
    """One thing that would reach nobody."""

    # For a finding.
    finding: Finding | None
    what: str
    # From when, and for how long it has stood in the queue.
    when: str
    reasons: Sequence[str]
    # Whose page mends it.
    people: Sequence[Person] = ()
    age: str = ""


def queue_lines(
    every: Iterable[FindingCoverage], since: dict[int, datetime], now: datetime
) -> list[CoverageLine]:
    """Findings that nobody can be told of now or at their next step: the longest waiting first."""
    stopped = [(one.finding, one.stopped) for one in every if one.stopped]
    stopped.sort(key=lambda pair: (since.get(pair[0].pk, now), pair[0].pk))
    return [
        _line(finding, step, now, age=words.length(now - since.get(finding.pk, now)))
        for finding, step in stopped
    ]


def finding_lines(every: Iterable[FindingCoverage], now: datetime) -> list[CoverageLine]:
    """Later steps of the coming week that would reach nobody: the engine passes over them."""
    later = [
        (one.finding, step)
        for one in every
        for step in one.unreached
        if step is not one.stopped and not _said_already(one, step)
    ]
    later.sort(key=lambda pair: (pair[1].step.due_at, pair[0].pk))
    return [_line(finding, step, now) for finding, step in later]


def _said_already(one: FindingCoverage, step: StepPreview) -> bool:
    """Its holder stands in the queue, so not every reminder to them as well."""
    return step.step.audience == Audience.OWNER and not one.holder.reaches_somebody


def _line(finding: Finding, shown: StepPreview, now: datetime, age: str = "") -> CoverageLine:
    step = shown.step
    is_holder = step.words == HOLDER
    return CoverageLine(
        finding,
        f"{finding.owner}, who holds it" if is_holder else step_words(step.audience, step.words),
        ("now" if step.due_at <= now else near_with_rest(step.due_at, now)),
        shown.reasons,
        [one.person for one in shown.recipients if one.unreachable_because],
        age,
    )


@dataclass(frozen=True)
class DutyLine:
    """One duty that nobody has for a while."""

    who: str
    span: Gap
    reasons: Sequence[str]
    people: Sequence[Person]


def duty_lines(gaps: Iterable[DutyGap]) -> list[DutyLine]:
    return [
        DutyLine(
            f"{gap.team}: {gap.audience}" if gap.team else _capital(gap.audience),
            gap.span,
            gap.reasons,
            gap.people,
        )
        for gap in gaps
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
