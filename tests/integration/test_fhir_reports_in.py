"""Reports in by FHIR: filed as by every other way, or refused with the element named."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from findings.models import Examination, IncomingMessage, Patient, Receipt, Report, ReportIdentifier
from findings.services.senders import account_of
from findings.states import State
from tests import fhir
from tests.calling import body, calling, post
from tests.factories import Trust, acknowledged, flagged
from tests.fhir import BASE, NHS, REPORTS, issue, report, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def ris(trust: Trust) -> APIClient:
    """The trust's RIS."""
    return calling(account_of(trust.sender))


def test_a_report_is_filed_and_found_again(trust: Trust, ris: APIClient) -> None:
    code = trust.referrer.professional_code
    sent = report(contained=[fhir.patient(), fhir.request("A1", code)])
    answer = send(ris, sent)
    assert answer.status_code == 201, answer.json()
    filed = Report.objects.get()
    examination = filed.examination
    assert answer["Location"].endswith(f"{REPORTS}/{examination.public_id}/_history/1")
    assert answer["ETag"] == 'W/"1"'
    assert answer["Content-Type"] == "application/fhir+json"
    assert (examination.accession, filed.text) == ("A1", fhir.TEXT)
    assert filed.reported_at == datetime(2026, 6, 30, 13, 30, tzinfo=UTC)
    assert examination.requested_by == trust.referrer
    assert examination.patient.nhs_number == "9990000018"
    assert examination.patient.family_name == "ALDER"
    assert json.loads(bytes(filed.message.body)) == sent, "kept as it came"
    assert filed.message.message_type == "FHIR DiagnosticReport"
    assert filed.receipts.get().outcome == Receipt.Outcome.NEW_REPORT
    assert "ALDER" not in answer.content.decode()
    read = calling(trust.referrer).get(f"{REPORTS}/{examination.public_id}")
    assert read.status_code == 200, read.json()


def test_the_same_content_is_the_same_report_by_whatever_way(ris: APIClient) -> None:
    assert send(ris, report()).status_code == 201
    again = send(ris, report())
    assert (again.status_code, again["ETag"]) == (200, 'W/"1"')
    assert post(ris, body(modality="")).json()["outcome"] == "duplicate"
    assert Report.objects.count() == 1


def test_a_correction_is_a_version_and_asks_again(trust: Trust, ris: APIClient) -> None:
    code = trust.referrer.professional_code
    send(ris, report(contained=[fhir.patient(), fhir.request("A1", code)]))
    finding = acknowledged(trust, flagged(trust, examination=Examination.objects.get()))
    later = report(
        status="amended", issued="2026-06-30T16:30:00+01:00", conclusion="Something else."
    )
    answer = send(ris, later)
    assert (answer.status_code, answer["ETag"]) == (201, 'W/"2"')
    finding.refresh_from_db()
    assert finding.state == State.AWAITING


STATUSES = {
    "partial": "preliminary",
    "preliminary": "preliminary",
    "final": "final",
    "amended": "corrected",
    "corrected": "corrected",
    "appended": "corrected",
    "cancelled": "withdrawn",
    "entered-in-error": "withdrawn",
}


def test_statuses(ris: APIClient) -> None:
    for sent, kept in STATUSES.items():
        assert send(ris, report(f"A-{sent}", status=sent)).status_code == 201
        assert Report.objects.get(examination__accession=f"A-{sent}").status == kept


def test_a_senders_own_word_counts_where_it_is_set_up(trust: Trust, ris: APIClient) -> None:
    assert issue(send(ris, report(status="wet-read"))) == (422, "DiagnosticReport.status")
    trust.sender.status_words = {"wet read": "preliminary"}
    trust.sender.save()
    assert send(ris, report(status="wet-read")).status_code == 201


