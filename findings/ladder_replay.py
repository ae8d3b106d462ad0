"""How a ladder would have been climbed in a case of the past. Pure: recorded facts in, firings out.

What people did is taken as it was: they answer when they answered, an owner who could not be told
still cannot, a snooze is a snooze. Where the engine looked late in fact, it looks as late here.
Under the ladder that was in force the same firings come out that were recorded, to the microsecond;
tests/integration/test_ladder_replay.py lets the real engine climb, and compares.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from findings.rule_content import RungContent
from findings.timetable import Calendar, PlannedStep, parse_duration, steps, still_to_tell


@dataclass(frozen=True)
class RecordedStep:
    """One step of a ladder as the engine left it."""

    level: int
    audience: str
    falls_at: datetime
    brought_forward_to: datetime | None
    fired_at: datetime | None


@dataclass(frozen=True)
class RecordedPause:
    """Steps that fell in it waited until its end: the owner's, or all."""

    started_at: datetime
    until_at: datetime
    ended_at: datetime | None
    only_owner: bool


class Shape(StrEnum):
    """How the ladder of a clock was set up."""

    # By the rule, from the start.
    OWN = "own"
    # For the next owner, who must answer no later than the owner before had promised.
    NEXT_OWNER = "next_owner"
    # The clock before goes on, as if nobody had answered.
    AS_BEFORE = "as_before"
    # For another category, from the old start: what was told on the way is not told again.
    NEXT_CATEGORY = "next_category"


@dataclass(frozen=True)
class RecordedClock:
    """One promise with what happened to it."""

    started_at: datetime
    # When its ladder was set up: later than its start where that counts from the flag.
    set_up_at: datetime
    due_at: datetime
    # Until when it is looked at: when it stopped, or now.
    ends_at: datetime
    # The rule's own number, or empty where the limit is a date of the case.
    within: str
    # Somebody is asked anew: the first step of a ladder that waits does not.
    tells_at_once: bool
    # The category changed, and a coordinator said why a later limit may hold.
    may_be_later: bool
    steps: tuple[RecordedStep, ...]
    pauses: tuple[RecordedPause, ...] = ()


@dataclass(frozen=True)
class Firing:
    """One step that falls due, and when the engine comes to it."""

    level: int
    audience: str
    at: datetime


@dataclass
class _Step:
    planned: PlannedStep
    brought_forward_to: datetime | None = None
    waits_until: datetime | None = None
    fired_at: datetime | None = None

    @property
    def falls_at(self) -> datetime:
        falls = self.brought_forward_to or self.planned.due_at
        return max(falls, self.waits_until) if self.waits_until else falls


@dataclass(frozen=True)
class Replayed:
    """What comes out: the limit, what fired, and what was still to come at the end."""

    started_at: datetime
    due_at: datetime
    fired: tuple[Firing, ...]
    left: tuple[PlannedStep, ...] = field(default=())
    # Audiences of the promises whose place it took when the category changed.
    told_before: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        return (*self.told_before, *(one.audience for one in self.fired))


def limit(clock: RecordedClock, within: str, days: Calendar) -> datetime:
    """Where the rule has a number, from the start; else the case's own date."""
    return days.add(clock.started_at, parse_duration(within)) if within else clock.due_at


def plan(
    clock: RecordedClock,
    rungs: Sequence[RungContent],
    within: str,
    days: Calendar,
    shape: Shape = Shape.OWN,
    before: Replayed | None = None,
    asked: Replayed | None = None,
) -> tuple[datetime, datetime, Sequence[PlannedStep]]:
    """Start, limit and steps of the clock under a ladder.

    `before`: the promise that it replaced, as replayed; `asked`: the one that goes on.
    """
    at = clock.set_up_at
    if shape == Shape.AS_BEFORE and before and asked:
        return _as_before(clock, rungs, within, days, before, asked)
    if shape == Shape.NEXT_CATEGORY and before:
        return _next_category(clock, rungs, within, days, before)
    if shape == Shape.OWN or not within:
        due_at = limit(clock, within, days)
        return clock.started_at, due_at, _steps(rungs, clock.started_at, due_at, days, at)
    due_at = days.add(at, parse_duration(within))
    if before is None or due_at <= before.due_at:
        return at, due_at, _steps(rungs, at, due_at, days, at)
    due_at = before.due_at
    start = at if at < due_at else before.started_at
    return start, due_at, _steps_to(rungs, due_at, within, days, at)


def _as_before(
    clock: RecordedClock,
    rungs: Sequence[RungContent],
    within: str,
    days: Calendar,
    before: Replayed,
    asked: Replayed,
) -> tuple[datetime, datetime, Sequence[PlannedStep]]:
    due_at = min(asked.due_at, before.due_at)
    if within and (nearer := days.add(asked.started_at, parse_duration(within))) < due_at:
        ladder = _steps_to(rungs, nearer, within, days, clock.set_up_at)
        return asked.started_at, nearer, ladder
    return asked.started_at, due_at, asked.left


