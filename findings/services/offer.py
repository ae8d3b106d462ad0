"""Handing over by consent: offered with a reason, refused or taken back; accepting it is an
acknowledgement, and so stands in acknowledge.py.

An offer changes nothing about who holds the finding, and no clock: until the other side accepts,
it is still the owner's and still ticking.
"""

from datetime import datetime

from django.db import transaction

from findings.models import Audience, Event, Finding, HandOver, Person, Role, Team
from findings.rules import (
    NotAllowed,
    check_can_answer_offer,
    check_can_offer,
    check_can_take_back,
)
from findings.services.clocks import tell_now, tell_owner_now
from findings.services.owners import team_to_hold
from findings.services.timeline import lock, moment, move, on_behalf_of, record
from findings.states import Move

Outcome = HandOver.Outcome


def offer_finding(
    *,
    finding: Finding,
    by: Person,
    because: str,
    to: Person | None = None,
    to_team: Team | None = None,
    at: datetime | None = None,
) -> HandOver:
    """Ask a person or a team to take the finding over. They are told at once.

    Exactly one of `to` and `to_team`.
    """
    if not because.strip():
        raise ValueError("An offer needs a reason.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_offer(by, finding)
        _check_can_hold(finding, to, to_team)
        at = at or moment(finding)
        move(finding, Move.OFFER)
        offer = HandOver.objects.create(
            finding=finding,
            offered_by=by,
            to_person=to,
            to_team=to_team,
            because=because.strip(),
            offered_at=at,
        )
        record(
            finding=finding,
            kind=Event.Kind.OFFERED,
            by=by,
            at=at,
            to=str(offer.receiver),
            because=offer.because,
        )
        tell_now(finding=finding, audience=Audience.OFFERED, words="asked to take it over", at=at)
    return offer


def _check_can_hold(finding: Finding, to: Person | None, to_team: Team | None) -> None:
    if (to is None) == (to_team is None):
        raise ValueError("An offer needs a person or a team, not both.")
    if to is not None:
        if to.pk == finding.owner_person_id:
            raise NotAllowed(f"{to} holds this finding already.")
        team_to_hold(to)
    elif to_team is not None and not any(
        member.has_role(Role.REFERRER) for member in to_team.members.filter(is_active=True)
    ):
        raise NotAllowed(f"{to_team} has no referring clinician who works here now.")


def refuse_offer(
    *, finding: Finding, by: Person, because: str, at: datetime | None = None
) -> HandOver:
    """The other side says no and why. The owner, who held it all the time, is told at once."""
    if not because.strip():
        raise ValueError("Refusing needs a reason.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_answer_offer(by, finding)
        at = at or moment(finding)
        offer = _end(finding, Outcome.REFUSED, because, at, by)
        tell_owner_now(finding=finding, words="your offer was refused", at=at)
    return offer


def take_offer_back(*, finding: Finding, by: Person, at: datetime | None = None) -> HandOver:
    """Whoever holds the finding wants it answered by themselves, or by somebody else."""
    with transaction.atomic():
        finding = lock(finding)
        check_can_take_back(by, finding)
        return _end(finding, Outcome.TAKEN_BACK, "", at or moment(finding), by)


def end_open_offer(
    *, finding: Finding, because: str, at: datetime, by: Person | None
) -> HandOver | None:
    """The finding moved on, so that an offer of it means nothing any more. The caller holds the
    finding's lock. `because` is a sentence for the timeline."""
    if not finding.offers.open().exists():
        return None
    return _end(finding, Outcome.OVERTAKEN, because, at, by)


def accept_open_offer(*, finding: Finding, at: datetime, by: Person) -> HandOver:
    """Marks the offer as accepted; `acknowledge.accept_offer` does the rest."""
    return _end(finding, Outcome.ACCEPTED, "", at, by)


def _end(
    finding: Finding, outcome: HandOver.Outcome, because: str, at: datetime, by: Person | None
) -> HandOver:
    offer = finding.offers.open().get()
    offer.ended_at, offer.outcome = at, outcome
    offer.ended_by, offer.ended_because = by, because.strip()
    offer.save()
    record(
        finding=finding,
        kind=Event.Kind.OFFER_ENDED,
        by=by,
        at=at,
        outcome=outcome,
        to=str(offer.receiver),
        because=offer.ended_because,
        **_for_whom(offer, by),
    )
    return offer


def _for_whom(offer: HandOver, by: Person | None) -> dict[str, str]:
    """The other side answers for whoever was asked; everybody else for the owner."""
    if offer.outcome not in (Outcome.ACCEPTED, Outcome.REFUSED):
        return {}
    return {"on_behalf_of": on_behalf_of(offer.to_person, by)}
