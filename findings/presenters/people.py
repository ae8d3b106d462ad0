"""What the pages of the directory say: what becomes of somebody's findings, and of their duties."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import F

from findings import reach
from findings.models import Audience, Finding, Membership, Person, Team, names
from findings.services.leavers import findings_held_by
from findings.services.timeline import database_now
from findings.timetable import PlannedStep

Duty = Membership.Duty


@dataclass(frozen=True)
class Moving:
    """One open finding of somebody who leaves, and where it goes."""

    finding: Finding
    team: Team
    # Whom the team's message reaches; empty: nobody, and then the ladder climbs at once.
    told: str


def what_moves(person: Person) -> list[Moving]:
    """Their open findings, the least time left first, each with its team and whom it reaches."""
    held = findings_held_by(person).for_list().order_by(F("due_at").asc(nulls_last=True), "pk")
    found = list(held.select_related("category", "team", "flagged_by", "organisation"))
    told = {finding.team_id: finding for finding in found}
    known = {team_id: _told(finding, person) for team_id, finding in told.items()}
    return [Moving(finding, finding.team, known[finding.team_id]) for finding in found]


def _told(finding: Finding, leaver: Person) -> str:
    """By the function that the engine asks."""
    subject = replace(reach.Subject.of(finding), owner_person=None, owner_team=finding.team)
    step = PlannedStep(0, database_now(), Audience.OWNER, "")
    (shown,) = reach.preview(subject, [step])
    return names(
        one.person
        for one in shown.recipients
        if not one.unreachable_because and one.person.pk != leaver.pk
    )


def duties_left(person: Person) -> Sequence[str]:
    """What nobody else does when they have gone, in sentences."""
    places = person.memberships.select_related("team").exclude(duty=Duty.MEMBER)
    return [
        f"{place.team} has no other {Duty(place.duty).label.lower()} who works here."
        for place in places
        if not Membership.objects.filter(
            team=place.team, duty=place.duty, person__is_active=True
        ).exclude(person=person)
    ]
