"""What would reach nobody, in words, with the pages where it can be mended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from findings import words
from findings.models import Audience, Examination, Finding, Improvement, Person, Team
from findings.models.about import About, about
from findings.presenters.moments import near_with_rest, step_words
from findings.reach import StepPreview
from findings.services.coverage import HOLDER, Coverage
from findings.services.duties import DutyGap, OnlyHere
from findings.shifts import Gap


@dataclass(frozen=True)
class CoverageLine:
    """One thing that would reach nobody."""

    finding: Finding | None
    examination: Examination | None
    improvement: Improvement | None
    what: str
    # From when, and for how long it has stood in the queue.
    when: str
    reasons: Sequence[str]
    # Whose page mends it.
    people: Sequence[Person] = ()
    age: str = ""


def queue_lines(
    every: Iterable[Coverage], since: dict[About, datetime], now: datetime
) -> list[CoverageLine]:
    """What nobody can be told of now or at its next step: the longest waiting first."""
    stopped = [
        (since.get(about(one.subject), now), one.subject, one.stopped)
        for one in every
        if one.stopped
    ]
    stopped.sort(key=lambda line: (line[0], line[1].pk))
    return [
        _line(subject, step, now, age=words.length(now - began)) for began, subject, step in stopped
    ]


def later_lines(every: Iterable[Coverage], now: datetime) -> list[CoverageLine]:
    """Later steps of the coming week that would reach nobody: the engine passes over them."""
    later = [
        (one.subject, step)
        for one in every
        for step in one.unreached
        if step is not one.stopped and not _said_already(one, step)
    ]
    later.sort(key=lambda pair: (pair[1].step.due_at, pair[0].pk))
    return [_line(finding, step, now) for finding, step in later]


def _said_already(one: Coverage, step: StepPreview) -> bool:
    """Its holder stands in the queue, so not every reminder to them as well."""
    holder_hears = one.holder is None or one.holder.reaches_somebody
    return step.step.audience == Audience.OWNER and not holder_hears


def _line(
    subject: Finding | Examination | Improvement, shown: StepPreview, now: datetime, age: str = ""
) -> CoverageLine:
    step = shown.step
    is_held = step.words == HOLDER and not isinstance(subject, Examination)
    holder = subject.owner if is_held else None  # type: ignore[union-attr]
    return CoverageLine(
        subject if isinstance(subject, Finding) else None,
        subject if isinstance(subject, Examination) else None,
        subject if isinstance(subject, Improvement) else None,
        f"{holder}, who holds it" if holder else step_words(step.audience, step.words),
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
            _duty(gap.team, gap.audience),
            gap.span,
            gap.reasons,
            gap.people,
        )
        for gap in gaps
    ]


@dataclass(frozen=True)
class OnlyHereLine:
    """Somebody who is told in this application alone."""

    person: Person
    # Their duties, one after the other.
    who: Sequence[str]
    because: str


def only_here_lines(found: Iterable[OnlyHere]) -> list[OnlyHereLine]:
    return [
        OnlyHereLine(
            one.person,
            sorted(_duty(team, Audience(audience).label) for team, audience in one.duties),
            one.because,
        )
        for one in found
    ]


def _duty(team: Team | None, audience: str) -> str:
    return f"{team}: {audience}" if team else words.capital(audience)
