"""FHIR as a RIS writes it, and calling /fhir/R4/ as somebody."""

import base64
import json
from typing import Any

from rest_framework.test import APIClient

BASE = "/fhir/R4"
REPORTS, TASKS = f"{BASE}/DiagnosticReport", f"{BASE}/Task"
NHS, GMC = "https://fhir.nhs.uk/Id/nhs-number", "https://fhir.hl7.org.uk/Id/gmc-number"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
TEXT = "Nodule of 14 mm in the right upper lobe."
TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
SECTIONS = "http://terminology.hl7.org/CodeSystem/v2-0074"


def form(text: str, kind: str = "text/plain") -> dict[str, Any]:
    return {"contentType": kind, "data": base64.b64encode(text.encode()).decode()}


def accession(value: str) -> dict[str, Any]:
    return {
        "type": {"coding": [{"system": TYPES, "code": "ACSN"}]},
        "system": "https://ris.example/accession",
        "value": value,
    }


def patient(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": NHS, "value": "9990000018"}],
        "name": [{"use": "official", "family": "ALDER", "given": ["Ann"]}],
        "gender": "female",
        "birthDate": "1950-02-12",
        **changes,
    }


def request(number: str = "A1", requester: str = "C0000001", **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": "r",
        "identifier": [accession(number)],
        "status": "completed",
        "intent": "order",
        "subject": {"reference": "#p"},
        "requester": {"type": "Practitioner", "identifier": {"system": GMC, "value": requester}},
        **changes,
    }


def report(number: str = "A1", **changes: Any) -> dict[str, Any]:
    """One report with its patient and request inside. `None` leaves an element out."""
    given = {
        "resourceType": "DiagnosticReport",
        "contained": [patient(), request(number)],
        "identifier": [{"system": "https://ris.example/report", "value": f"R-{number}"}],
        "basedOn": [{"reference": "#r"}],
        "status": "final",
        "category": [{"coding": [{"system": SECTIONS, "code": "RAD"}]}],
        "code": {"text": "XR Chest"},
        "subject": {"reference": "#p"},
        "issued": "2026-06-30T14:30:00+01:00",
        "presentedForm": [form(TEXT)],
    }
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def send(
    client: APIClient, resource: Any, address: str = REPORTS, how: str = "POST", **headers: str
) -> Any:
    return client.generic(
        how, address, json.dumps(resource), content_type="application/fhir+json", headers=headers
    )


def issue(answer: Any) -> tuple[int, str]:
    """The status, and the element that the first issue names."""
    said = answer.json()
    assert said["resourceType"] == "OperationOutcome", said
    assert all(one["diagnostics"] and one["severity"] for one in said["issue"])
    return answer.status_code, said["issue"][0].get("expression", [""])[0]


def elsewhere(resource: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The resource with this at this path, as in "subject.identifier.0.value"."""
    changed = json.loads(json.dumps(resource))
    *way, last = (int(part) if part.isdecimal() else part for part in path.split("."))
    place = changed
    for part in way:
        place = place[part]
    place[last] = value
    return changed
