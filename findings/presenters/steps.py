"""The steps of a ladder on a page: those that have told somebody, and those that still would."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from findings import reach
from findings.models import Step
from findings.presenters.moments import near_with_rest


@dataclass(frozen=True)
class StepLine:
    """One step of the ladder: when it was or will be, and whom it tells and why."""

    at: datetime
    when: str
    who: str
    # Names with their routes; sentences about those who cannot be reached.
    names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    brought_forward: bool = False
    # Of which promise (its id).
    clock: int = 0


def fired(steps: Iterable[Step]) -> list[tuple[Step, datetime]]:
    """As the ladder has them, the earliest first, each with when it fired."""
    found = [(step, step.fired_at) for step in steps if step.fired_at]
    return sorted(found, key=lambda one: (one[0].falls_at, one[0].level))


def coming(steps: Iterable[Step]) -> list[Step]:
    """Those that are still to fire, the next one first."""
    found = [step for step in steps if not step.fired_at and not step.cancelled_at]
    return sorted(found, key=lambda step: (step.falls_at, step.level))


def lines_ahead(
    subject: reach.Subject, steps: Sequence[Step], who: Callable[[Step], str], now: datetime
) -> list[StepLine]:
    """Those of these steps that are still to come, with the people whom they would tell. `who` says
    of a step whom it tells and why."""
    ahead = coming(steps)
    previews = reach.preview(subject, [step.planned for step in ahead]) if ahead else []
    return [
        replace(
            line_ahead(shown, who(step), now, brought_forward=step.brought_forward_to is not None),
            clock=step.clock_id,
        )
        for step, shown in zip(ahead, previews, strict=True)
    ]


def line_ahead(
    shown: reach.StepPreview, who: str, now: datetime, *, brought_forward: bool = False
) -> StepLine:
    """One step that would fire at its moment: now, or today at 16:40 (in 2 hours)."""
    at = shown.step.due_at
    return StepLine(
        at=at,
        when="now" if at <= now else near_with_rest(at, now),
        who=who,
        names=shown.names,
        warnings=tuple(shown.reasons),
        brought_forward=brought_forward,
    )
