"""Every change of people and teams leaves a line: who made it, from what to what.

Each writer notes its own, in the transaction of its deed, as rotas, routing rules, senders and bank
holidays do in tables of theirs. Saying the same again leaves none.
"""

from typing import Any

from findings.models import DirectoryChange, Membership, Person, Role, Team

STAFF_LIST = "staff list"


def note(
    about: Person | Team,
    what: str,
    before: object,
    after: object,
    *,
    by: Person | None,
    team: Team | None = None,
    source: str = "",
) -> None:
    """`team`: where it is about somebody's place in it."""
    was, now = in_words(before), in_words(after)
    if was == now:
        return
    person = about if isinstance(about, Person) else None
    DirectoryChange.objects.create(
        organisation_id=about.organisation_id,
        person=person,
        team=about if isinstance(about, Team) else team,
        what=what,
        before=was,
        after=now,
        by=by,
        source=source,
    )


def note_place(
    person: Person,
    team: Team,
    before: str | None,
    after: str | None,
    *,
    by: Person | None,
    source: str = "",
) -> None:
    """Somebody joined a team, left it, or has another duty there; None: not in it."""
    was, now = (Membership.Duty(duty).label if duty else "" for duty in (before, after))
    note(person, f"Team {team}"[:60], was, now, by=by, team=team, source=source)


def in_words(value: Any) -> str:
    """Roles by their names; what is empty is empty."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(sorted(Role(one).label for one in value))
    return "" if value is None else str(value)


# Fields of people and teams as the page names them.
NAMES = {
    "username": "Sign-in name",
    "title": "Title",
    "given_name": "Given name",
    "family_name": "Family name",
    "job_title": "Job",
    "professional_code": "Professional code",
    "email": "E-mail address",
    "phone": "Telephone",
    "organisation": "Organisation",
    "site": "Site",
    "roles": "Roles",
    "name": "Name",
    "kind": "Kind",
    "location_code": "Location code",
}