def _next_category(
    clock: RecordedClock,
    rungs: Sequence[RungContent],
    within: str,
    days: Calendar,
    before: Replayed,
) -> tuple[datetime, datetime, Sequence[PlannedStep]]:
    """The nearer of two limits holds, unless somebody answers for the later one
    (services/change_category.py); the old promise simply goes on where it is the nearer."""
    due_at = limit(clock, within, days)
    is_later = due_at > before.due_at
    if due_at == before.due_at or (is_later and not clock.may_be_later):
        return before.started_at, before.due_at, before.left
    ladder = _steps(rungs, clock.started_at, due_at, days, clock.set_up_at)
    left = still_to_tell(ladder, Counter(before.told), clock.set_up_at)
    return clock.started_at, due_at, left


def _steps_to(
    rungs: Sequence[RungContent], due_at: datetime, within: str, days: Calendar, at: datetime
) -> Sequence[PlannedStep]:
    """As if the limit had always been this one (services/deadlines.py)."""
    start = days.add(due_at, parse_duration(within).backwards)
    return _steps(rungs, start, due_at, days, at)


def _steps(
    rungs: Sequence[RungContent], start: datetime, due_at: datetime, days: Calendar, at: datetime
) -> Sequence[PlannedStep]:
    return steps(rungs, started_at=start, due_at=due_at, calendar=days, from_at=at)


def replay(
    clock: RecordedClock, start: datetime, due_at: datetime, ladder: Sequence[PlannedStep]
) -> Replayed:
    """Climb this ladder in the case of `clock`."""
    return _Climb(clock, ladder).run(start, due_at)


def as_recorded(clock: RecordedClock) -> tuple[Firing, ...]:
    """What fired in fact, in the order in which it is compared."""
    fired = (
        Firing(step.level, step.audience, step.fired_at)
        for step in clock.steps
        if step.fired_at is not None
    )
    return tuple(sorted(fired, key=_order))


def _order(firing: Firing) -> tuple[datetime, int, str]:
    return firing.at, firing.level, firing.audience


class _Climb:
    """One clock on its way through time."""

    def __init__(self, clock: RecordedClock, ladder: Sequence[PlannedStep]) -> None:
        self.clock = clock
        self.steps = [_Step(planned) for planned in ladder]
        self.blind = list(_blind(clock))
        self.now = clock.set_up_at
        self.heard, moments = _nudges(clock)
        self.events = sorted(
            [*_bring_forward(moments, self._nudge), *self._pauses()], key=lambda one: one[0]
        )

    def run(self, start: datetime, due_at: datetime) -> Replayed:
        if self.clock.tells_at_once and not self._falls_by(self.clock.set_up_at):
            self._nudge(self.clock.set_up_at)
        while (at := self._next_look()) is not None:
            while self.events and self.events[0][0] < at:
                self._let_happen()
                if (moved := self._next_look()) is None:
                    return self._result(start, due_at)
                at = moved
            if at > self.clock.ends_at or (at == self.clock.ends_at and not self._fired_then(at)):
                # What happens later may still bring a step forward.
                if not self.events or self.events[0][0] >= self.clock.ends_at:
                    break
                self._let_happen()
                continue
            self._look(at)
        return self._result(start, due_at)

    def _let_happen(self) -> None:
        at, event = self.events.pop(0)
        self.now = max(self.now, at)
        event()

    def _result(self, start: datetime, due_at: datetime) -> Replayed:
        fired = [
            Firing(step.planned.level, step.planned.audience, step.fired_at)
            for step in self.steps
            if step.fired_at is not None
        ]
        left = [step.planned for step in self.steps if step.fired_at is None]
        return Replayed(start, due_at, tuple(sorted(fired, key=_order)), tuple(left))

    def _next_look(self) -> datetime | None:
        """When the engine next comes to something that has fallen due."""
        return min((self._looked_at(step) for step in self._unfired()), default=None)

    def _unfired(self) -> Iterable[_Step]:
        return (step for step in self.steps if step.fired_at is None)

    def _falls_by(self, at: datetime) -> list[_Step]:
        return [step for step in self._unfired() if step.falls_at <= at]

    def _looked_at(self, step: _Step) -> datetime:
        """At once, but for what is known of when the engine did not look."""
        falls_at = max(step.falls_at, self.now)
        if step.brought_forward_to is None and self._fired_then(falls_at):
            return falls_at  # what was brought forward at this very moment came after the look
        return min((end for begin, end in self.blind if begin <= falls_at < end), default=falls_at)

    def _fired_then(self, at: datetime) -> bool:
        return any(step.fired_at == at for step in self.clock.steps)

    def _look(self, at: datetime) -> None:
        """As the engine does: everything that is due, and while the highest of it reaches nobody,
        the next one too."""
        self.now = at
        while due := self._falls_by(at):
            for step in due:
                step.fired_at = at
            highest = max(due, key=lambda step: (step.planned.level, step.falls_at))
            if self._reached(highest.planned.audience, at):
                return
            self._nudge(at)

    def _reached(self, audience: str, at: datetime) -> bool:
        """As it was when this audience was told in fact, at the moment that lies nearest."""
        known = [one for one in self.heard if one[0] == audience]
        return min(known, key=lambda one: abs(one[1] - at))[2] if known else True

    def _nudge(self, at: datetime) -> None:
        later = [step for step in self._unfired() if step.falls_at > at]
        if later:
            step = min(later, key=lambda one: (one.falls_at, one.planned.level))
            step.brought_forward_to, step.waits_until = at, None

    def _pauses(self) -> Iterable[tuple[datetime, Callable[[], None]]]:
        for pause in self.clock.pauses:
            yield pause.started_at, lambda pause=pause: self._pause(pause)  # type: ignore[misc]
            if pause.ended_at is not None:
                yield pause.ended_at, self._end_pauses

    def _pause(self, pause: RecordedPause) -> None:
        self._end_pauses()
        for step in self._unfired():
            waits = not pause.only_owner or step.planned.audience == "owner"
            if waits and pause.started_at < step.falls_at < pause.until_at:
                step.waits_until = pause.until_at

    def _end_pauses(self) -> None:
        for step in self._unfired():
            step.waits_until = None