def test_a_report_costs_as_little_by_fhir_as_by_the_json_api(ris: APIClient) -> None:
    """What is asked is asked at once, and what follows is written at once; and two statements more
    for the identifiers by which a report is found again."""
    asked = {"requester": {"code": "C0000001"}}
    for number in range(2):  # until each statement was planned
        send(ris, report(f"A{number}")), post(ris, body(accession=f"B{number}", **asked))
    with CaptureQueriesContext(connection) as by_fhir:
        assert send(ris, report("A2")).status_code == 201
    with CaptureQueriesContext(connection) as by_json:
        assert post(ris, body(accession="B2", **asked)).status_code == 201
    # Within the transaction of a test nothing is settled for the connection.
    counts = [sum(not one["sql"].startswith("SET ") for one in asks) for asks in (by_fhir, by_json)]
    assert counts == [13, 11]


# --- Refused, and the element named

WRONG = [
    ("issued", "2026-06-30T14:30:00", "DiagnosticReport.issued"),
    ("issued", "2026-06-31T14:30:00Z", "DiagnosticReport.issued"),
    ("issued", "2999-01-01T00:00:00Z", "DiagnosticReport.issued"),
    ("issued", "2026-06-30", "DiagnosticReport.issued"),
    ("effectiveDateTime", "2026-06-30T14:30:00", "DiagnosticReport.effectiveDateTime"),
    ("status", "done", "DiagnosticReport.status"),
    ("status", "registered", "DiagnosticReport.status"),
    ("status", 1, "DiagnosticReport.status"),
    ("category", {"coding": []}, "DiagnosticReport.category"),
    (
        "category",
        [{"coding": [{"system": fhir.SECTIONS, "code": "LAB"}]}],
        "DiagnosticReport.category[0]",
    ),
    ("code", "XR", "DiagnosticReport.code"),
    ("codes", {"text": "XR"}, "DiagnosticReport.codes"),
    ("conclusion", "", "DiagnosticReport.conclusion"),
    ("conclusion", None, "DiagnosticReport.conclusion"),
    ("conclusion", "A\x00", "DiagnosticReport.conclusion"),
    ("conclusion", "\ud800", "DiagnosticReport.conclusion"),
    ("presentedForm", [], "DiagnosticReport.presentedForm"),
    ("presentedForm", [fhir.form(" ")], "DiagnosticReport.presentedForm"),
    ("presentedForm.0.data", "%%%", "DiagnosticReport.presentedForm[0].data"),
    ("presentedForm.0.data", "abcde", "DiagnosticReport.presentedForm[0].data"),
    ("presentedForm.0.size", 3, "DiagnosticReport.presentedForm[0].size"),
    ("presentedForm.0.hash", "AAAA", "DiagnosticReport.presentedForm[0].hash"),
    (
        "presentedForm.0.contentType",
        "text/plain; charset=klingon",
        "DiagnosticReport.presentedForm[0].contentType",
    ),
    ("subject", {"reference": "Patient/elsewhere"}, "DiagnosticReport.subject"),
    ("subject", {"reference": "#r"}, "DiagnosticReport.subject"),
    ("contained.0.identifier.0.value", "9990000019", "DiagnosticReport.contained[0].identifier"),
    ("contained.0.identifier.0.value", "0000000000", "DiagnosticReport.contained[0].identifier"),
    ("contained.0.identifier.0", {"value": "H1"}, "DiagnosticReport.contained[0].identifier"),
    ("contained.0.birthDate", "12/02/1950", "DiagnosticReport.contained[0].birthDate"),
    ("contained.0.name.0.given", "Ann", "DiagnosticReport.contained[0].name[0].given"),
    ("contained.1.identifier.0.value", "A" * 81, "DiagnosticReport.basedOn"),
    ("basedOn", [{"reference": "#r"}, {"reference": "#r"}], "DiagnosticReport.basedOn"),
    ("modifierExtension", [{"url": "x"}], "DiagnosticReport.modifierExtension"),
]  # fmt: skip


