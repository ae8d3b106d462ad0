"""Somebody stops working here, or in a team: nothing stays with them in silence.

Their open findings go to the team at once, and the team must answer anew. No limit is moved: an
answer that is still awaited is due when it was, and the limit to act still counts from the flag.
Whoever only leaves a team takes along what they hold through another.
"""

import logging
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from findings import doorbell
from findings.models import Finding, HandOver, Membership, Person, Team
from findings.models.finding import FindingQuerySet
from findings.rules import NotAllowed, check_can_let_leave
from findings.services.acknowledge import change_hands
from findings.services.clocks import tell_owner_now
from findings.services.directory_trail import note, note_place
from findings.services.offer import end_open_offer
from findings.services.one_by_one import pass_over
from findings.services.timeline import database_now, lock, moment
from findings.words import day, local

log = logging.getLogger(__name__)
# Of a goodbye that meets a flag.
TRIES = 3
LEFT = "the owner has left, and the team holds it"
ELSEWHERE = "the owner has left the team, which holds it"


def findings_held_by(person: Person) -> FindingQuerySet:
    """What will move when they go, each to its `team`."""
    return Finding.objects.open().filter(owner_person=person).order_by("pk")


def say_goodbye(
    *, person: Person, by: Person | None, because: str, at: datetime | None = None
) -> list[Finding]:
    """Switch somebody off, and give each open finding of theirs to its team, all or nothing.

    `by` None: the day of leaving has come. Returns the findings that moved.
    """
    if not because.strip():
        raise ValueError("Leaving needs a reason.")
    if by is not None:
        check_can_let_leave(by, person)
    for _ in range(TRIES - 1):
        try:
            return _say_goodbye(person, by, because.strip(), at)
        except IntegrityError:
            # Refused at commit: something was flagged to them at this very moment.
            if connection.in_atomic_block:
                raise
    return _say_goodbye(person, by, because.strip(), at)


@transaction.atomic
def _say_goodbye(
    person: Person, by: Person | None, because: str, at: datetime | None
) -> list[Finding]:
    # Findings first, as everywhere.
    held = [lock(finding) for finding in findings_held_by(person)]
    now = at or moment(*held)
    Person.objects.filter(pk=person.pk).update(
        is_active=False, left_at=Coalesce("left_at", now), leaving_because=because
    )
    note(person, "Works here", person.is_active or None, f"No: {because}", by=by)
    because = f"{person} no longer works here: {because}"
    moved = [one for one in held if _give_to_team(one, person, by, because, LEFT, now)]
    _end_offers_to(person, at, by)
    doorbell.look_again_after_commit()
    return moved


def _give_to_team(
    finding: Finding, person: Person, by: Person | None, because: str, words: str, at: datetime
) -> bool:
    """The caller holds the lock. False where somebody else took it meanwhile, or it ended."""
    if not finding.is_open or finding.owner_person_id != person.pk:
        return False
    change_hands(
        finding=finding,
        to=None,
        team=finding.team,
        because=because,
        offer_ends=f"{person} left.",
        at=at,
        by=by,
    )
    # The ladder above the team goes on as it was promised.
    tell_owner_now(finding=finding, words=words, at=at)
    return True


def _end_offers_to(person: Person, at: datetime | None, by: Person | None) -> None:
    """What was offered to them stays with whoever offered it, who hears of it at once."""
    offers = HandOver.objects.open().filter(to_person=person).order_by("finding")
    for offer in offers.select_related("finding"):
        finding = lock(offer.finding)
        now = at or moment(finding)
        if end_open_offer(finding=finding, because=f"{person} left.", at=now, by=by):
            tell_owner_now(finding=finding, words="whom you asked has left", at=now)


def findings_held_through(team: Team, person: Person) -> FindingQuerySet:
    """What stays with the team when this person is not in it any more."""
    return findings_held_by(person).filter(team=team)


@transaction.atomic
def leave_team(
    *, person: Person, team: Team, by: Person | None, at: datetime | None = None
) -> list[Finding]:
    """End somebody's place in a team. Returns the findings that stayed behind with it."""
    held = [lock(finding) for finding in findings_held_through(team, person)]
    at = at or moment(*held)
    place = Membership.objects.filter(person=person, team=team)
    note_place(person, team, place.values_list("duty", flat=True).first(), None, by=by)
    place.delete()
    because = f"{person} is not in {team} any more."
    doorbell.look_again_after_commit()
    return [one for one in held if _give_to_team(one, person, by, because, ELSEWHERE, at)]


def plan_goodbye(*, person: Person, by: Person | None, last_day: date, because: str) -> None:
    """They work here to the end of this local day; the engine says goodbye after it."""
    if not because.strip():
        raise ValueError("Leaving needs a reason.")
    if by is not None:
        check_can_let_leave(by, person)
    if last_day < local(database_now()).date():
        raise ValueError("The last day is in the past. Let the person leave now.")
    with transaction.atomic():
        note(person, "Last day", day(person.leaves_on), f"{day(last_day)}: {because}", by=by)
        Person.objects.filter(pk=person.pk).update(
            leaves_on=last_day, leaving_because=because.strip()
        )


def welcome_back(*, person: Person, by: Person | None) -> None:
    """They work here, now and until somebody says otherwise. Findings stay with the teams."""
    if by is not None and by.pk == person.pk:
        raise NotAllowed("Somebody else must record that you are back.")
    if by is not None:
        check_can_let_leave(by, person)
    with transaction.atomic():
        note(person, "Works here", person.is_active, True, by=by)
        note(person, "Last day", day(person.leaves_on), "", by=by)
        Person.objects.filter(pk=person.pk).update(
            is_active=True, left_at=None, leaves_on=None, leaving_because=""
        )
    doorbell.look_again_after_commit()


# --- Each round --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settled:
    """What one round did."""

    people: int = 0
    findings: int = 0
    failed: int = 0


def settle_leavers() -> Settled:
    """Whoever's last day is over leaves; whoever was switched off by any other way (the
    directory, an import, SQL) leaves nothing behind. One person's error stops no other."""
    people = moved = failed = 0
    for person in [*_due(), *_left_something()]:
        try:
            because = person.leaving_because or "switched off in the directory."
            moved += len(say_goodbye(person=person, by=None, because=because))
            people += 1
        except Exception as error:
            pass_over(log, "leaver not settled", error, person=person.pk)
            failed += 1
    return Settled(people, moved, failed)


def _due() -> QuerySet[Person]:
    return Person.objects.active().filter(leaves_on__lt=local(database_now()).date()).order_by("pk")


def _left_something() -> QuerySet[Person]:
    holders = Finding.objects.owner_left().values("owner_person")
    offered = HandOver.objects.open().filter(to_person__is_active=False).values("to_person")
    return Person.objects.filter(pk__in=holders.union(offered)).order_by("pk")
