"""How somebody stands to a finding: why they are told of it, whether they can answer it, and
whether they were told.

Why and whether they can answer is read once for all the messages that are written together, with
one query for each thing to know.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cached_property

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from findings.models import (
    Examination,
    Finding,
    Improvement,
    Membership,
    Person,
    Role,
    RotaEntry,
    Site,
    Team,
)
from findings.models.cover import away_on, stand_in
from findings.rules import can_answer_proposals_of, holds, may_answer_questions_of
from findings.services.leave import leave_at
from findings.words import day
from notifications.models import Notification

Duty = Membership.Duty
OF_THE_TEAM = "the team that sees to it that examinations are reported"


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
        self._teams: dict[int, int] = {}

    def why(self, subject: Finding | Examination | Improvement, person: Person) -> str:
        """Why they are told of it: "you are the …", for a message. Names no team."""
        if isinstance(subject, Finding):
            return self._why_finding(subject, person)
        if isinstance(subject, Improvement):
            return self._why_improvement(subject, person)
        return self._why_wait(subject, person)

    def _why_improvement(self, improvement: Improvement, person: Person) -> str:
        if person.pk == improvement.owner_id:
            return "you own this improvement"
        if improvement.owner_id in self._covers[person.pk]:
            return "you stand in for whoever owns this improvement, who is on leave"
        if person.has_role(Role.GOVERNANCE):
            return f"you are a {Role.GOVERNANCE.label.lower()} of the trust"
        return "you owned this improvement when it was sent"

    def _why_wait(self, examination: Examination, person: Person) -> str:
        """Of whoever hears that an examination waits for its report."""
        team = self._hears_of(examination.site)
        duty = self._duties[person.pk].get(team, "")
        if duty == Duty.DIRECTOR:
            return f"you are the {Duty(duty).label.lower()} of {OF_THE_TEAM}"
        if duty:
            return f"you are a member of {OF_THE_TEAM}"
        if team in self._teams_stood_in_for[person.pk]:
            return f"you stand in for a member of {OF_THE_TEAM}, who is on leave"
        return _why_role(person, "you were in the team that sees to its report")

    def why_confirm(self, examination: Examination, person: Person) -> str:
        """Why they hear that an alert code of its report waits for an answer."""
        report = examination.current_report
        if report and report.reported_by_id == person.pk:
            return "you reported this examination"
        if can_answer_proposals_of(person, examination):
            return "you are a radiologist of the site where the images were made"
        return _why_role(person, "you stand in for somebody who is told of it")

    def why_question(self, finding: Finding, person: Person) -> str:
        """Why they hear that a question about it waits."""
        if person.pk == finding.flagged_by_id:
            return "you flagged this finding"
        if may_answer_questions_of(person, finding):
            return "you are a radiologist of the site where the images were made"
        return self._why_finding(finding, person)

    def _why_finding(self, finding: Finding, person: Person) -> str:
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
        return _why_role(person, "you held this finding when it was sent")

    def can_answer(self, finding: Finding, person: Person) -> bool:
        """Whether they can answer themselves; who cannot is asked to see that somebody does."""
        teams, covers = self._duties[person.pk], self._covers[person.pk]
        return holds(person, finding, teams=teams, covers=covers)

    def _hears_of(self, site: Site) -> int:
        """The team that is told of what waits there for its report; 0: none."""
        if site.pk not in self._teams:
            found = Team.objects.told_of_waiting([site]).get(site.pk)
            self._teams[site.pk] = found.pk if found else 0
        return self._teams[site.pk]

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
    def _teams_stood_in_for(self) -> dict[int, set[int]]:
        """By person: the teams of those on leave for whom they stand in."""
        here = {absent: person for person in self._people for absent in self._covers[person]}
        found: dict[int, set[int]] = defaultdict(set)
        rows = Membership.objects.filter(person__in=here)
        for absent, team in rows.values_list("person", "team"):
            found[here[absent]].add(team)
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


def _why_role(person: Person, otherwise: str) -> str:
    for role in (Role.COORDINATOR, Role.GOVERNANCE):
        if person.has_role(role):
            return f"you are a {role.label.lower()} of the trust that made the images"
    return otherwise


def told_by(steps: Collection[int]) -> dict[int, list[str]]:
    """Answers `findings.told.told_by`: by any way is told, whatever became of the others."""
    rows = Notification.objects.filter(step__in=steps).select_related("recipient")
    became: dict[tuple[int, Person], set[str]] = defaultdict(set)
    for row in rows.order_by("recipient__family_name", "recipient__given_name", "pk"):
        became[row.step_id, row.recipient].add(row.status)
    names: dict[int, list[str]] = defaultdict(list)
    for (step, person), statuses in became.items():
        names[step].append(f"{person}{_unless_sent(statuses)}")
    return names


def _unless_sent(statuses: set[str]) -> str:
    Status = Notification.Status
    if Status.SENT in statuses:
        return ""
    return " (being sent)" if statuses & {Status.QUEUED, Status.SENDING} else " (not delivered)"
