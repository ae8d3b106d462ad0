"""What every rule is made of: whose a finding is, and how a rule says no."""

from collections.abc import Callable, Collection
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models.functions import Now
from django.utils import timezone

from findings.models import (
    Clock,
    Finding,
    Pause,
    Person,
    Role,
)
from findings.models.cover import covered_by
from findings.states import ClockKind, MoveRefused


class NotAllowed(PermissionDenied):
    """This person may not do this. The message is a sentence for them; a page that lets it through
    as_answer 403 with it."""


Refused = (NotAllowed, MoveRefused)


def as_answer(check: Callable[..., None]) -> Callable[..., bool]:
    def can(*args: object, **kwargs: object) -> bool:
        try:
            check(*args, **kwargs)
        except Refused:
            return False
        return True

    return can


def holds(
    person: Person,
    finding: Finding,
    *,
    teams: Collection[int] | None = None,
    covers: Collection[int] | None = None,
) -> bool:
    """Whether it is this person's own, their team's, or of somebody on leave for whom they stand
    in: who may answer for it.

    Who asks for many people has read their teams and whom they stand in for (ids) already.
    """
    if not person.has_role(Role.REFERRER):
        return False
    theirs = person.team_ids() if teams is None else teams
    if person.pk == finding.owner_person_id or bool(
        {finding.team_id, finding.owner_team_id} & set(theirs)
    ):
        return True
    if covers is None:
        covers = covered_by(person, timezone.localdate())
    return finding.owner_person_id in covers


def oversees(person: Person, finding: Finding) -> bool:
    """Whether this person coordinates, or leads governance in, the finding's organisation."""
    return (
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE)
        and person.organisation_id == finding.organisation_id
    )


def require(allowed: bool, sentence: str) -> None:
    if not allowed:
        raise NotAllowed(sentence)


def has_open(rows: Any, kind: str = "") -> bool:
    """Of a finding's offers, questions and the like. A page has read them already; so do the rules
    of all its answers ask them in Python, and not the database again."""
    return any(one.is_open and (not kind or one.kind == kind) for one in rows.all())


def running_clocks(finding: Finding, kind: ClockKind) -> list[Clock]:
    return [one for one in finding.clocks.all() if one.is_running and one.kind == kind]


def is_paused(finding: Finding, kind: Pause.Kind) -> bool:
    still = finding.pauses.open().filter(kind=kind, until_at__gt=Now())
    return has_open(finding.pauses, kind) and still.exists()
