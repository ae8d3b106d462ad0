"""How a finding ends: closed with an outcome, or withdrawn with a reason. Never by time."""

from datetime import datetime

from django.db import transaction

from findings.models import Audience, Clock, Event, Finding, Person
from findings.rules import NotAllowed, check_can_close, check_can_undo_flag, check_can_withdraw
from findings.services.clocks import clock_of_state, stop_clocks, tell_news
from findings.services.follow_up import drop_recommendation
from findings.services.offer import end_open_offer
from findings.services.timeline import lock, moment, move, record
from findings.states import ClockKind, Move


def close_finding(
    *,
    finding: Finding,
    by: Person,
    outcome: Finding.Outcome,
    note: str = "",
    at: datetime | None = None,
) -> Finding:
    """Close with an outcome. The patient must have been told, or it said why not, before."""
    with transaction.atomic():
        finding = lock(finding)
        check_can_close(by, finding)
        if finding.patient_told_at is None:
            raise NotAllowed("Record first that the patient was told, or why they were not.")
        if outcome == Finding.Outcome.OTHER and not note.strip():
            raise ValueError("The outcome 'other' needs words.")
        at = at or moment(finding)
        move(finding, Move.CLOSE)
        finding.closed_at, finding.closed_by = at, by
        finding.outcome, finding.outcome_note = outcome, note.strip()
        finding.save()
        record(
            finding=finding,
            kind=Event.Kind.CLOSED,
            by=by,
            at=at,
            outcome=outcome,
            note=note.strip(),
        )
        stop_clocks(
            finding=finding,
            because=Clock.StoppedBecause.CLOSED,
            at=at,
            by=by,
            kinds=list(ClockKind),
        )
    return finding


UNDONE = "Undone by whoever flagged it, before anybody was told."


def undo_flag(*, finding: Finding, by: Person, at: datetime | None = None) -> Finding:
    """A slip of the hand, while the first message still waits: nobody hears of it. It stays
    readable as any flag that was withdrawn."""
    with transaction.atomic():
        # The engine takes this lock, too: the first message has gone, or never goes.
        finding = lock(finding)
        check_can_undo_flag(by, finding)
        return withdraw_finding(finding=finding, by=by, because=UNDONE, at=at)


def withdraw_finding(
    *, finding: Finding, by: Person, because: str, at: datetime | None = None
) -> Finding:
    """Take a flag back: it was made in error. Whoever was told of it, or holds it, is told so once;
    nobody where nobody had been told."""
    if not because.strip():
        raise ValueError("Withdrawing needs a reason.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_withdraw(by, finding)
        at = at or moment(finding)
        clock = clock_of_state(finding)
        move(finding, Move.WITHDRAW)
        finding.withdrawn_at, finding.withdrawn_by = at, by
        finding.withdrawn_because = because.strip()
        finding.save()
        drop_recommendation(finding=finding, by=by, at=at)
        record(finding=finding, kind=Event.Kind.WITHDRAWN, by=by, at=at, because=because.strip())
        end_open_offer(finding=finding, because="It was withdrawn.", at=at, by=by)
        tell_news(
            finding=finding,
            clock=clock,
            audience=Audience.WITHDRAWN,
            words="withdrawn",
            at=at,
            by=by,
        )
        stop_clocks(
            finding=finding,
            because=Clock.StoppedBecause.WITHDRAWN,
            at=at,
            by=by,
            kinds=list(ClockKind),
        )
    return finding
