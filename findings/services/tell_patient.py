"""The last safety net: that the patient hears in time that there is something to talk about.

The clock counts from the report, runs beside all others whatever the state, and stops only when it
is recorded that the patient was told, or why not. Its ladder asks the owner first and then the
coordinators, who send a letter. The letter says whom to contact and never what was found.
"""

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from findings.models import Clock, Event, Finding, Person, Rule
from findings.models.finding import FindingQuerySet
from findings.rules import check_can_send_letter
from findings.services.clocks import planned_steps, start_clock
from findings.services.pause import hold_for_death
from findings.services.policy import PolicyError, limit_at, rule_to_promise
from findings.services.timeline import lock, moment, record
from findings.states import ClockKind


def start_patient_clock(*, finding: Finding, at: datetime, by: Person | None) -> Clock | None:
    """Unless one runs, start the clock of its category. None where the category has no such rule.

    It counts from the report. Where that limit had passed before the flag, nobody could have kept
    it, so it counts from the flag. The caller holds the finding's lock.
    """
    policy_id = finding.category.patient_policy_id
    running = finding.clocks.running(ClockKind.TELL_PATIENT)
    if not policy_id or running.exists():
        return None
    rule = rule_to_promise(policy_id)
    started_at, due_at = _limit(finding, rule, at)
    clock = start_clock(
        finding=finding,
        kind=ClockKind.TELL_PATIENT,
        rule=rule,
        started_at=started_at,
        due_at=due_at,
        at=at,
        by=by,
    )
    hold_if_died(finding=finding, at=at)
    return clock


def _limit(finding: Finding, rule: Rule, flagged_at: datetime) -> tuple[datetime, datetime]:
    """From when it counts and until when it runs, where it was flagged then."""
    for start in (min(finding.report.reported_at, flagged_at), flagged_at):
        due_at = limit_at(rule, ClockKind.TELL_PATIENT, start, finding.site)
        if due_at is None:
            raise PolicyError(f"{rule} gives no time to tell the patient, so no clock can start.")
        if due_at > flagged_at:
            return start, due_at
    raise PolicyError(f"{rule} gives no time at all to tell the patient.")


def without_patient_clock() -> FindingQuerySet:
    """Open findings whose patient is to be told, and of which no clock says so: flagged before
    there was such a clock, or before their category had one."""
    told = Clock.objects.running(ClockKind.TELL_PATIENT).filter(finding=OuterRef("pk"))
    to_tell = Finding.objects.open().filter(patient_told_at__isnull=True)
    return to_tell.exclude(category__patient_policy_id="").filter(~Exists(told)).order_by("pk")


def start_missing_clock(*, finding: Finding, at: datetime | None = None) -> Clock | None:
    """As if it had run since the flag, so that nobody gains time; what should have been told since
    is told now, as one. None where nothing is missing: doing it twice changes nothing."""
    with transaction.atomic():
        finding = lock(finding)
        if not without_patient_clock().filter(pk=finding.pk).exists():
            return None
        at = at or moment(finding)
        rule = rule_to_promise(finding.category.patient_policy_id)
        started_at, due_at = _limit(finding, rule, finding.counts_from)
        promised = planned_steps(
            rule=rule,
            kind=ClockKind.TELL_PATIENT,
            started_at=started_at,
            due_at=due_at,
            from_at=finding.counts_from,
            site=finding.site,
        )
        record(finding=finding, kind=Event.Kind.NOTE, by=None, at=at, text=WAS_MISSING)
        clock = start_clock(
            finding=finding,
            kind=ClockKind.TELL_PATIENT,
            rule=rule,
            started_at=started_at,
            due_at=due_at,
            at=at,
            by=None,
            ladder=[replace(step, due_at=max(step.due_at, at)) for step in promised],
        )
        hold_if_died(finding=finding, at=at)
    return clock


WAS_MISSING = (
    "No limit to tell the patient was kept for this finding until now. It counts from the flag, as"
    " if it had been."
)


def hold_if_died(*, finding: Finding, at: datetime) -> None:
    """No letter goes to somebody who has died. The caller holds the finding's lock."""
    if finding.examination.patient.death() is not None:
        hold_for_death(finding=finding, at=at)


def record_letter_sent(*, finding: Finding, by: Person, at: datetime | None = None) -> Event:
    """The letter went to the patient. The clock runs on: a letter that says whom to contact tells
    nobody what was found."""
    with transaction.atomic():
        finding = lock(finding)
        check_can_send_letter(by, finding)
        return record(finding=finding, kind=Event.Kind.LETTER_SENT, by=by, at=at or moment(finding))