def test_an_error_names_the_element_and_repeats_nothing(ris: APIClient) -> None:
    for path, value, named in WRONG:
        answer = send(ris, fhir.elsewhere(report(), path, value))
        assert issue(answer) == (422, named), (path, value, answer.json())
        said = answer.content.decode()
        assert not any(word in said for word in ("ALDER", "9990", fhir.TEXT)), path
    assert not IncomingMessage.objects.exists()
    assert not Patient.objects.exists()


def test_what_is_missing_is_named(ris: APIClient) -> None:
    for name in ("status", "code", "issued", "subject", "presentedForm"):
        assert issue(send(ris, report(**{name: None}))) == (422, f"DiagnosticReport.{name}")


def test_every_fault_of_the_structure_is_named_at_once(ris: APIClient) -> None:
    sent = fhir.elsewhere(report(), "category", {"text": "CT"})
    answer = send(ris, fhir.elsewhere(sent, "issued", "yesterday"))
    named = [one["expression"][0] for one in answer.json()["issue"]]
    assert named == ["DiagnosticReport.category", "DiagnosticReport.issued"]


def test_an_accession_is_needed(ris: APIClient) -> None:
    answer = send(ris, report(basedOn=None, identifier=None))
    assert issue(answer) == (422, "DiagnosticReport.basedOn")


def test_identity_is_checked_as_everywhere(ris: APIClient) -> None:
    send(ris, report())
    other = report("A2")
    other["contained"][0] |= {"name": [{"family": "BEECH"}], "birthDate": "1990-01-01"}
    answer = send(ris, other)
    assert issue(answer) == (409, "DiagnosticReport.subject")
    assert not any(word in answer.content.decode() for word in ("BEECH", "ALDER", "9990000018"))
    stranger = report("A1")
    stranger["contained"][0] |= {
        "identifier": [{"system": NHS, "value": "9990000026"}],
        "name": [{"family": "BEECH"}],
    }
    assert issue(send(ris, stranger)) == (409, "DiagnosticReport.basedOn")
    assert Report.objects.count() == 1


NOT_FHIR = [
    (b"{", "application/fhir+json", 400),
    (b"[]", "application/fhir+json", 400),
    (b"null", "application/fhir+json", 400),
    (b"", "application/fhir+json", 400),
    (b'{"resourceType": "Patient"}', "application/fhir+json", 400),
    (
        b'{"resourceType": "DiagnosticReport", "status": 1, "status": 2}',
        "application/json",
        400,
    ),
    (b'{"x": NaN}', "application/fhir+json", 400),
    (b"\xff\xfe", "application/fhir+json", 400),
    (b"[" * 100_000, "application/fhir+json", 400),
    (b"<DiagnosticReport/>", "application/fhir+xml", 415),
    (b"MSH|", "text/plain", 415),
    (b" " * (11 * 1024 * 1024), "application/fhir+json", 413),
]


def test_what_is_not_fhir_is_refused_in_the_same_shape(ris: APIClient) -> None:
    for sent, kind, status in NOT_FHIR:
        answer = ris.generic("POST", REPORTS, sent, content_type=kind)
        assert issue(answer)[0] == status, sent[:40]
        assert answer["Content-Type"] == "application/fhir+json"


# --- Words


def test_html_is_shown_as_its_words(ris: APIClient) -> None:
    page = (
        "<html><head><title>R</title><style>p {}</style><body><p>Lungs:&nbsp;clear.</p>"
        "<script>alert(1)</script><p>Heart &lt; 15 cm<br>CT advised.<ul><li>One<li>Two</ul>"
    )
    send(ris, report(presentedForm=[fhir.form(page, "text/html; charset=utf-8")]))
    said = Report.objects.get().text
    assert said == "Lungs: clear.\n\nHeart < 15 cm\nCT advised.\n\nOne\nTwo"
    hidden = fhir.form("<p>Clear.</p><script>x</p><p>Cancer.</p>", "text/html")
    answer = send(ris, report("A2", presentedForm=[hidden]))
    assert issue(answer) == (422, "DiagnosticReport.presentedForm[0].data")


