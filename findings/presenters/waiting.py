"""What the pages say of an examination that waits for its report: its limit, who was told, and who
is told next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from findings import reach, words
from findings.models import Clock, Examination, Step, Team
from findings.presenters.moments import step_words
from findings.presenters.steps import StepLine, coming, fired, lines_ahead
from findings.services.policy import in_calendar
from findings.timetable import in_words
from findings.told import told_by

NOT_SAID_WHEN = (
    "The sender has not said when the images were made. It counts from the first that is known of"
    " them, so the true age may be greater."
)


@dataclass(frozen=True)
class WaitLine:
    """One row of the list."""

    clock: Clock
    examination: Examination
    limit: str
    told: str
    next: str


def wait_lines(clocks: Sequence[Clock], now: datetime) -> list[WaitLine]:
    """Clocks with their examinations and steps read already."""
    found = [(clock, clock.examination) for clock in clocks if clock.examination]
    subjects = reach.waiting(examination for _, examination in found)
    return [_line(clock, one, subjects[one.pk].team, now) for clock, one in found]


def _line(clock: Clock, examination: Examination, team: Team, now: datetime) -> WaitLine:
    steps = clock.steps.all()
    told = [f"{_whom(step, team)}, {words.near(at, now)}" for step, at in fired(steps)]
    ahead = coming(steps)
    return WaitLine(
        clock,
        examination,
        limit_words(clock),
        told[-1] if told else "",
        f"{_whom(ahead[0], team)}, {_when(ahead[0], now)}" if ahead else "",
    )


def limit_words(clock: Clock) -> str:
    """28 days: national guidance. Only a rule that calls itself national is called so."""
    within = in_calendar(in_words(clock.rule.communicate_within), clock.rule)
    whose = "national guidance" if clock.rule.is_national else clock.rule.get_basis_display()
    return f"{within}: {whose}"


def _whom(step: Step, team: Team) -> str:
    return step_words(step.audience, step.words, team)


def _when(step: Step, now: datetime) -> str:
    return "now" if step.falls_at <= now else words.near(step.falls_at, now)


def told_lines(steps: Sequence[Step], team: Team, now: datetime) -> list[StepLine]:
    """Steps that have fired, of every clock that it had, the earliest first, and whom each told.
    Whoever is named by several that fell together hears of the highest."""
    heard = fired(steps)
    names = told_by([step.pk for step, _ in heard]) if heard else {}
    return [
        StepLine(at, words.near(at, now), _whom(step, team), tuple(names.get(step.pk, ())))
        for step, at in heard
    ]


def next_lines(steps: Sequence[Step], subject: reach.Subject, now: datetime) -> list[StepLine]:
    """Steps that are still to come, with the people whom they would tell."""
    return lines_ahead(subject, steps, lambda step: _whom(step, subject.team), now)