def _bring_forward(
    moments: Iterable[datetime], nudge: Callable[[datetime], None]
) -> Iterable[tuple[datetime, Callable[[], None]]]:
    for at in moments:
        yield at, lambda at=at: nudge(at)  # type: ignore[misc]


def _blind(clock: RecordedClock) -> Iterable[tuple[datetime, datetime]]:
    """From when until when nobody looked: from a step's moment until it fired, or until the end."""
    for step in clock.steps:
        falls_at = max(_waited(step, clock.pauses), clock.set_up_at)
        if step.fired_at is not None:
            yield falls_at, step.fired_at
        elif falls_at <= clock.ends_at:
            # Never looked at again before it stopped; and so neither is what would fall here.
            yield falls_at, datetime.max.replace(tzinfo=falls_at.tzinfo)


def _waited(step: RecordedStep, pauses: Iterable[RecordedPause]) -> datetime:
    """Its moment, or the end of the pause that kept it back; a pause that is ended leaves no mark
    on the step."""
    falls_at = step.falls_at
    for pause in pauses:
        waits = not pause.only_owner or step.audience == "owner"
        if waits and pause.started_at < falls_at < pause.until_at:
            falls_at = max(falls_at, min(pause.until_at, pause.ended_at or pause.until_at))
    return falls_at


Heard = list[tuple[str, datetime, bool]]


def _nudges(clock: RecordedClock) -> tuple[Heard, list[datetime]]:
    """Whether each audience could be told when it was to be; and at which moments a step was
    brought forward for another reason: somebody declined, or a message came back."""
    heard: Heard = []
    moments = []
    nudged: dict[datetime, list[RecordedStep]] = {}
    fired: dict[datetime, list[RecordedStep]] = {}
    for step in clock.steps:
        if step.brought_forward_to is not None:
            nudged.setdefault(step.brought_forward_to, []).append(step)
        if step.fired_at is not None:
            fired.setdefault(step.fired_at, []).append(step)
    for at, together in fired.items():
        # In one look those come first that were due by themselves.
        mine = [step for step in together if step.brought_forward_to != at]
        brought = nudged.get(at, [])
        after = sorted(
            (step for step in brought if step.fired_at == at), key=lambda step: step.level
        )
        if not mine or not after:
            heard += _were_reached(mine, at)
            continue
        highest = max(mine, key=lambda step: (step.level, step.falls_at))
        chain = [highest, *after]
        heard += [(step.audience, at, step is chain[-1]) for step in chain]
        nudged[at] = [step for step in brought if step not in after]
    for at, brought in nudged.items():
        # What is told at once because somebody is asked anew depends on the ladder itself.
        if clock.tells_at_once and at == clock.set_up_at:
            brought = brought[1:]
        moments += [at] * len(brought)
    return heard, moments


def _were_reached(together: Sequence[RecordedStep], at: datetime) -> Heard:
    """The highest of what was told in one look, after which nothing else was brought forward."""
    if not together:
        return []
    return [(max(together, key=lambda step: (step.level, step.falls_at)).audience, at, True)]
