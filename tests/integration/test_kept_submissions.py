"""What a system sends by FHIR or JSON and only a person can settle: its sender is told, and it
waits here with its clock, as it would by HL7."""

import json

import pytest
from django.test import Client
from rest_framework.test import APIClient

from findings.intake.importing import run_again
from findings.models import IncomingMessage, Patient, Receipt, Report, ReportIdentifier
from findings.services.hold import set_aside
from findings.services.senders import account_of
from tests.calling import body, calling, post
from tests.factories import Trust
from tests.fhir import BASE, NHS, issue, report, send

pytestmark = pytest.mark.django_db

CODED = {"conclusionCode": [{"coding": [{"code": "RID49480"}]}]}
STRANGER = {"name": [{"family": "BEECH"}], "birthDate": "1990-01-01"}


@pytest.fixture
def ris(trust: Trust) -> APIClient:
    """The trust's RIS."""
    return calling(account_of(trust.sender))


def contradicting(number: str, **changes: object) -> dict[str, object]:
    """Under the NHS number of somebody whose name and birth date are others."""
    sent = report(number, **changes)
    sent["contained"][0] |= STRANGER
    return sent


def test_a_contradiction_by_fhir_waits_with_its_clock(trust: Trust, ris: APIClient) -> None:
    send(ris, report("A1"))
    sent = contradicting("A2", **CODED)
    answer = send(ris, sent)
    assert issue(answer) == (409, "DiagnosticReport.subject")
    item = Receipt.objects.get(outcome=Receipt.Outcome.HELD)
    assert f"held item {item.pk}," in answer.json()["issue"][1]["diagnostics"]
    assert (item.accession, item.reason, item.location) == ("A2", "identity_conflict", "")
    assert item.alert == "critical"
    assert item.alert_due_at > item.message.received_at, "somebody has to look until then"
    assert json.loads(bytes(item.message.body)) == sent, "kept as it came"
    # The same again changes nothing, and says the same.
    assert send(ris, sent).json() == answer.json()
    assert (Receipt.objects.count(), Report.objects.count()) == (2, 1)
    # Whoever deals with it reads the elements one a line.
    pages = Client()
    pages.force_login(trust.coordinator)
    page = pages.get(f"/held/{item.pk}/").content.decode()
    assert "The identifier is known, but family name and birth date" in page
    assert "&#34;family&#34;: &#34;BEECH&#34;" in page
    # Still held while the record says what it says; filed, under all its names, once it does not.
    assert run_again(item, trust.coordinator).is_waiting
    Patient.objects.update(birth_date="1990-01-01")
    filed = run_again(item, trust.coordinator)
    assert (filed.outcome, filed.resolved_by) == (Receipt.Outcome.NEW_REPORT, trust.coordinator)
    named = ReportIdentifier.objects.get(value="R-A2")
    assert named.examination == filed.report.examination
    assert send(ris, sent).status_code == 200, "there already"


def test_sent_again_it_is_filed_once_nothing_speaks_against_it(ris: APIClient) -> None:
    post(ris, body())
    other = body(
        accession="A2",
        patient={"nhs_number": "9990000018", "family_name": "BEECH", "birth_date": "1990-01-01"},
    )
    answer = post(ris, other)
    item = Receipt.objects.get(outcome=Receipt.Outcome.HELD)
    assert (answer.status_code, answer.json()["held_item"]) == (409, item.pk)
    assert f"held item {item.pk}" in answer.json()["suggestion"]
    Patient.objects.update(birth_date="1990-01-01")
    assert post(ris, other).status_code == 201
    item.refresh_from_db()
    assert (item.is_waiting, item.report.examination.accession) == (False, "A2")
    # What stands against it only now does not make another item of it.
    Patient.objects.update(birth_date="1950-02-12", family_name="CEDAR")
    assert post(ris, other).status_code == 200
    assert Receipt.objects.count() == 2


def test_held_json_is_run_again_and_one_set_aside_is_said_to_be(
    trust: Trust, ris: APIClient
) -> None:
    post(ris, body())
    stranger = {"nhs_number": "9990000026", "family_name": "BEECH"}
    for text in ("One.", "Two."):
        assert post(ris, body(text=text, patient=stranger)).status_code == 409
    first, second = Receipt.objects.filter(reason="accession_conflict").order_by("pk")
    assert run_again(first, trust.coordinator).is_waiting
    set_aside(receipt=second, by=trust.coordinator, because="Sent in error.")
    said = post(ris, body(text="Two.", patient=stranger)).json()
    assert (said["held_item"], said["suggestion"].split()[-2:]) == (second.pk, ["set", "aside."])


def test_a_transaction_waits_whole_and_a_batch_by_entry(trust: Trust, ris: APIClient) -> None:
    send(ris, report("A1"))
    entries = [
        {"resource": one, "request": {"method": "POST", "url": "DiagnosticReport"}}
        for one in (report("A2", **CODED), contradicting("A3"))
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = send(ris, bundle, BASE)
    assert issue(answer) == (409, "Bundle.entry[1].resource.subject")
    beside, cause = Receipt.objects.filter(outcome=Receipt.Outcome.HELD).order_by("part")
    assert (beside.accession, beside.reason, beside.alert) == ("A2", "needs_decision", "critical")
    assert (cause.accession, cause.reason) == ("A3", "identity_conflict")
    assert f"held item {cause.pk}," in answer.json()["issue"][1]["diagnostics"]
    assert Report.objects.count() == 1, "none of them was filed"
    # A person may file what can be filed.
    assert not run_again(beside, trust.coordinator).is_waiting
    cause.refresh_from_db()
    assert cause.is_waiting
    batch = send(ris, {**bundle, "type": "batch"}, BASE).json()["entry"]
    assert [one["response"]["status"] for one in batch] == ["200 OK", "409"]
    assert Receipt.objects.filter(reason="identity_conflict").count() == 2


def test_what_is_wrong_in_itself_or_sent_by_a_person_is_not_kept(
    trust: Trust, ris: APIClient
) -> None:
    send(ris, report("A1"))
    nobody = report("A2", subject={"identifier": {"system": NHS, "value": ""}})
    assert send(ris, nobody).status_code == 422
    assert send(ris, report("A2", issued="2999-01-01T00:00:00Z")).status_code == 422
    writer = calling(trust.radiologist)
    answer = send(writer, contradicting("A2"))
    assert issue(answer) == (409, "DiagnosticReport.subject")
    assert len(answer.json()["issue"]) == 1
    assert IncomingMessage.objects.count() == 1
