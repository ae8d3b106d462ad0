"""How somebody stands to a finding: why they are told of it, whether they can answer it, and
whether they were told.

Why and whether they can answer is read once for all the messages that are written together, with
one query for each thing to know.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from findings.models import Finding, Membership, Person, Role, RotaEntry
from findings.models.cover import away_on, stand_in
from findings.rules import holds
from findings.services.leave import leave_at
from findings.words import day
from notifications.models import Notification

Duty = Membership.Duty


def told_since(person_id: int, since: datetime) -> Q:
    """Answers `findings.told.told_since`, for each finding through its index."""
    messages = Notification.objects.filter(
        finding=OuterRef("pk"), recipient=person_id, created_at__gte=since
    )
    return Q(Exists(messages.went_or_may_have_gone()))


class Standing:
    """Of these people, to any finding, at this moment."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._people = {person.pk for person in people}

    def why(self, finding: Finding, person: Person) -> str:
        """Why they are told of it: "you are the …", for a message. Names no team."""
        if person.pk == finding.owner_person_id:
            return "you hold this finding"
        if finding.owner_person_id in self._covers[person.pk]:
            return _why_stand_in(finding)
        duty = self._duties[person.pk].get(finding.team_id, "")
        if duty in (Duty.RESPONSIBLE, Duty.DIRECTOR):
            return f"you are the {Duty(duty).label.lower()} of the team that holds this finding"
        if duty and (finding.team_id, person.pk) in self._on_rota:
            return "you are on the rota of the team that holds this finding"
        if duty or finding.owner_team_id in self._duties[person.pk]:
            return "you are a member of the team that holds this finding"
        if person.pk == finding.flagged_by_id:
            return "you flagged this finding"
        return _why_role(person)

    def can_answer(self, finding: Finding, person: Person) -> bool:
        """Whether they can answer themselves; who cannot is asked to see that somebody does."""
        teams, covers = self._duties[person.pk], self._covers[person.pk]
        return holds(person, finding, teams=teams, covers=covers)

    @cached_property
    def _duties(self) -> dict[int, dict[int, str]]:
        """By person: the teams that they are in, and their duty there."""
        found: dict[int, dict[int, str]] = defaultdict(dict)
        rows = Membership.objects.filter(person__in=self._people)
        for person, team, duty in rows.values_list("person", "team", "duty"):
            found[person][team] = duty
        return found

    @cached_property
    def _covers(self) -> dict[int, set[int]]:
        """By person: those on leave for whom they stand in."""
        away = away_on(timezone.localdate())
        found: dict[int, set[int]] = defaultdict(set)
        for absent in away:
            here = stand_in(absent, away)
            if here is not None:
                found[here].add(absent)
        return found

    @cached_property
    def _on_rota(self) -> set[tuple[int, int]]:
        """Team and person."""
        now = timezone.now()
        on = RotaEntry.objects.between(now, now).filter(person__in=self._people)
        return set(on.values_list("post__team", "person"))


def _why_stand_in(finding: Finding) -> str:
    owner = finding.owner_person
    leave = leave_at(owner, timezone.now()) if owner else None
    until = f" until {day(leave.last_on)}" if leave else ""
    return f"you stand in for {owner}, who holds this finding and is on leave{until}"


def _why_role(person: Person) -> str:
    for role in (Role.COORDINATOR, Role.GOVERNANCE):
        if person.has_role(role):
            return f"you are a {role.label.lower()} of the trust that made the images"
    return "you held this finding when it was sent"
