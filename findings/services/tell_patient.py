"""The last safety net: that the patient hears in time that there is something to talk about.

The clock counts from the report, runs beside all others whatever the state, and stops only when it
is recorded that the patient was told, or why not. Its ladder asks the owner first and then the
coordinators, who send a letter. The letter says whom to contact and never what was found.
"""

from datetime import datetime

from django.db import transaction

from findings.models import Clock, Event, Finding, Person
from findings.rules import check_can_send_letter
from findings.services.clocks import start_clock
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
    running = finding.clocks.filter(kind=ClockKind.TELL_PATIENT, stopped_at__isnull=True)
    if not policy_id or running.exists():
        return None
    rule = rule_to_promise(policy_id)
    limits = (
        (start, limit_at(rule, ClockKind.TELL_PATIENT, start, finding.site))
        for start in (min(finding.report.reported_at, at), at)
    )
    for started_at, due_at in limits:
        if due_at is None:
            raise PolicyError(f"{rule} gives no time to tell the patient, so no clock can start.")
        if due_at > at:
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
    raise PolicyError(f"{rule} gives no time at all to tell the patient.")


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
