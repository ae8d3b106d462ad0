"""Snooze, and holding the letter to the patient: with a reason and an end, and no promise moves.

A snooze keeps back only what its owner is told; the rungs above fire as promised. It never passes
the clock's limit, nor what the category allows from its first snooze on. A hold keeps back the
letter; at the limit the governance leads hear all the same.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from findings import doorbell
from findings.models import Audience, Clock, Event, Finding, Pause, Person, Step
from findings.rules import (
    check_can_end_hold,
    check_can_end_snooze,
    check_can_hold_letter,
    check_can_snooze,
)
from findings.services.calendars import calendar
from findings.services.clocks import another, clock_of_state
from findings.services.timeline import lock, moment, record
from findings.states import ClockKind
from findings.timetable import parse_duration
from findings.words import until

Kind = Pause.Kind

# Whose steps wait, by the kind of pause.
_WAIT = {
    Kind.SNOOZE: Q(audience=Audience.OWNER),
    Kind.HOLD: ~Q(audience=Audience.GOVERNANCE),
}


def snooze_at_most_until(clock: Clock, at: datetime) -> datetime | None:
    """Until when this clock may be snoozed at the latest; None where it may not be at all."""
    within = clock.rule.snooze_within
    if not within or clock.due_at <= at:
        return None
    first = clock.pauses.filter(kind=Kind.SNOOZE).order_by("started_at").first()
    start = first.started_at if first else at
    allowed = calendar(clock.rule.calendar, clock.its_finding.site).add(
        start, parse_duration(within)
    )
    return min(clock.due_at, allowed)


def check_snooze_until(clock: Clock, until_at: datetime, at: datetime) -> datetime:
    """Until when it may be snoozed at the latest. ValueError says why not until `until_at`."""
    at_most = snooze_at_most_until(clock, at)
    if at_most is None or at_most <= at:
        raise ValueError("It cannot be snoozed any more: its limit or its category's is reached.")
    if until_at > at_most:
        raise ValueError(f"It can be snoozed until {until(at_most, at)} at the latest.")
    return at_most


def snooze(
    *, finding: Finding, by: Person, because: str, until_at: datetime, at: datetime | None = None
) -> Pause:
    """The owner's reminders of the clock of its state wait until then. Raises ValueError for an
    end that lies in the past or beyond what is allowed."""
    with transaction.atomic():
        finding = lock(finding)
        check_can_snooze(by, finding)
        at = at or moment(finding)
        clock = clock_of_state(finding)
        at_most = check_snooze_until(clock, until_at, at)
        return _pause(clock, Kind.SNOOZE, because, until_at, at, by, at_most)


def hold_letter(
    *, finding: Finding, by: Person, because: str, until_at: datetime, at: datetime | None = None
) -> Pause:
    """The letter to the patient waits until then: they are seen on Thursday, say."""
    with transaction.atomic():
        finding = lock(finding)
        check_can_hold_letter(by, finding)
        clock = finding.clocks.running(ClockKind.TELL_PATIENT).get()
        return _pause(clock, Kind.HOLD, because, until_at, at or moment(finding), by, None)


def hold_for_death(*, finding: Finding, at: datetime) -> bool:
    """The patient has died: nobody is asked to write to them. At the limit everybody who is on the
    ladder hears, if it was not said by then what happens instead; and now, where the limit has
    passed. Whether that is new; not where it was so already, or where nothing is to be held. The
    caller holds the finding's lock."""
    clock = finding.clocks.running(ClockKind.TELL_PATIENT).first()
    if clock is None or clock.pauses.deaths().exists():
        return False
    if clock.due_at <= at:
        return _ask_who_instead(clock, at)
    # What is late waits, too: it would ask for a letter.
    _begin(clock, Kind.DEATH, "The patient has died.", clock.due_at, at, None, Q())
    return True


def end_hold_for_death(*, finding: Finding, at: datetime, by: Person | None) -> None:
    """The patient lives: what waited falls when it was promised, and where the limit had passed
    the whole ladder hears again. The caller holds the lock."""
    for pause in finding.pauses.deaths().select_related("clock"):
        _close(pause.clock, at, by)
        record(finding=finding, kind=Event.Kind.PAUSE_ENDED, by=by, at=at, pause=pause.kind)
        doorbell.ring_after_commit()
    running = finding.clocks.running(ClockKind.TELL_PATIENT)
    for clock in running:
        if _last_words(clock) == NOT_SAID_WHO:
            _ask_the_ladder_again(clock, at)


