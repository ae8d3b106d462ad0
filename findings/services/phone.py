"""A telephone call recorded: it counts as telling, and as acknowledging only where whoever was
called took the finding on and read it back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from findings.models import Event, Finding, Person, PhoneCall
from findings.rules import check_can_record_call, holds
from findings.services.acknowledge import take_on_by_telephone
from findings.services.clocks import tell_owner_now
from findings.services.owners import team_to_hold
from findings.services.timeline import lock, moment, record


@dataclass(frozen=True)
class Call:
    """What is known of it."""

    called_at: datetime
    said: str
    was_read_back: bool
    spoke_to: Person | None = None
    spoke_to_words: str = ""
    # Their plan, where they took it on; empty: they did not.
    plan: str = ""


def record_call(
    *, finding: Finding, by: Person, call: Call, at: datetime | None = None
) -> PhoneCall:
    """Raises `NotAllowed`, `ValueError` with a sentence, or `MoveRefused` when somebody else took
    it on before. Clocks stop now, not at the time of the call."""
    _check(call)
    with transaction.atomic():
        finding = lock(finding)
        check_can_record_call(by, finding)
        at = at or moment(finding)
        if call.called_at > at:
            raise ValueError("The call is in the future.")
        made = PhoneCall.objects.create(
            finding=finding,
            called_by=by,
            called_at=call.called_at,
            spoke_to=call.spoke_to,
            spoke_to_words="" if call.spoke_to else call.spoke_to_words.strip(),
            said=call.said.strip(),
            was_read_back=call.was_read_back,
            took_it_on=bool(call.plan.strip()),
            recorded_at=at,
        )
        _record(finding, made, by, at)
        if made.took_it_on and made.spoke_to:
            _taken_on(finding, made.spoke_to, by, call.plan, at)
    return made


# All that one press says of a call; whoever heard more records it on its page.
PRESSED = "Told of the finding. What else was said was not noted."
# The same press again within this time is the same call.
AGAIN_WITHIN = timedelta(minutes=2)


def record_owner_phoned(*, finding: Finding, by: Person, owner: Person) -> PhoneCall:
    """One press: that `by` told whoever holds it just now. It says nothing of what they answered.

    Raises `NotAllowed`, or `ValueError` with a sentence where somebody else holds it by now.
    """
    with transaction.atomic():
        finding = lock(finding)
        check_can_record_call(by, finding)
        at = moment(finding)
        if finding.owner_person_id != owner.pk:
            raise ValueError(f"{finding.owner} holds it now, so nothing was recorded.")
        pressed = finding.calls.filter(called_by=by, spoke_to=owner, said=PRESSED)
        again = pressed.filter(called_at__gt=at - AGAIN_WITHIN).first()
        call = Call(called_at=at, said=PRESSED, was_read_back=False, spoke_to=owner)
        return again or record_call(finding=finding, by=by, call=call, at=at)


def _check(call: Call) -> None:
    if not call.said.strip():
        raise ValueError("Say what was said.")
    if call.spoke_to is None and not call.spoke_to_words.strip():
        raise ValueError("Say whom you spoke to.")
    if call.plan.strip() and call.spoke_to is None:
        raise ValueError("Only somebody in the directory can take a finding on.")
    if call.plan.strip() and not call.was_read_back:
        raise ValueError("Nobody takes on what they did not read back.")


def _record(finding: Finding, call: PhoneCall, by: Person, at: datetime) -> None:
    record(
        finding=finding,
        kind=Event.Kind.PHONED,
        by=by,
        at=at,
        to=call.who,
        called_at=call.called_at,
        said=call.said,
        read_back=call.was_read_back,
        took_it_on=call.took_it_on,
    )


def _taken_on(finding: Finding, person: Person, by: Person, plan: str, at: datetime) -> None:
    """They are told in writing, too: what was heard on the telephone may have been misheard."""
    team = finding.team if holds(person, finding) else team_to_hold(person)
    take_on_by_telephone(finding=finding, person=person, team=team, by=by, plan=plan, at=at)
    tell_owner_now(finding=finding, words="you took it on by telephone", at=at)
