"""Reports in by the JSON API."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from findings.models import (
    Examination,
    IncomingMessage,
    Receipt,
    Report,
)
from findings.services.senders import account_of
from findings.states import State
from tests.calling import FINDINGS, REPORTS, TEXT, body, calling, post
from tests.factories import Trust, a_trust, acknowledged, flagged


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


@pytest.fixture
def ris(trust: Trust) -> APIClient:
    """The trust's RIS."""
    return calling(account_of(trust.sender))


def test_a_sender_sends_a_report(trust: Trust, ris: APIClient) -> None:
    code = trust.referrer.professional_code
    answer = post(ris, body(requester={"code": code}, site=trust.site.ods_code))
    assert answer.status_code == 201, answer.json()
    report = Report.objects.get()
    assert answer.json() == {
        "outcome": "new_report",
        "id": str(report.public_id),
        "version": 1,
        "notices": [],
    }
    assert report.reported_at.isoformat() == "2026-06-30T13:30:00+00:00"
    assert report.examination.requested_by == trust.referrer
    assert report.examination.patient.nhs_number == "9990000018"
    assert json.loads(bytes(report.message.body)) == body(
        requester={"code": code}, site=trust.site.ods_code
    ), "kept as it came"
    assert report.receipts.get().outcome == Receipt.Outcome.NEW_REPORT


def test_the_same_content_twice_is_the_same_report(ris: APIClient) -> None:
    first, again = post(ris, body()), post(ris, body())
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert (Report.objects.count(), IncomingMessage.objects.count()) == (1, 1)


def test_the_same_content_in_other_bytes_is_said_with_its_notices(ris: APIClient) -> None:
    post(ris, body())
    who = body()["patient"] | {"family_name": "ALDER-SMITH"}
    first, again = (post(ris, body(accession="A2", patient=who, modality=m)) for m in ("", "CT"))
    assert (first.status_code, again.json()["outcome"]) == (201, "duplicate")
    assert again.json()["notices"] == first.json()["notices"]
    assert "family name" in first.json()["notices"][0]


def test_a_key_stands_for_one_content(ris: APIClient) -> None:
    key = {"Idempotency-Key": "k-1"}
    assert post(ris, body(), **key).status_code == 201
    assert post(ris, body(), **key).status_code == 200
    other = post(ris, body(accession="A2"), **key)
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    assert other.json()["field"] == "Idempotency-Key"
    assert Report.objects.count() == 1


def test_a_correction_is_a_new_version_and_asks_again(trust: Trust, ris: APIClient) -> None:
    post(ris, body(requester={"code": trust.referrer.professional_code}))
    finding = acknowledged(trust, flagged(trust, examination=Examination.objects.get()))
    corrected = body(
        status="corrected", text="Other words.", reported_at="2026-06-30T16:30:00+01:00"
    )
    answer = post(ris, corrected)
    assert (answer.status_code, answer.json()["outcome"]) == (201, "new_version")
    finding.refresh_from_db()
    assert finding.state == State.AWAITING


def test_a_conflict_of_identity_says_what_to_do_and_not_who(ris: APIClient) -> None:
    post(ris, body())
    patient = {"nhs_number": "9990000018", "family_name": "BEECH", "birth_date": "1990-01-01"}
    answer = post(ris, body(accession="A2", patient=patient))
    assert answer.status_code == 409
    said = answer.json()
    assert (said["code"], said["field"]) == ("identity_conflict", "patient")
    assert said["suggestion"]
    assert not any(word in answer.content.decode() for word in ("BEECH", "ALDER", "9990000018"))
    assert Report.objects.count() == 1


def test_an_accession_of_another_patient_is_a_conflict(ris: APIClient) -> None:
    post(ris, body())
    other = body(patient={"nhs_number": "9990000026", "family_name": "BEECH"})
    answer = post(ris, other)
    assert (answer.status_code, answer.json()["field"]) == (409, "accession")


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"accession": ""}, "accession", "blank"),
        ({"accession": "A" * 81}, "accession", "max_length"),
        ({"accession": "A\x00"}, "accession", "null_characters_not_allowed"),
        ({"accession": "\ud800"}, "accession", "surrogate_characters_not_allowed"),
        ({"status": "done"}, "status", "invalid_choice"),
        ({"reported_at": "2026-06-30T14:30:00"}, "reported_at", "no_zone"),
        ({"reported_at": "yesterday"}, "reported_at", "invalid"),
        ({"reported_at": "9999-12-31T23:59:59-23:59"}, "reported_at", "overflow"),
        ({"reported_at": "2999-01-01T00:00:00Z"}, "reported_at", "future"),
        ({"text": " "}, "text", "required"),
        ({"text": ["words"]}, "text", "invalid"),
        ({"patient": None}, "patient", "null"),
        ({"patient": {}}, "patient.family_name", "required"),
        ({"patient": {"family_name": "ALDER"}}, "patient.nhs_number", "required"),
        (
            {"patient": {"family_name": "ALDER", "nhs_number": "9990000019"}},
            "patient.nhs_number",
            "nhs_number_check_digit",
        ),
        (
            {"patient": {"family_name": "A", "identifiers": [{"value": "7"}]}},
            "patient.identifiers.0.authority",
            "required",
        ),
        (
            {
                "patient": {
                    "nhs_number": "9990000018",
                    "family_name": "A",
                    "birth_date": "1066-10-14",
                }
            },
            "patient.birth_date",
            "birth_date",
        ),
    ],
)
def test_an_error_names_the_field_and_repeats_nothing(
    ris: APIClient, changes: dict[str, Any], field: str, code: str
) -> None:
    answer = ris.post(REPORTS, json.dumps(body(**changes)), content_type="application/json")
    assert answer.status_code == 400, answer.content
    said = answer.json()
    assert (said["field"], said["problems"][0]["code"]) == (field, code), said
    assert not any(word in answer.content.decode() for word in ("ALDER", "9990", TEXT))
    assert not IncomingMessage.objects.exists()


@pytest.mark.parametrize(
    ("sent", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"words"', "application/json", 400),
        (b"null", "application/json", 400),
        (b'{"text": NaN}', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"MSH|", "text/plain", 415),
        (b"", "application/json", 400),
    ],
)
def test_what_is_not_a_report_is_refused_in_the_same_shape(
    ris: APIClient, sent: bytes, kind: str, status: int
) -> None:
    answer = ris.generic("POST", REPORTS, sent, content_type=kind)
    assert answer.status_code == status
    assert set(answer.json()) == {
        "code",
        "field",
        "detail",
        "suggestion",
        "held_item",
        "problems",
    }


def test_a_radiologist_writes_a_report_of_their_site(trust: Trust) -> None:
    answer = post(calling(trust.radiologist), body(reporter={"code": "SOMEBODY"}))
    assert answer.status_code == 201
    report = Report.objects.get()
    assert report.reported_by == trust.radiologist, "nobody writes in another's name"
    assert report.examination.site == trust.site


@pytest.mark.parametrize("who", ["referrer", "coordinator", "governance", "administrator"])
def test_nobody_else_sends_reports(trust: Trust, who: str) -> None:
    answer = post(calling(getattr(trust, who)), body())
    assert answer.status_code == 403
    assert not Report.objects.exists()


def test_a_sender_reads_nothing(trust: Trust, ris: APIClient) -> None:
    finding = flagged(trust)
    assert ris.get(REPORTS).json()["results"] == []
    assert ris.get(FINDINGS).json()["results"] == []
    assert ris.get(f"{FINDINGS}{finding.reference}/").status_code == 404