def test_a_conclusion_is_said_once(ris: APIClient) -> None:
    send(ris, report(conclusion="nodule of 14 mm in the right"))
    assert Report.objects.get().text.endswith("nodule of 14 mm in the right")
    send(ris, report("A2", conclusion="Nodule of  14 mm"))
    assert Report.objects.get(examination__accession="A2").text == fhir.TEXT
    send(ris, report("A3", conclusion="All clear.", presentedForm=None))
    assert Report.objects.get(examination__accession="A3").text == "All clear."


def test_a_document_is_kept_and_a_link_is_not_followed(ris: APIClient) -> None:
    pdf = fhir.form("%PDF-1.4", "application/pdf")
    answer = send(ris, report(presentedForm=[pdf], conclusion="Nodule."))
    assert answer.status_code == 201
    kept = Report.objects.get()
    assert kept.text == "Nodule.\n\n[attached document: PDF, not shown here]"
    assert bytes(kept.documents.get().content) == b"%PDF-1.4"
    linked = {"contentType": "application/pdf", "url": "https://ris.example/r.pdf"}
    answer = send(ris, report("A2", presentedForm=[linked], conclusion="Nodule."))
    assert [one["severity"] for one in answer.json()["issue"]] == ["information", "warning"]


def test_a_withdrawal_needs_no_words(ris: APIClient) -> None:
    send(ris, report())
    gone = report(
        status="cancelled", presentedForm=None, issued="2026-06-30T15:00:00Z", identifier=None
    )
    assert send(ris, gone).status_code == 201
    assert Examination.objects.get().current_report.status == "withdrawn"


# --- Where the values come from


def test_everything_by_logical_reference(trust: Trust, ris: APIClient) -> None:
    sent = report(
        contained=None,
        basedOn=[{"type": "ServiceRequest", "identifier": {"value": "L1"}}],
        subject={"identifier": {"system": NHS, "value": "999 000 0018"}, "display": "ALDER, Ann"},
        performer=[
            {
                "type": "Organization",
                "identifier": {"system": fhir.ODS, "value": trust.site.ods_code},
            }
        ],
        resultsInterpreter=[
            {
                "type": "Practitioner",
                "identifier": {"system": fhir.GMC, "value": trust.radiologist.professional_code},
            }
        ],
        effectiveDateTime="2026-06-30",
    )
    answer = send(ris, sent)
    assert answer.status_code == 201, answer.json()
    filed = Report.objects.get()
    assert filed.examination.accession == "L1"
    assert filed.examination.site == trust.site
    assert filed.reported_by == trust.radiologist
    assert filed.examination.patient.family_name == "ALDER"
    assert filed.examination.performed_at == datetime(2026, 6, 29, 23, 0, tzinfo=UTC)
    assert any("time of day" in notice for notice in filed.notices)


def test_a_role_says_who_asked_and_from_where(trust: Trust, ris: APIClient) -> None:
    role = {
        "resourceType": "PractitionerRole",
        "id": "role",
        "practitioner": {
            "identifier": {"system": fhir.GMC, "value": trust.referrer.professional_code}
        },
        "location": [{"identifier": {"value": trust.team.location_code}}],
    }
    asked = fhir.request("A1", requester="x") | {"requester": {"reference": "#role"}}
    study = {
        "resourceType": "ImagingStudy",
        "id": "s",
        "status": "available",
        "subject": {"reference": "#p"},
        "started": "2026-06-30T09:00:00Z",
        "series": [{"uid": "1.2.3", "modality": {"code": "CT"}}],
    }
    sent = report(
        contained=[fhir.patient(), asked, role, study], imagingStudy=[{"reference": "#s"}]
    )
    assert send(ris, sent).status_code == 201
    examination = Examination.objects.get()
    assert examination.requested_by == trust.referrer
    assert examination.requesting_team == trust.team
    assert examination.modality == "CT"
    assert examination.performed_at == datetime(2026, 6, 30, 9, 0, tzinfo=UTC)


