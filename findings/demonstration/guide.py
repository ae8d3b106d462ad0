"""Whom to sign in as, and what each of them has to look at."""

from typing import NamedTuple

from findings.models import Person

# Of everybody. Whoever may see it here may also sign in as anybody with one press.
PASSWORD = "demonstration"  # noqa: S105

# (sign-in name, what to look at)
WORTH_SEEING = (
    (
        "sunita.rao",
        "Reports of Calderwick Royal: confirm what an alert code proposes, or flag a finding in one"
        " of today's.",
    ),
    ("tomasz.wieczorek", "His flags at Harrowmere: who has answered, and who has not."),
    ("fiona.buchanan", "A critical finding waits for her: acknowledge it or decline it."),
    ("margaret.ashworth", "Her own findings, and those of her team that reached her unanswered."),
    ("rebecca.thornley", "A practice's findings: one acknowledged and then forgotten."),
    ("duncan.mcallister", "His e-mail address refuses mail, so messages reach him in here only."),
    (
        "denise.farrow",
        "The desk: what needs a person now, whom to ring, and the shift to hand over. Everything"
        " that is open, patients who died or were transferred, and held messages.",
    ),
    (
        "shabnam.iqbal",
        "An imaging manager: examinations that wait for a report, some of them late.",
    ),
    ("angela.merriweather", "Governance: what is open, late and with whom, by category and site."),
    ("imani.okafor", "Two roles in one person: a radiologist who also leads governance."),
    ("neil.ogden", "The directory: people, how each can be reached, and the policy."),
)


class Guide(NamedTuple):
    """One person of the demonstration, with a sentence about what they have to look at."""

    person: Person
    role_words: str
    look_at: str


def people_to_show() -> list[Guide]:
    """About ten people for the sign-in page; none where no demonstration is loaded."""
    people = Person.objects.active().in_bulk(
        [name for name, _ in WORTH_SEEING], field_name="username"
    )
    return [
        Guide(people[name], people[name].role_words, look_at)
        for name, look_at in WORTH_SEEING
        if name in people
    ]
