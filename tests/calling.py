"""Calling the JSON API as somebody."""

from typing import Any

from knox.models import AuthToken
from rest_framework.test import APIClient

from findings.models import (
    Person,
)

REPORTS = "/api/v1/reports/"
FINDINGS = "/api/v1/findings/"
TEXT = "Nodule of 14 mm in the right upper lobe."


def calling(person: Person) -> APIClient:
    """With a token of their own."""
    _, token = AuthToken.objects.create(person)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def body(**changes: Any) -> dict[str, Any]:
    given = {
        "accession": "A1",
        "status": "final",
        "reported_at": "2026-06-30T14:30:00+01:00",
        "text": TEXT,
        "patient": {
            "nhs_number": "999 000 0018",
            "family_name": "ALDER",
            "given_name": "Ann",
            "birth_date": "1950-02-12",
            "sex": "F",
        },
        "modality": "DX",
        "examination_description": "XR Chest",
    }
    return {**given, **changes}


def post(client: APIClient, given: Any, **headers: str) -> Any:
    return client.post(REPORTS, given, format="json", headers=headers)
