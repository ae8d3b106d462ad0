"""A review in words: what was broken, and how far the duty of candour has come."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from findings.models import CandourStep, Clock, LearningRule, Review
from findings.states import ClockKind
from findings.words import length, when

BROKEN = {
    ClockKind.ACKNOWLEDGE: "Not acknowledged by its limit",
    ClockKind.ACT: "Not acted on by its limit",
    ClockKind.FOLLOW_UP: "No result by the day on which it was expected",
    ClockKind.TELL_PATIENT: "Patient not told by the limit",
    ClockKind.REPORT_BY: "Not reported by the limit",
}
NO_NUMBER = (
    "Regulation 20 says “as soon as reasonably practicable” and sets no number of days. The NHS"
    " Standard Contract is often quoted with ten days; we could not confirm of which kind, so it is"
    " no limit here."
)


@dataclass(frozen=True)
class Broken:
    """One promise that was not kept."""

    words: str
    due_at: datetime
    how: str


def broken(review: Review, now: datetime) -> list[Broken]:
    return [
        Broken(BROKEN[ClockKind(one.clock.kind)], one.clock.due_at, _how(one.clock, now))
        for one in review.breaches.all()
    ]


def _how(clock: Clock, now: datetime) -> str:
    if clock.stopped_at is None:
        return f"Still open, {length(now - clock.due_at)} late"
    ended = clock.get_stopped_because_display()
    return f"{ended}, {length(clock.stopped_at - clock.due_at)} late, on {when(clock.stopped_at)}"


def what_broke(review: Review) -> list[str]:
    """The kinds of promises in words, each once; or what was raised."""
    kinds = dict.fromkeys(ClockKind(one.clock.kind) for one in review.breaches.all())
    return [BROKEN[kind] for kind in kinds] or [review.happened]


@dataclass(frozen=True)
class CandourLine:
    """One step, and when it was taken if it was."""

    words: str
    done: CandourStep | None


@dataclass(frozen=True)
class Candour:
    """All of them."""

    lines: list[CandourLine]
    # The trust's own limit for the written notification; None where it has none.
    limit_on: date | None

    @property
    def is_done(self) -> bool:
        return all(line.done for line in self.lines)


def candour_of(review: Review, rule: LearningRule | None) -> Candour:
    done = {one.step: one for one in review.candour_steps.all() if one.undone_at is None}
    lines = [CandourLine(step.label, done.get(step)) for step in CandourStep.Which]
    limit = None
    if rule and rule.candour_days and review.candour_since:
        limit = (review.candour_since + timedelta(days=rule.candour_days)).date()
    return Candour(lines, limit)


def in_common(review: Review, other: Review, shared: int) -> str:
    """Why the other is shown beside it."""
    return ", ".join(_in_common(review, other, shared))


def _in_common(review: Review, other: Review, shared: int) -> Iterator[str]:
    if shared:
        yield "1 cause in common" if shared == 1 else f"{shared} causes in common"
    mine, theirs = (one.finding.team.specialty if one.finding else "" for one in (review, other))
    if mine and mine == theirs:
        yield mine