NOT_SAID_WHO = "not recorded who was told instead"


def _ask_who_instead(clock: Clock, at: datetime) -> bool:
    """The limit has passed, and they may have been asked to write: nobody shall, and somebody has
    to say who is told instead. Once, however often the death is said."""
    if _last_words(clock) == NOT_SAID_WHO:
        return False
    _ask_the_ladder_again(clock, at, NOT_SAID_WHO)
    return True


def _last_words(clock: Clock) -> str:
    last = clock.steps.filter(level__gt=0).order_by("-pk").first()
    return last.words if last else ""


def _ask_the_ladder_again(clock: Clock, at: datetime, words: str = "") -> None:
    """Everybody on it hears now; without `words` what each was told first. What was still to come
    of it is not needed any more."""
    ladder: dict[int, Step] = {}
    for step in clock.steps.filter(level__gt=0).order_by("pk"):
        ladder.setdefault(step.level, step)
    clock.steps.filter(level__gt=0).unfired().update(cancelled_at=at)
    Step.objects.bulk_create(
        another(step, replace(step.planned, due_at=at, words=words or step.words))
        for step in ladder.values()
    )
    doorbell.ring_after_commit()


def _pause(
    clock: Clock,
    kind: Pause.Kind,
    because: str,
    until_at: datetime,
    at: datetime,
    by: Person,
    at_most_until: datetime | None,
) -> Pause:
    if not because.strip():
        raise ValueError("A reason is needed.")
    if until_at <= at:
        raise ValueError("The end must lie in the future.")
    # What was due before is late, not snoozed.
    waiting = _WAIT[kind] & Q(falls_at__gt=at)
    return _begin(clock, kind, because.strip(), until_at, at, by, waiting, at_most_until)


def _begin(
    clock: Clock,
    kind: Pause.Kind,
    because: str,
    until_at: datetime,
    at: datetime,
    by: Person | None,
    waiting: Q,
    at_most_until: datetime | None = None,
) -> Pause:
    """In the place of any other. `waiting`: which of its ladder's steps until then wait."""
    _close(clock, at, by)
    pause = Pause.objects.create(
        finding=clock.its_finding,
        clock=clock,
        kind=kind,
        because=because,
        started_at=at,
        until_at=until_at,
        at_most_until=at_most_until,
        entered_by=by,
    )
    inside = clock.steps.unfired().filter(level__gt=0, falls_at__lt=until_at)
    inside.filter(waiting).update(waits_until=until_at)
    record(
        finding=clock.its_finding,
        kind=Event.Kind.PAUSED,
        by=by,
        at=at,
        pause=kind,
        clock=clock.kind,
        until=until_at,
        because=because,
    )
    return pause


def end_snooze(*, finding: Finding, by: Person, at: datetime | None = None) -> Finding:
    """Undo: what waited falls when it was promised, and at once where that has passed. A hold of
    the letter stands."""
    with transaction.atomic():
        finding = lock(finding)
        check_can_end_snooze(by, finding)
        end_pauses(finding=finding, at=at or moment(finding), by=by, kinds=(Kind.SNOOZE,))
    return finding


def end_hold(*, finding: Finding, by: Person, at: datetime | None = None) -> Finding:
    """As `end_snooze`, of the letter; a snooze stands."""
    with transaction.atomic():
        finding = lock(finding)
        check_can_end_hold(by, finding)
        end_pauses(finding=finding, at=at or moment(finding), by=by, kinds=(Kind.HOLD,))
    return finding


def end_pauses(
    *,
    finding: Finding,
    at: datetime,
    by: Person | None,
    kinds: Collection[Pause.Kind] = (Kind.SNOOZE, Kind.HOLD),
) -> None:
    """Of the finding that went to somebody else, or whose report changed: nobody snoozed it for
    them. The caller holds the finding's lock."""
    for pause in finding.pauses.open().filter(kind__in=kinds).select_related("clock"):
        is_over = pause.until_at <= at
        _close(pause.clock, at, by)
        if not is_over:
            record(finding=finding, kind=Event.Kind.PAUSE_ENDED, by=by, at=at, pause=pause.kind)
            doorbell.ring_after_commit()


def _close(clock: Clock, at: datetime, by: Person | None) -> None:
    clock.pauses.open().update(ended_at=at, ended_by=by)
    Step.objects.unfired().filter(clock=clock, waits_until__isnull=False).update(waits_until=None)