def test_a_hospital_number_is_the_same_as_in_a_message(trust: Trust, ris: APIClient) -> None:
    number = {"value": "H1", "assigner": {"identifier": {"system": fhir.ODS, "value": "RXX"}}}
    send(ris, report(contained=[fhir.patient(identifier=[number]), fhir.request()]))
    same = {"system": "https://fhir.nhs.uk/Id/MRN/RXX", "value": "H1"}
    send(ris, report("A2", contained=[fhir.patient(identifier=[same]), fhir.request("A2")]))
    by_json = {"identifiers": [{"value": "H1", "authority": "RXX"}], "family_name": "ALDER"}
    assert post(ris, body(accession="A3", patient=by_json)).status_code == 201
    assert Patient.objects.count() == 1


def test_old_numbers_and_placeholders_name_nobody(ris: APIClient) -> None:
    numbers = [
        {"system": NHS, "value": "9999999999"},
        {"system": "urn:x", "value": "UNKNOWN"},
        {"system": "urn:x", "value": "H9", "use": "old"},
        {"system": "urn:x", "value": "H1"},
    ]
    send(ris, report(contained=[fhir.patient(identifier=numbers), fhir.request()]))
    patient = Patient.objects.get()
    assert patient.nhs_number is None
    assert [one.value for one in patient.identifiers.all()] == ["H1"]


# --- Conditions and versions


def test_create_unless_it_exists(ris: APIClient) -> None:
    condition = {"If-None-Exist": "identifier=https://ris.example/report|R-A1"}
    assert send(ris, report(), **condition).status_code == 201
    other = report("A2", identifier=None)
    again = send(ris, other, **condition)
    assert (again.status_code, again["ETag"]) == (200, 'W/"1"')
    assert Report.objects.count() == 1
    assert send(ris, other, **{"If-None-Exist": "identifier=A1"}).status_code == 200
    for wrong in ("patient=1", "identifier=", "identifier=a&identifier=b"):
        assert issue(send(ris, other, **{"If-None-Exist": wrong}))[0] == 400, wrong


def test_an_identifier_of_two_reports_creates_nothing(ris: APIClient) -> None:
    for number, system in (("A1", "urn:a"), ("A2", "urn:b")):
        send(ris, report(number, identifier=[{"system": system, "value": "same"}]))
    answer = send(ris, report("A3"), **{"If-None-Exist": "identifier=same"})
    assert issue(answer) == (412, "http.If-None-Exist")
    assert Report.objects.count() == 2


def test_an_identifier_leads_to_one_examination(ris: APIClient) -> None:
    send(ris, report())
    taken = report("A2", identifier=report()["identifier"])
    assert issue(send(ris, taken)) == (409, "DiagnosticReport.basedOn")
    assert ReportIdentifier.objects.get().examination.accession == "A1"
    assert Report.objects.count() == 1


def test_update_needs_the_version_that_was_seen(ris: APIClient) -> None:
    send(ris, report())
    public_id = str(Examination.objects.get().public_id)
    address = f"{REPORTS}/{public_id}"
    new = report(id=public_id, status="corrected", issued="2026-06-30T16:00:00Z", conclusion="No.")
    assert issue(send(ris, new, address, "PUT")) == (400, "http.If-Match")
    assert issue(send(ris, new, address, "PUT", **{"If-Match": "x"})) == (400, "http.If-Match")
    assert issue(send(ris, new, address, "PUT", **{"If-Match": 'W/"2"'})) == (412, "http.If-Match")
    assert Report.objects.count() == 1
    answer = send(ris, new, address, "PUT", **{"If-Match": 'W/"1"'})
    assert (answer.status_code, answer["ETag"]) == (200, 'W/"2"'), answer.json()
    assert issue(send(ris, new, address, "PUT", **{"If-Match": 'W/"1"'}))[0] == 412
    assert Report.objects.count() == 2


