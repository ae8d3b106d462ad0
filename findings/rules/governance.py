"""Who may read what was kept and not kept, and draft what will hold."""

from findings.models import (
    Person,
    Role,
)
from findings.rules.common import as_answer, require


def check_can_see_measures(person: Person) -> None:
    require(
        person.has_role(Role.GOVERNANCE, Role.COORDINATOR),
        "Measures are for governance leads and coordinators.",
    )


def check_can_load_deprivation(person: Person) -> None:
    require(
        person.has_role(Role.GOVERNANCE, Role.ADMINISTRATOR),
        "Deciles of deprivation are loaded by governance leads and administrators.",
    )


def check_can_make_papers(person: Person) -> None:
    """The board paper, the audit, and the pack of a case."""
    require(person.has_role(Role.GOVERNANCE), "Papers are made by governance leads.")


def check_can_make_weekly_list(person: Person) -> None:
    require(
        person.has_role(Role.GOVERNANCE, Role.COORDINATOR),
        "Papers are for governance leads and coordinators.",
    )


def check_can_see_lab(person: Person) -> None:
    """Drafts of policy, and how each would have done."""
    require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR),
        "Drafts of policy are for coordinators, governance and administrators.",
    )


def check_can_draft_policy(person: Person) -> None:
    """Make drafts of local rules, replay them, and sign them."""
    require(
        person.has_role(Role.GOVERNANCE, Role.ADMINISTRATOR),
        "Only a governance lead or an administrator can change the policy.",
    )


def check_can_see_recommendations(person: Person) -> None:
    """Where the trust stands with what national bodies recommend."""
    require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR),
        "National recommendations are for coordinators, governance and administrators.",
    )


def check_can_keep_recommendations(person: Person) -> None:
    """Say where it stands, and report it."""
    require(
        person.has_role(Role.GOVERNANCE),
        "Only a governance lead can say where the trust stands with a recommendation.",
    )


can_load_deprivation = as_answer(check_can_load_deprivation)
can_make_papers = as_answer(check_can_make_papers)
can_draft_policy = as_answer(check_can_draft_policy)
can_keep_recommendations = as_answer(check_can_keep_recommendations)
