"""The answer to a flag: mine with a plan, or not mine. And giving a finding to somebody else."""

from datetime import date, datetime

from django.db import transaction

from findings.models import Audience, Clock, Event, Finding, Person, Team
from findings.models.event import TAKEN_ON_BY
from findings.rules import (
    check_can_acknowledge,
    check_can_answer_offer,
    check_can_decline,
    check_can_hand_over,
    check_can_take_acknowledgement_back,
    holds,
)
from findings.services.clocks import (
    bring_next_step_forward,
    clock_of_state,
    start_clock,
    stop_clocks,
    tell_now,
    tell_owner_now,
)
from findings.services.deadlines import ask_as_before, ask_the_next_owner, promised_action
from findings.services.offer import accept_open_offer, end_open_offer
from findings.services.owners import team_of, team_to_hold
from findings.services.pause import end_pauses
from findings.services.timeline import lock, moment, move, on_behalf_of, record
from findings.states import ClockKind, Move, State


def acknowledge_finding(
    *,
    finding: Finding,
    by: Person,
    plan: str,
    plan_by: date | None = None,
    at: datetime | None = None,
) -> Finding:
    """Take a finding on. Its first clock stops, the unfired steps go, the second clock starts.

    Whoever acknowledges becomes the owner. `plan` is required: what they will do; `plan_by` is the
    day by which, and moves no limit. Raises `NotAllowed` or, when somebody was first,
    `MoveRefused`.
    """
    if not plan.strip():
        raise ValueError("An acknowledgement needs a plan.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_acknowledge(by, finding)
        at = at or moment(finding)
        move(finding, Move.ACKNOWLEDGE)
        for_whom = on_behalf_of(finding.owner_person, by)
        _take_on(finding, by, plan, at, for_whom, plan_by=plan_by)
        end_open_offer(finding=finding, because=f"{by} took it on.", at=at, by=by)
        _ask_for_action(finding, by, at)
    return finding


def keep_late_acknowledgement(*, finding: Finding, by: Person, plan: str, seen: int) -> bool:
    """An acknowledgement, or the acceptance of an offer, that was refused since the finding had
    ended, or its report had changed after the decision numbered `seen`: a line in the timeline,
    once however often it is sent, and nothing else. False where it is neither, or neither theirs
    nor ever offered to them: nothing is written."""
    plan = plan.strip()
    with transaction.atomic():
        finding = lock(finding)
        overtaken_by = finding.events.filter(kind__in=_OVERTAKES).order_by("-number").first()
        changed = overtaken_by is not None and overtaken_by.number > seen
        if overtaken_by is None or not plan or not _was_asked(by, finding):
            return False
        if finding.is_open and not changed:
            return False
        same = finding.events.filter(kind=Event.Kind.ANSWERED_LATE, by=by, data__plan=plan)
        if not same.filter(number__gt=overtaken_by.number).exists():
            record(
                finding=finding,
                kind=Event.Kind.ANSWERED_LATE,
                by=by,
                at=moment(finding),
                plan=plan,
            )
    return True


def _was_asked(person: Person, finding: Finding) -> bool:
    return holds(person, finding) or finding.offers.made_to(person).exists()


_OVERTAKES = (Event.Kind.CLOSED, Event.Kind.WITHDRAWN, Event.Kind.REOPENED)


def accept_offer(
    *,
    finding: Finding,
    by: Person,
    plan: str,
    plan_by: date | None = None,
    at: datetime | None = None,
) -> Finding:
    """Take over a finding that was offered: an acknowledgement by its new owner.

    One that was acknowledged already keeps its act clock as it runs: no limit moves.
    """
    if not plan.strip():
        raise ValueError("Accepting needs a plan.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_answer_offer(by, finding)
        at = at or moment(finding)
        was_waiting, before = finding.state == State.AWAITING, str(finding.owner)
        move(finding, Move.ACCEPT)
        offer = accept_open_offer(finding=finding, at=at, by=by)
        end_pauses(finding=finding, at=at, by=None)
        finding.team = offer.to_team or team_of(by) or finding.team
        record(
            finding=finding,
            kind=Event.Kind.HANDED_OVER,
            by=by,
            at=at,
            because=offer.because,
            owner_before=before,
            owner=str(by),
        )
        _take_on(finding, by, plan, at, on_behalf_of(offer.to_person, by), plan_by=plan_by)
        if was_waiting:
            _ask_for_action(finding, by, at)
        tell_now(
            finding=finding, audience=Audience.OFFERED_BY, words="your offer was accepted", at=at
        )
    return finding


def take_on_by_telephone(
    *, finding: Finding, person: Person, team: Team, by: Person, plan: str, at: datetime
) -> None:
    """`by` heard `person` take it on. The caller holds the lock, and has checked both."""
    move(finding, Move.ACKNOWLEDGE)
    finding.team = team
    _take_on(finding, person, plan, at, str(person), recorded_by=by)
    end_open_offer(finding=finding, because=f"{person} took it on.", at=at, by=by)
    _ask_for_action(finding, by, at)


def _take_on(
    finding: Finding,
    by: Person,
    plan: str,
    at: datetime,
    for_whom: str = "",
    *,
    plan_by: date | None = None,
    recorded_by: Person | None = None,
) -> None:
    finding.acknowledged_at, finding.acknowledged_by = at, by
    finding.plan, finding.plan_by = plan.strip(), plan_by
    finding.owner_person, finding.owner_team = by, None
    finding.save()
    record(
        finding=finding,
        kind=Event.Kind.ACKNOWLEDGED,
        by=recorded_by or by,
        at=at,
        plan=finding.plan,
        on_behalf_of=for_whom,
        **({"plan_by": plan_by} if plan_by else {}),
        **({TAKEN_ON_BY: by.pk} if recorded_by else {}),
    )


def acknowledgers(finding_id: int) -> set[int]:
    """The ids of everybody who ever acknowledged it, whoever holds it now."""
    given = Event.objects.filter(finding=finding_id, kind=Event.Kind.ACKNOWLEDGED)
    return {data.get(TAKEN_ON_BY) or by for data, by in given.values_list("data", "by") if by}


def _ask_for_action(finding: Finding, by: Person, at: datetime) -> None:
    """From the clock to acknowledge to the one to act, which counts from the flag."""
    stop_clocks(finding=finding, because=Clock.StoppedBecause.ANSWERED, at=at, by=by)
    promised = promised_action(finding)
    start_clock(
        finding=finding,
        kind=ClockKind.ACT,
        rule=promised.rule,
        started_at=finding.counts_from,
        due_at=promised.due_at,
        at=at,
        by=by,
    )


def decline_finding(
    *,
    finding: Finding,
    by: Person,
    because: str,
    to: Person | None = None,
    at: datetime | None = None,
) -> Finding:
    """Not mine. Whoever is named gets it at once; if nobody is, the ladder climbs at once.

    The clock is not reset: what was promised to the patient does not change with the owner.
    """
    if not because.strip():
        raise ValueError("Declining needs a reason.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_decline(by, finding)
        at = at or moment(finding)
        move(finding, Move.DECLINE)
        record(
            finding=finding,
            kind=Event.Kind.DECLINED,
            by=by,
            at=at,
            because=because.strip(),
            named=str(to) if to else "",
        )
        end_open_offer(finding=finding, because=f"{by} declined it.", at=at, by=by)
        end_pauses(finding=finding, at=at, by=None)
        if to is not None:
            knows = finding.owner_person_id == to.pk and _was_named(finding)
            _give_to(finding, to, team_to_hold(to))
            finding.save()
            if not knows:
                tell_owner_now(finding=finding, words=NAMED, at=at)
        else:
            _give_to(finding, None, finding.team)
            finding.save()
            _climb(finding, by, at)
    return finding


NAMED = "named as the right owner"


def _was_named(finding: Finding) -> bool:
    """Two colleagues declined it at the same moment, and named the same person: told once."""
    steps = clock_of_state(finding).steps
    return steps.filter(audience=Audience.OWNER, level=0, words=NAMED).exists()


def _climb(finding: Finding, by: Person, at: datetime) -> None:
    step = bring_next_step_forward(
        finding=finding, because=f"{by} declined and named nobody.", at=at, by=by
    )
    if step is None:  # every step has fired: the people told so far must hear that it came back
        tell_owner_now(finding=finding, words="declined; the team holds it", at=at)


def hand_over_finding(
    *,
    finding: Finding,
    by: Person,
    because: str,
    to: Person | None = None,
    to_team: Team | None = None,
    at: datetime | None = None,
) -> Finding:
    """A coordinator or governance lead gives the finding to another owner, who must answer anew.

    The limit to act still counts from the flag. Exactly one of `to` and `to_team`.
    """
    if not because.strip():
        raise ValueError("Handing over needs a reason.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_hand_over(by, finding)
        at = at or moment(finding)
        team = team_to_hold(to) if to is not None else to_team
        if team is None:
            raise ValueError("Handing over needs a person or a team.")
        was_waiting = change_hands(
            finding=finding,
            to=to,
            team=team,
            because=because.strip(),
            offer_ends=f"{by} handed it over.",
            at=at,
            by=by,
        )
        if was_waiting:
            tell_owner_now(finding=finding, words="handed to a new owner", at=at)
    return finding


def change_hands(
    *,
    finding: Finding,
    to: Person | None,
    team: Team,
    because: str,
    offer_ends: str,
    at: datetime,
    by: Person | None,
) -> bool:
    """Another owner, who must answer anew: `to`, or else the team as a whole.

    The caller holds the finding's lock. Returns whether an answer was awaited already: its clock
    then goes on, and the caller tells the new owner; otherwise a new one starts.
    """
    was_waiting = finding.state == State.AWAITING
    _ask_anew(finding, to, team, because, offer_ends, at, by)
    if not was_waiting:
        because_handed = Clock.StoppedBecause.HANDED_OVER
        stopped = stop_clocks(finding=finding, because=because_handed, at=at, by=by)
        ask_the_next_owner(finding=finding, stopped=stopped, at=at, by=by)
    return was_waiting


def take_acknowledgement_back(
    *, finding: Finding, by: Person, because: str, at: datetime | None = None
) -> Finding:
    """Acknowledged by mistake: their team holds it, and the clock to acknowledge goes on as if
    nobody had answered. What fell due meanwhile is told at once."""
    if not because.strip():
        raise ValueError("Taking it back needs a reason.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_take_acknowledgement_back(by, finding)
        at = at or moment(finding)
        ends = f"{by} took the acknowledgement back."
        _ask_anew(finding, None, finding.team, because.strip(), ends, at, by, taken_back=True)
        stopped = stop_clocks(
            finding=finding, because=Clock.StoppedBecause.HANDED_OVER, at=at, by=by
        )
        ask_as_before(finding=finding, stopped=stopped, at=at, by=by)
        tell_owner_now(finding=finding, words="acknowledged by mistake", at=at)
    return finding


def _ask_anew(
    finding: Finding,
    to: Person | None,
    team: Team,
    because: str,
    offer_ends: str,
    at: datetime,
    by: Person | None,
    **said: bool,
) -> None:
    before = str(finding.owner)
    move(finding, Move.HAND_OVER)
    _give_to(finding, to, team)
    finding.acknowledged_at = finding.acknowledged_by = None
    finding.plan, finding.plan_by = "", None
    finding.save()
    record(
        finding=finding,
        kind=Event.Kind.HANDED_OVER,
        by=by,
        at=at,
        because=because,
        owner_before=before,
        owner=str(finding.owner),
        **said,
    )
    end_open_offer(finding=finding, because=offer_ends, at=at, by=by)
    end_pauses(finding=finding, at=at, by=None)


def _give_to(finding: Finding, to: Person | None, team: Team) -> None:
    finding.owner_person, finding.owner_team = to, None if to else team
    finding.team = team
