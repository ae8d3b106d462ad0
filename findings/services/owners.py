"""Whose a finding can be: the team that somebody answers through."""

from findings.models import Person, Role, Team
from findings.rules import NotAllowed


def team_of(person: Person) -> Team | None:
    """The clinical team or practice that a person's findings go through."""
    return (
        Team.objects.filter(memberships__person=person, kind__in=Team.CLINICAL)
        .order_by("pk")
        .first()
    )


def somebody_answers_in(team: Team) -> bool:
    """Whether anybody who works here now may answer what the team holds."""
    people = Person.objects.active().with_role(Role.REFERRER)
    return people.filter(memberships__team=team).exists()


def team_to_hold(person: Person) -> Team:
    """The team of somebody who may become the owner. Raises `NotAllowed` where they may not."""
    team = team_of(person)
    if team is None or not person.has_role(Role.REFERRER):
        raise NotAllowed(f"{person} is not a referring clinician with a team who works here now.")
    return team
