"""What was done: actions, and that the patient was told."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from findings.models import Action, Clock, Event, Finding, Person
from findings.rules import check_can_act, check_can_tell_patient
from findings.services.clocks import stop_clocks
from findings.services.follow_up import Advised, await_result, recommend
from findings.services.offer import end_open_offer
from findings.services.timeline import lock, moment, move, record
from findings.states import ClockKind, Move
from findings.timetable import end_of_day
from findings.words import when


def record_action(
    *,
    finding: Finding,
    by: Person,
    kind: Action.Kind,
    text: str,
    result_expected_on: date,
    advised: Advised | None = None,
    at: datetime | None = None,
) -> Action:
    """Record what was done. The act clock stops; until the finding is closed, one runs that
    asks for the result on the day when it is expected.

    `result_expected_on` must not lie in the past (ValueError). `advised`: the examination that
    was arranged, so that a later one can be recognised.
    """
    if not text.strip():
        raise ValueError("An action needs words; no action needs a reason.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_act(by, finding)
        at = at or moment(finding)
        due_at = end_of_day(result_expected_on, ZoneInfo(settings.TIME_ZONE))
        if due_at <= at:
            raise ValueError("The day on which the result is expected has passed.")
        move(finding, Move.ACT)
        finding.owner_person, finding.owner_team = by, None
        finding.save()
        action = Action.objects.create(
            finding=finding,
            kind=kind,
            text=text.strip(),
            result_expected_on=result_expected_on,
            recorded_by=by,
            recorded_at=at,
        )
        record(
            finding=finding,
            kind=Event.Kind.ACTED,
            by=by,
            at=at,
            action=kind,
            text=action.text,
            result_expected_on=result_expected_on,
        )
        end_open_offer(finding=finding, because=f"{by} acted on it.", at=at, by=by)
        stop_clocks(
            finding=finding,
            because=Clock.StoppedBecause.ANSWERED,
            at=at,
            by=by,
            kinds=[ClockKind.ACT],
        )
        await_result(finding=finding, due_at=due_at, at=at, by=by)
        if advised is not None:
            recommend(finding=finding, advised=advised, by=by, at=at)
    return action


def record_patient_told(
    *,
    finding: Finding,
    by: Person,
    how: Finding.ToldHow,
    who: str = "",
    note: str = "",
    told_at: datetime | None = None,
    at: datetime | None = None,
) -> Finding:
    """Record that the patient was told, when and how; or why they were not.

    `told_at` (UTC) is the conversation, `at` the recording; not in the future (ValueError). `who`
    told them, where that was not whoever records it.
    """
    with transaction.atomic():
        finding = lock(finding)
        check_can_tell_patient(by, finding)
        at = at or moment(finding)
        told_at = told_at or at
        if told_at > at:
            raise ValueError("The patient cannot have been told in the future.")
        if how == Finding.ToldHow.NOT_TOLD and not note.strip():
            raise ValueError("Not telling the patient needs a reason.")
        _check_who(finding, how, told_at)
        finding.patient_told_at, finding.patient_told_by = told_at, by
        finding.patient_told_how, finding.patient_told_note = how, note.strip()
        finding.patient_told_who = who.strip()
        finding.save()
        record(
            finding=finding,
            kind=Event.Kind.PATIENT_TOLD,
            by=by,
            at=at,
            how=how,
            told_at=told_at,
            note=note.strip(),
            **({"who": who.strip()} if who.strip() else {}),
        )
        stop_clocks(
            finding=finding,
            because=Clock.StoppedBecause.ANSWERED,
            at=at,
            by=by,
            kinds=[ClockKind.TELL_PATIENT],
        )
    return finding


def _check_who(finding: Finding, how: Finding.ToldHow, told_at: datetime) -> None:
    """Next of kin and coroner only after a death, and the patient only before it."""
    death = finding.examination.patient.death()
    if death is None and how in Finding.ToldHow.of_the_dead():
        raise ValueError("No death of this patient is recorded.")
    told_patient = how not in Finding.ToldHow.not_the_patient()
    if death is not None and told_patient and told_at >= death.happened_at:
        raise ValueError(f"The patient died before that, on {when(death.happened_at)}.")
