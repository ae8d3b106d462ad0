"""The names of things: systems of identifiers and codes, and our states in FHIR's words.

National names are those that UK Core publishes. Ours begin with "urn:imaging-safety:"; they are
the same in every installation, so that a profile can name them.
"""

import re
from typing import Any

from django.conf import settings

from findings.arrivals import ArrivingStatus
from findings.models import Finding, Person, ReportStatus, Sender
from findings.states import State

Json = dict[str, Any]

VERSION = "4.0.1"
BASE_PATH = "/fhir/R4"
# Systems of identifiers.
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
# As the imaging repository's mapping spells it.
ODS_ALSO = "https://fhir.nhs.uk/Id/ods-organisation-code"
GMC = "https://fhir.hl7.org.uk/Id/gmc-number"
PROFESSIONAL_CODE = "urn:imaging-safety:professional-code"
REFERENCE = "urn:imaging-safety:finding-reference"
ACCESSION = "urn:imaging-safety:accession:"
USER = "urn:imaging-safety:user"
# Systems of codes.
IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
SECTIONS = "http://terminology.hl7.org/CodeSystem/v2-0074"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
CATEGORY = "urn:imaging-safety:category"
STATE = "urn:imaging-safety:state"
OUTPUT = "urn:imaging-safety:task-output"
ACTION = "urn:imaging-safety:action"
TOLD = "urn:imaging-safety:patient-told"
OUTCOME = "urn:imaging-safety:outcome"

# Statuses of a DiagnosticReport (a required binding) as ours. "registered" and "unknown" are not
# among them: the one has nothing to read yet, of the other nobody knows what it is.
STATUSES = {
    "partial": ArrivingStatus.PRELIMINARY,
    "preliminary": ArrivingStatus.PRELIMINARY,
    "final": ArrivingStatus.FINAL,
    "amended": ArrivingStatus.CORRECTED,
    "corrected": ArrivingStatus.CORRECTED,
    "appended": ArrivingStatus.CORRECTED,
    "cancelled": ArrivingStatus.WITHDRAWN,
    "entered-in-error": ArrivingStatus.WITHDRAWN,
}
# And ours as FHIR's, each as one of those that are read as it above.
REPORT_STATUS = {
    ReportStatus.PRELIMINARY: "preliminary",
    ReportStatus.FINAL: "final",
    ReportStatus.CORRECTED: "corrected",
    ReportStatus.WITHDRAWN: "cancelled",
}
TASK_STATUS = {
    State.AWAITING: "requested",
    State.ACKNOWLEDGED: "accepted",
    State.ACTED_ON: "in-progress",
    State.CLOSED: "completed",
    State.WITHDRAWN: "cancelled",
}
# By the priority of the category: 1 is the most severe.
TASK_PRIORITY = {1: "stat", 2: "asap", 3: "urgent", 4: "urgent"}
GENDERS = {"female": "F", "male": "M", "other": "O", "unknown": "U"}

_GMC_NUMBER = re.compile(r"[Cc]?\d{7}")


def address(path: str = "") -> str:
    """Where something is read: the absolute address, without a slash at its end."""
    return f"{settings.BASE_URL}{BASE_PATH}/{path}".rstrip("/")


def accession_system(sender: Sender) -> str:
    """Accessions are their sender's own; this names whose."""
    return f"{ACCESSION}{sender.pk}"


def concept(system: str, code: str, words: str = "") -> Json:
    coding = {"system": system, "code": code} | ({"display": words} if words else {})
    return {"coding": [coding]}


def accession_identifier(sender: Sender, accession: str) -> Json:
    return {
        "type": concept(IDENTIFIER_TYPES, "ACSN", "Accession ID"),
        "system": accession_system(sender),
        "value": accession,
    }


def practitioner(person: Person) -> Json:
    """A person of our directory, by professional code; by sign-in name where there is none."""
    code = person.professional_code
    system = GMC if _GMC_NUMBER.fullmatch(code) else PROFESSIONAL_CODE if code else USER
    identifier = {"system": system, "value": code or person.username}
    return {"type": "Practitioner", "identifier": identifier, "display": str(person)}


def owner(finding: Finding) -> Json:
    """Whoever holds it: a person, or a team by its name."""
    if finding.owner_person is not None:
        return practitioner(finding.owner_person)
    return {"type": "CareTeam", "display": str(finding.owner_team)}
