"""Leave: entered, cancelled, and who gets the messages of somebody who is away."""

import logging
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from findings import doorbell
from findings.models import Finding, Leave, Person, Role
from findings.models.cover import away_on, stand_in
from findings.models.people import PersonQuerySet
from findings.rules import check_can_set_leave
from findings.services.clocks import tell_owner_now
from findings.services.directory_trail import note
from findings.services.one_by_one import pass_over
from findings.services.timeline import database_now, lock, moment
from findings.states import State
from findings.words import day, local

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StandIn:
    """Who gets the messages of somebody now."""

    # The first leave that was met; None: they are here.
    leave: Leave | None
    # None: nobody in person, so the team is told.
    person: Person | None


def set_leave(
    *,
    person: Person,
    by: Person,
    first_on: date,
    last_on: date,
    deputy: Person | None = None,
    at: datetime | None = None,
) -> Leave:
    """Enter leave by whole local days. `NotAllowed` and `ValueError` carry a sentence."""
    with transaction.atomic():
        Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        at = at or database_now()
        _check(person, by, first_on, last_on, deputy, at)
        doorbell.ring_after_commit()
        doorbell.look_again_after_commit()
        entered = Leave.objects.create(
            person=person,
            first_on=first_on,
            last_on=last_on,
            deputy=deputy,
            entered_by=by,
            entered_at=at,
        )
        note(person, "Leave", "", _in_words(entered), by=by)
        return entered


def _in_words(leave: Leave) -> str:
    days = f"{day(leave.first_on)} to {day(leave.last_on)}"
    return f"{days}: {leave.deputy or 'the team'} instead"


def _check(
    person: Person, by: Person, first_on: date, last_on: date, deputy: Person | None, at: datetime
) -> None:
    check_can_set_leave(by, person)
    if last_on < first_on:
        raise ValueError("The last day cannot be before the first day.")
    if last_on < local(at).date():
        raise ValueError("The last day is in the past. Enter leave that is not over yet.")
    met = person.leave.standing().filter(first_on__lte=last_on, last_on__gte=first_on).first()
    if met:
        raise ValueError("Leave is entered for some of these days already. Cancel that first.")
    if deputy is None:
        return
    if deputy.pk == person.pk:
        raise ValueError("Nobody can be their own deputy. Choose somebody else.")
    # They will answer findings, so they must be somebody who may.
    if person.has_role(Role.REFERRER) and not deputy.has_role(Role.REFERRER):
        raise ValueError(f"{deputy} is not a referring clinician who works here now.")
    if not deputy.is_active:
        raise ValueError(f"{deputy} no longer works here.")


def people_who_can_stand_in(person: Person) -> PersonQuerySet:
    """Whoever may do here what this person does: they will get their messages."""
    people = Person.objects.active().filter(organisation=person.organisation_id)
    same = Role.REFERRER in person.roles
    able = people.with_role(Role.REFERRER) if same else people.exclude(roles=[])
    return able.exclude(pk=person.pk)


def cancel_leave(*, leave: Leave, by: Person, at: datetime | None = None) -> Leave:
    """The messages go to its person again from now on. Cancelling twice changes nothing."""
    with transaction.atomic():
        leave = Leave.objects.select_for_update().get(pk=leave.pk)
        check_can_set_leave(by, leave.person)
        if leave.cancelled_at is None:
            leave.cancelled_at = at or database_now()
            leave.save(update_fields=["cancelled_at"])
            note(leave.person, "Leave", _in_words(leave), "", by=by)
            doorbell.look_again_after_commit()
    return leave


def tell_stand_ins() -> int:
    """Each round: where leave has begun, whoever stands in hears at once of what waits for an
    answer, not only with the next step. Returns how many findings they were told of."""
    today = local(database_now()).date()
    began = Leave.objects.on(today).filter(told_at__isnull=True).select_related("person")
    return sum(_tell_alone(leave) for leave in began.order_by("pk"))


def _tell_alone(leave: Leave) -> int:
    """One person's error stops no other."""
    try:
        return _tell_stand_in(leave)
    except Exception as error:
        pass_over(log, "stand-in not told", error, leave=leave.pk)
        return 0


def _tell_stand_in(leave: Leave) -> int:
    told = 0
    waiting = Finding.objects.awaiting_acknowledgement().filter(owner_person=leave.person)
    for finding in waiting.order_by("pk"):
        with transaction.atomic():
            now = lock(finding)
            if now.state == State.AWAITING and now.owner_person_id == leave.person_id:
                tell_owner_now(finding=now, words="the owner is on leave", at=moment(now))
                told += 1
    Leave.objects.filter(pk=leave.pk, told_at__isnull=True).update(told_at=database_now())
    return told


def leave_at(person: Person, at: datetime) -> Leave | None:
    """The leave that this person is on at this instant, by local days."""
    return Leave.objects.on(local(at).date()).filter(person=person).select_related("deputy").first()


def standing_in_for(person: Person, at: datetime) -> StandIn:
    """Who gets their messages now: themselves, a deputy who is here, or (None) the team."""
    leave = leave_at(person, at)
    if leave is None:
        return StandIn(None, person)
    found = stand_in(person.pk, away_on(local(at).date()))
    return StandIn(leave, Person.objects.filter(pk=found).first() if found else None)