def test_update_is_of_ones_own_and_of_the_same_examination(trust: Trust, ris: APIClient) -> None:
    send(ris, report())
    examination = Examination.objects.get()
    public_id = str(examination.public_id)
    address, match = f"{REPORTS}/{public_id}", {"If-Match": 'W/"1"'}
    other = report("A2", id=public_id, identifier=None)
    assert issue(send(ris, other, address, "PUT", **match)) == (409, "DiagnosticReport.basedOn")
    assert issue(send(ris, report(), address, "PUT", **match)) == (400, "DiagnosticReport.id")
    writer = calling(trust.radiologist)
    assert send(writer, report(id=public_id), address, "PUT", **match).status_code == 404
    unknown = "00000000-0000-4000-8000-000000000000"
    answer = send(ris, report(id=unknown), f"{REPORTS}/{unknown}", "PUT", **match)
    assert answer.status_code == 404


def test_a_key_stands_for_one_content(ris: APIClient) -> None:
    key = {"Idempotency-Key": "k-1"}
    assert send(ris, report(), **key).status_code == 201
    assert send(ris, report(), **key).status_code == 200
    assert issue(send(ris, report("A2"), **key)) == (409, "http.Idempotency-Key")


# --- Bundles


def bundle(kind: str, *resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [
            {
                "fullUrl": f"urn:uuid:{number}",
                "resource": one,
                "request": {"method": "POST", "url": one["resourceType"], **more},
            }
            for number, one in enumerate(resources)
        ],
    }


def entries(*numbers: str) -> list[dict[str, Any]]:
    """A patient, and a request and a report for each accession that refer to each other."""
    found = [fhir.patient()]
    for number in numbers:
        place = len(found)
        found.append(fhir.request(number, subject={"reference": "urn:uuid:0"}))
        found.append(
            report(
                number,
                contained=None,
                subject={"reference": "urn:uuid:0"},
                basedOn=[{"reference": f"urn:uuid:{place}"}],
            )
        )
    return found


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_transaction_files_its_reports(ris: APIClient, slash: str) -> None:
    answer = send(ris, bundle("transaction", *entries("A1", "A2")), BASE + slash)
    assert answer.status_code == 200, answer.json()
    said = [one["response"]["status"] for one in answer.json()["entry"]]
    assert said == ["200 OK", "200 OK", "201 Created", "200 OK", "201 Created"]
    message = IncomingMessage.objects.get()
    assert [one.accession for one in message.receipts.order_by("part")] == ["A1", "A2"]
    assert Patient.objects.count() == 1


def test_a_transaction_is_all_or_nothing(ris: APIClient) -> None:
    send(ris, report("A9"))
    sent = bundle("transaction", *entries("A1", "A9"))
    sent["entry"][4]["resource"]["subject"] = {"identifier": {"system": NHS, "value": "9990000026"}}
    answer = send(ris, sent, BASE)
    assert issue(answer) == (409, "Bundle.entry[4].resource.basedOn")
    sent["entry"][4]["resource"]["status"] = "unknown"
    assert issue(send(ris, sent, BASE)) == (422, "Bundle.entry[4].resource.status")
    assert Report.objects.count() == 1


def test_what_comes_beside_a_report_does_not_keep_it_out(ris: APIClient) -> None:
    """Single results and the like are passed over, and a reader is told of those that are missing;
    what could be the report itself is refused."""
    result = {"resourceType": "Observation", "status": "final", "code": {"text": "Nodule"}}
    patient, request, sent = entries("A1")
    sent["result"] = [{"reference": "urn:uuid:3"}]
    answer = send(ris, bundle("transaction", patient, request, sent, result), BASE)
    assert answer.status_code == 200, answer.json()
    said = [one["response"]["status"] for one in answer.json()["entry"]]
    assert said == ["200 OK", "200 OK", "201 Created", "200 OK"]
    assert "Single results" in Report.objects.get().notices[0]
    document = {"resourceType": "DocumentReference", "status": "current"}
    refused = send(ris, bundle("transaction", *entries("A2"), document), BASE)
    assert issue(refused) == (422, "Bundle.entry[3].resource")
    assert Report.objects.count() == 1


