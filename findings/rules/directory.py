"""Who may keep people, teams, rotas, senders, words and bank holidays."""

from findings.models import (
    Organisation,
    Person,
    Role,
    Sender,
    Site,
    Team,
)
from findings.rules.common import as_answer, require


def keeps(person: Person, other: Person) -> bool:
    """Whether they keep the directory in which the other stands: of their own trust, or of a
    practice, which has no coordinator of its own."""
    return person.has_role(Role.COORDINATOR, Role.ADMINISTRATOR) and (
        person.organisation_id == other.organisation_id
        or other.organisation.kind == Organisation.Kind.PRACTICE
    )


def check_can_let_leave(person: Person, leaver: Person) -> None:
    require(
        keeps(person, leaver),
        "Only a coordinator or administrator of their own trust can let somebody leave.",
    )
    require(person.pk != leaver.pk, "Somebody else must record that you leave.")


def check_can_set_leave(person: Person, away: Person) -> None:
    """Enter it, or cancel it."""
    require(
        person.pk == away.pk or keeps(person, away),
        "Only the person who is away or a coordinator or administrator can change their leave.",
    )


def check_can_keep_routes(person: Person, of: Person) -> None:
    """How somebody is told: their own, or by an administrator."""
    require(
        person.pk == of.pk or (person.has_role(Role.ADMINISTRATOR) and keeps(person, of)),
        "Only the person themselves or an administrator can change how they are told.",
    )


def check_can_import_people(person: Person) -> None:
    require(person.has_role(Role.ADMINISTRATOR), "Only an administrator can import people.")


def check_can_see_people(person: Person) -> None:
    require(
        person.has_role(Role.ADMINISTRATOR, Role.COORDINATOR, Role.GOVERNANCE),
        "This page is for administrators, coordinators and governance.",
    )


def check_can_route(person: Person, organisation: Organisation) -> None:
    """See and change which team holds what the order leads to nobody for."""
    require(
        person.has_role(Role.COORDINATOR, Role.ADMINISTRATOR)
        and person.organisation_id == organisation.pk,
        "Routing rules are kept by coordinators and administrators of the trust.",
    )


def check_can_see_wordings(person: Person) -> None:
    """Every kind of message as it would be sent."""
    require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR),
        "How messages are worded is for coordinators, governance and administrators.",
    )


def check_can_word_messages(person: Person, organisation: Organisation) -> None:
    """Word what is sent to everybody: who answers for the policy, and who keeps the directory."""
    require(
        person.has_role(Role.GOVERNANCE, Role.ADMINISTRATOR)
        and person.organisation_id == organisation.pk,
        "Messages are worded by governance leads and administrators of the trust.",
    )


def check_can_keep_senders(person: Person) -> None:
    """See and change how the messages of the trust's senders are read."""
    require(
        person.has_role(Role.COORDINATOR, Role.ADMINISTRATOR),
        "Senders are kept by coordinators and administrators.",
    )


def check_can_keep_sender(person: Person, sender: Sender) -> None:
    check_can_keep_senders(person)
    require(
        person.organisation_id == sender.organisation_id,
        "Only a coordinator or administrator of its trust can change how a sender is read.",
    )


def check_can_set_up_sender(person: Person, site: Site) -> None:
    check_can_keep_senders(person)
    require(
        person.organisation_id == site.organisation_id,
        "Only a coordinator or administrator of its trust can set a sender up at a site.",
    )


def check_can_keep_rotas(person: Person) -> None:
    """See and change posts and rotas at all."""
    require(
        person.has_role(Role.COORDINATOR, Role.ADMINISTRATOR),
        "Rotas are kept by coordinators and administrators.",
    )


def check_can_keep_rota(person: Person, team: Team) -> None:
    """Posts and rotas of this team: of their own trust."""
    check_can_keep_rotas(person)
    require(
        person.organisation_id == team.organisation_id,
        "Only a coordinator or administrator of its trust can change a rota.",
    )


def check_can_keep_calendar(person: Person) -> None:
    require(person.has_role(Role.ADMINISTRATOR), "Only an administrator can change bank holidays.")


can_keep_senders = as_answer(check_can_keep_senders)
can_keep_calendar = as_answer(check_can_keep_calendar)
can_keep_routes = as_answer(check_can_keep_routes)
can_import_people = as_answer(check_can_import_people)
can_see_people = as_answer(check_can_see_people)
can_let_leave = as_answer(check_can_let_leave)
can_set_leave = as_answer(check_can_set_leave)
can_route = as_answer(check_can_route)
can_word_messages = as_answer(check_can_word_messages)
can_keep_rotas = as_answer(check_can_keep_rotas)
can_keep_rota = as_answer(check_can_keep_rota)
