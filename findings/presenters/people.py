"""What the pages of the directory say: what becomes of somebody's findings, and of their duties."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from findings import reach
from findings.models import Audience, Finding, Membership, Person, Team, names
from findings.services.leavers import findings_held_by
from findings.timetable import PlannedStep

Duty = Membership.Duty


@dataclass(frozen=True)
class Moving:
    """One open finding of somebody who leaves, and where it goes."""

    finding: Finding
    team: Team
    # Whom the team's message reaches; empty: nobody, and then the ladder climbs at once.
    told: str


@dataclass(frozen=True)
class WhatMoves:
    """Their open findings, the least time left first, and what is to be asked of each team."""

    findings: Sequence[Finding]

    @cached_property
    def _teams(self) -> dict[int, reach.Subject]:
        return {one.team_id: _as_of_the_team(one) for one in self.findings}

    @property
    def asks(self) -> list[reach.Ask]:
        step = PlannedStep(0, timezone.now(), Audience.OWNER, "")
        return [(subject, [step]) for subject in self._teams.values()]

    def told(self, answers: Sequence[Sequence[reach.StepPreview]]) -> list[Moving]:
        """Each with its team and whom that reaches once they have gone: by the function that the
        engine asks."""
        of_team = {
            team: names(reach.told(shown))
            for team, (shown,) in zip(self._teams, answers, strict=True)
        }
        return [Moving(one, one.team, of_team[one.team_id]) for one in self.findings]


def what_moves(person: Person) -> WhatMoves:
    held = findings_held_by(person).for_list().order_by(F("due_at").asc(nulls_last=True), "pk")
    return WhatMoves(list(held.select_related("category", "team", "flagged_by", "organisation")))


def _as_of_the_team(finding: Finding) -> reach.Subject:
    return replace(reach.Subject.of(finding), owner_person=None, owner_team=finding.team)


def duties_left(person: Person) -> Sequence[str]:
    """What nobody else does when they have gone, in sentences."""
    places = person.memberships.select_related("team").exclude(duty=Duty.MEMBER)
    others = Membership.objects.filter(
        team=OuterRef("team"), duty=OuterRef("duty"), person__is_active=True
    ).exclude(person=person)
    return [
        f"{place.team} has no other {Duty(place.duty).label.lower()} who works here."
        for place in places.filter(~Exists(others))
    ]
