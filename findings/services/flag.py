"""Flagging: a radiologist says that somebody must act, and the promises begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from findings.models import (
    Audience,
    Category,
    Clock,
    Event,
    Examination,
    Finding,
    Person,
    Proposal,
    Role,
    Rule,
    Site,
    Team,
)
from findings.rules import NotAllowed, check_can_flag, check_has_report
from findings.services.answer_by import await_answers_again
from findings.services.calendars import calendar
from findings.services.clocks import (
    REPORT_CHANGED,
    clock_of_state,
    planned_steps,
    start_clock,
    stop_clocks,
    tell_first_step_now,
    tell_news,
)
from findings.services.follow_up import Advised, recommend
from findings.services.offer import end_open_offer
from findings.services.owners import somebody_answers_in, team_of, team_to_hold
from findings.services.pause import end_pauses
from findings.services.policy import PolicyError, limit_at, limit_in, rule_to_promise, tell_by
from findings.services.proposals import answer_with
from findings.services.routing import Asked, Routing, why
from findings.services.tell_patient import start_patient_clock
from findings.services.timeline import database_now, move, record
from findings.states import ClockKind, Move, after
from findings.timetable import Calendar, PlannedStep, end_of_day

# For a date of the report that is missing: DEF-FOLLOWUP's own default of three months (local).
FOLLOW_UP_AFTER = timedelta(days=91)


@dataclass(frozen=True)
class Ownership:
    """Who would hold a finding of this examination, and through which team its ladder climbs."""

    person: Person | None
    team: Team
    # Why it is not the person who asked, in a sentence; empty when it is.
    because: str = ""
    # The routing rules decided, since the order leads to nobody: by category, too.
    is_routed: bool = False

    @property
    def owner_team(self) -> Team | None:
        return None if self.person else self.team


@dataclass(frozen=True)
class Promise:
    """The acknowledge clock of a finding that is not saved yet."""

    due_at: datetime
    steps: Sequence[PlannedStep]


def owner_from_order(
    examination: Examination, category: Category | None = None, routing: Routing | None = None
) -> Ownership:
    """Whoever asked for the images; else their team, while anybody in it could answer; else the
    team of the routing rules, at whose end stand the coordinators.

    Raises `NotAllowed` only where the trust has no team at all to hold it.
    """
    requester = examination.requested_by
    team = examination.requesting_team or (team_of(requester) if requester else None)
    if requester and team and requester.has_role(Role.REFERRER):
        return Ownership(requester, team)
    if team and somebody_answers_in(team):
        return Ownership(None, team, _why_not(requester))
    routing = routing or Routing(examination.site.organisation)
    rule, passed = routing.passed_over(Asked.of(examination, category))
    because = why(rule, passed, left_empty=team)
    team = rule.team if rule else coordination_team(examination.site.organisation_id)
    return Ownership(None, team, because, is_routed=True)


def _why_not(requester: Person | None) -> str:
    if requester is None:
        return "The order names nobody that we know, so the requesting team holds it."
    if requester.is_active:
        return f"{requester} is not a referring clinician, so their team holds it."
    return f"{requester} no longer works here, so their team holds it."


def coordination_team(organisation_id: int) -> Team:
    """Where a finding goes that nobody can be found for."""
    team = Team.objects.filter(organisation=organisation_id, kind=Team.Kind.COORDINATION).first()
    if team is None:
        raise NotAllowed(
            "This trust has no coordination team, so an order without a known referrer has "
            "nobody to hold its finding. Ask an administrator to set one up."
        )
    return team


def people_who_can_own(examination: Examination) -> list[Person]:
    """Referrers whom a radiologist may choose as owner: of the trust, or of the asking practice."""
    organisations = {examination.site.organisation_id}
    if examination.requesting_team:
        organisations.add(examination.requesting_team.organisation_id)
    if examination.requested_by:
        organisations.add(examination.requested_by.organisation_id)
    return list(
        Person.objects.active()
        .with_role(Role.REFERRER)
        .filter(organisation__in=organisations)
        .filter(memberships__team__kind__in=Team.CLINICAL)
        .distinct()
    )


def promise(*, category: Category, at: datetime, site: Site | None = None) -> Promise:
    """What flagging now would promise: shown before saving, and written when saved."""
    return promise_under(rule_to_promise(category.local_policy_id), at, site)


def promise_under(
    rule: Rule, at: datetime, site: Site | None = None, days: Calendar | None = None
) -> Promise:
    """The acknowledge clock that this rule would start at this moment. `days`: its calendar, where
    it was read before."""
    days = days or calendar(rule.calendar, site)
    due_at = acknowledge_limit(rule, at, site, days)
    return Promise(
        due_at,
        planned_steps(
            rule=rule,
            kind=ClockKind.ACKNOWLEDGE,
            started_at=at,
            due_at=due_at,
            from_at=at,
            days=days,
        ),
    )


def acknowledge_limit(
    rule: Rule, start: datetime, site: Site | None = None, days: Calendar | None = None
) -> datetime:
    """When the answer is due. A rule without this number cannot start a clock."""
    days = days or calendar(rule.calendar, site)
    due_at = limit_in(days, rule, ClockKind.ACKNOWLEDGE, start)
    if due_at is None:
        raise PolicyError(f"{rule} gives no time to acknowledge, so no clock can start.")
    return due_at


def flag_finding(
    *,
    examination: Examination,
    by: Person,
    category: Category,
    description: str,
    recommended_action: str,
    recommended_on: date | None = None,
    primary_site: str = "",
    owner: Person | None = None,
    advised: Advised | None = None,
    proposal: Proposal | None = None,
    by_system: bool = False,
    at: datetime | None = None,
) -> Finding:
    """Flag a finding in the report to be read now. Finding, clock, steps and events together.

    `owner` replaces whoever asked for the images. `advised`: a further examination, which then
    has a clock of its own. `proposal`: the alert code that it answers. `by_system`: nobody pressed
    a button; `by` is whose report it is. Raises `NotAllowed` (person), `PolicyError`
    (unsigned or unloaded limits).
    """
    with transaction.atomic():
        examination = (
            Examination.objects.select_for_update(no_key=True, of=("self",))
            .select_related("site", "current_report", "requested_by", "requesting_team")
            .get(pk=examination.pk)
        )
        if not by_system:
            check_can_flag(by, examination)
        check_has_report(examination)
        report = examination.current_report
        assert report is not None  # refused above
        at = at or database_now()
        rule = rule_to_promise(category.local_policy_id)
        held = ownership(examination, owner, category)
        finding = Finding.objects.create(
            examination=examination,
            report=report,
            organisation_id=examination.site.organisation_id,
            site=examination.site,
            category=category,
            state=after(None, Move.FLAG),
            description=description.strip(),
            primary_site=primary_site.strip(),
            recommended_action=recommended_action.strip(),
            recommended_on=recommended_on or follow_up_date(rule, at),
            owner_person=held.person,
            owner_team=held.owner_team,
            team=held.team,
            flagged_at=at,
            counts_from=at,
            tell_by=tell_by(rule, at, examination.site),
            flagged_by=by,
        )
        record(
            finding=finding,
            kind=Event.Kind.FLAGGED,
            by=None if by_system else by,
            at=at,
            **_by_system(by, proposal) if by_system else {},
            category=category.code,
            owner=str(finding.owner),
            report_version=report.version,
            why_this_owner=held.because,
        )
        answer_with(finding, by=None if by_system else by, also=proposal)
        start_acknowledge_clock(finding=finding, at=at, by=by)
        start_patient_clock(finding=finding, at=at, by=by)
        if advised is not None:
            recommend(finding=finding, advised=advised, by=by, at=at)
    return finding


def _by_system(reporter: Person, proposal: Proposal | None) -> dict[str, str]:
    """What the timeline says of a finding that nobody flagged with their own hand."""
    return {"for": str(reporter), "alert_code": proposal.words if proposal else ""}


def ownership(
    examination: Examination,
    chosen: Person | None,
    category: Category | None = None,
    routing: Routing | None = None,
) -> Ownership:
    """The chosen owner with their team, or whoever the order leads to."""
    if chosen is None:
        return owner_from_order(examination, category, routing)
    team = team_to_hold(chosen)
    if chosen.pk == examination.requested_by_id and examination.requesting_team:
        team = examination.requesting_team
    return Ownership(chosen, team)


def follow_up_date(rule: Rule, at: datetime) -> date | None:
    """A limit that the rule leaves to the report needs a date; ours is the local default."""
    if rule.act_within:
        return None
    return (at.astimezone(ZoneInfo(settings.TIME_ZONE)) + FOLLOW_UP_AFTER).date()


def start_acknowledge_clock(*, finding: Finding, at: datetime, by: Person | None) -> Clock:
    rule = rule_to_promise(finding.category.local_policy_id)
    return start_clock(
        finding=finding,
        kind=ClockKind.ACKNOWLEDGE,
        rule=rule,
        started_at=at,
        due_at=acknowledge_limit(rule, at, finding.site),
        at=at,
        by=by,
    )


def act_limit(finding: Finding, rule: Rule) -> datetime:
    """When action is due: counted from the flag, or the date that the radiologist advised."""
    limit = limit_at(rule, ClockKind.ACT, finding.counts_from, finding.site)
    if limit is not None:
        return limit
    advised_on = finding.recommended_on or follow_up_date(rule, finding.counts_from)
    if advised_on is None:
        raise PolicyError(f"{rule} gives no time to act and the finding has no date.")
    return end_of_day(advised_on, ZoneInfo(settings.TIME_ZONE))


def reopen_finding(
    *,
    finding: Finding,
    because: str,
    at: datetime,
    by: Person | None = None,
    report_changed: bool = True,
) -> None:
    """Ask again: the report changed, or a death was recorded by mistake. The old answer stays in
    the timeline and no longer counts, nor does what the patient was told.

    The caller holds the finding's lock.
    """
    move(finding, Move.REOPEN)
    finding.acknowledged_at = finding.acknowledged_by = None
    finding.closed_at = finding.closed_by = None
    finding.patient_told_at = finding.patient_told_by = None
    finding.plan = finding.outcome = finding.outcome_note = ""
    finding.plan_by = None
    finding.patient_told_how = finding.patient_told_who = finding.patient_told_note = ""
    finding.counts_from = at
    finding.save()
    record(
        finding=finding,
        kind=Event.Kind.REOPENED,
        by=by,
        at=at,
        because=because,
        report_changed=report_changed,
    )
    _leave_nothing_with_a_leaver(finding, at)
    end_open_offer(finding=finding, because="The report changed.", at=at, by=by)
    end_pauses(finding=finding, at=at, by=None)
    stop_clocks(finding=finding, because=Clock.StoppedBecause.CORRECTED, at=at, by=by)
    clock = start_acknowledge_clock(finding=finding, at=at, by=by)
    tell_first_step_now(clock=clock, because="It is open again.", at=at, by=by)
    start_patient_clock(finding=finding, at=at, by=by)
    await_answers_again(finding, at=at)
    if report_changed:
        tell_of_correction(finding=finding, audience=Audience.ACKNOWLEDGER, at=at)


def tell_of_correction(*, finding: Finding, audience: Audience, at: datetime) -> None:
    """The report changed: whoever acknowledged once and passed it on may have arranged something
    by what it said; and where nobody has answered yet, everybody whom the ladder has reached knows
    what is not true any more. Whoever holds it is asked, not told. The caller holds the lock."""
    tell_news(
        finding=finding,
        clock=clock_of_state(finding),
        audience=audience,
        words=REPORT_CHANGED,
        at=at,
    )


def _leave_nothing_with_a_leaver(finding: Finding, at: datetime) -> None:
    """What had ended stayed with whoever held it; open again, it is their team's if they left."""
    owner = finding.owner_person
    if owner is None or owner.is_active:
        return
    finding.owner_person, finding.owner_team = None, finding.team
    finding.save(update_fields=["owner_person", "owner_team"])
    record(
        finding=finding,
        kind=Event.Kind.HANDED_OVER,
        by=None,
        at=at,
        because=f"{owner} no longer works here.",
        owner_before=str(owner),
        owner=str(finding.owner),
    )