def test_a_hash_may_be_written_in_digits(ris: APIClient) -> None:
    digits = hashlib.sha1(fhir.TEXT.encode(), usedforsecurity=False).hexdigest().upper()
    assert send(ris, fhir.elsewhere(report(), "presentedForm.0.hash", digits)).status_code == 201


def test_entries_of_a_batch_stand_alone(ris: APIClient) -> None:
    sent = bundle("batch", report("A1"), report("A2", status="unknown"), report("A3"))
    answer = send(ris, sent, BASE)
    said = [one["response"]["status"] for one in answer.json()["entry"]]
    assert said == ["201 Created", "422", "201 Created"]
    refused = answer.json()["entry"][1]["response"]["outcome"]["issue"][0]
    assert refused["expression"] == ["Bundle.entry[1].resource.status"]
    assert IncomingMessage.objects.count() == 2


WRONG_BUNDLES = [
    ("type", "collection", "Bundle.type"),
    (
        "entry.0.request",
        {"method": "GET", "url": "Patient/1"},
        "Bundle.entry[0].request.method",
    ),
    ("entry.0.request.url", "Task", "Bundle.entry[0].request.url"),
    ("entry.0.resource", {"resourceType": "Composition"}, "Bundle.entry[0].resource"),
    ("entry.2.resource.issued", "2026-06-30T14:30:00", "Bundle.entry[2].resource.issued"),
    ("entry", [], "Bundle.entry"),
]


def test_a_bundle_names_its_entry(ris: APIClient) -> None:
    for path, value, named in WRONG_BUNDLES:
        sent = fhir.elsewhere(bundle("transaction", *entries("A1")), path, value)
        assert issue(send(ris, sent, BASE)) == (422, named)
    assert not IncomingMessage.objects.exists()


def test_conditions_and_versions_in_a_bundle(ris: APIClient) -> None:
    send(ris, report())
    unless = bundle("transaction", report("A2", identifier=None), ifNoneExist="identifier=A1")
    answer = send(ris, unless, BASE)
    assert answer.json()["entry"][0]["response"]["status"] == "200 OK"
    public_id = str(Examination.objects.get().public_id)
    new = report(id=public_id, issued="2026-06-30T16:00:00Z", conclusion="No.")
    update = bundle("batch", new)
    update["entry"][0]["request"] = {
        "method": "PUT",
        "url": f"DiagnosticReport/{public_id}",
        "ifMatch": 'W/"1"',
    }
    first, again = send(ris, update, BASE), send(ris, update, BASE)
    assert first.json()["entry"][0]["response"]["etag"] == 'W/"2"'
    assert again.json()["entry"][0]["response"]["status"] == "412"


# --- Who sends


def test_a_radiologist_writes_in_nobody_elses_name(trust: Trust) -> None:
    sent = report(resultsInterpreter=[{"display": "Dr Somebody Else"}])
    assert send(calling(trust.radiologist), sent).status_code == 201
    assert Report.objects.get().reported_by == trust.radiologist


def test_nobody_else_sends_reports(trust: Trust) -> None:
    for person in (trust.referrer, trust.coordinator, trust.governance, trust.administrator):
        client = calling(person)
        assert issue(send(client, report()))[0] == 403
        assert issue(send(client, bundle("batch", report()), BASE))[0] == 403
    assert not Report.objects.exists()


def test_a_sender_reads_nothing(ris: APIClient) -> None:
    send(ris, report())
    assert ris.get(REPORTS).json()["total"] == 0
    assert ris.get(f"{REPORTS}/{Examination.objects.get().public_id}").status_code == 404
