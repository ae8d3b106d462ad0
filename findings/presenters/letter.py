"""The letter to the patient: whom to contact, and never what was found.

Somebody else may open it, and nobody should learn of an illness from an envelope. So it names
neither the finding, nor its category, nor what kind of examination it was, nor a specialty.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from findings import words
from findings.models import Finding, Person


@dataclass(frozen=True)
class Letter:
    """A letter ready to print."""

    name: str
    site: str
    on: str
    greeting: str
    paragraphs: Sequence[str]


def patient_letter(finding: Finding, now: datetime) -> Letter:
    """What the patient of this finding is written."""
    patient, site = finding.examination.patient, finding.site.name
    performed_at = finding.examination.performed_at
    when = f" on {words.day(words.local(performed_at).date())}" if performed_at else ""
    name = f"{patient.given_name} {patient.family_name}".strip()
    return Letter(
        name=name,
        site=site,
        on=words.day(words.local(now).date()),
        greeting=f"Dear {name}",
        paragraphs=(
            f"You had an examination at {site}{when}.",
            "We check that everybody hears about their examination from the team that asked for"
            " it. We have no record yet that somebody has talked with you.",
            f"Please contact {_whom(finding)}. Say that you have had this letter, and give the"
            f" reference {finding.reference}.",
            "If somebody has talked with you about it already, you do not need to do anything.",
            "If you feel unwell, do not wait for an answer: call NHS 111, or 999 in an emergency.",
        ),
    )


def _whom(finding: Finding) -> str:
    """The person who holds it or asked for it, with a telephone where we know one."""
    person = finding.owner_person or finding.examination.requested_by
    if person is None or not person.is_active:
        return "the doctor or nurse who asked for your examination, or your GP practice"
    return f"the team of {person}{_telephone(person)}"


def _telephone(person: Person) -> str:
    return f", telephone {person.phone}" if person.phone else ""
