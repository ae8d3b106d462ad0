"""Reports, tasks, messages and viewings out by FHIR: to whoever may see them, page by page."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.urls import resolve
from django.utils import timezone

from findings.fhir.access import Unknown
from findings.fhir.capability import statement
from findings.fhir.shapes import faults
from findings.models import Examination, Finding, Role, Viewing
from findings.services.acknowledge import decline_finding
from findings.services.receive import receive_report
from notifications.delivery import deliver_due
from notifications.firing import fire_due_steps
from tests.calling import calling
from tests.engine.mail import MailServer
from tests.factories import (
    TeamFactory,
    Trust,
    a_trust,
    acknowledged,
    arriving,
    flagged,
    report,
    reported,
)
from tests.fhir import BASE, GMC, NHS, REPORTS, TASKS, issue
from tests.integration.telling import fired
from tests.pages import queries_without_banner

pytestmark = pytest.mark.django_db
AUDIT, TOLD = f"{BASE}/AuditEvent", f"{BASE}/Communication"


def found(client: Any, address: str, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(address, query)
    assert answer.status_code == 200, answer.json()
    return [one["resource"] for one in answer.json().get("entry", [])]


# --- Reports


def test_a_report_says_what_is_kept(trust: Trust) -> None:
    examination = reported(trust)
    row = examination.current_report
    answer = calling(trust.referrer).get(f"{REPORTS}/{examination.public_id}")
    assert answer["ETag"] == 'W/"1"'
    said = answer.json()
    assert not faults(said)
    assert (said["id"], said["meta"]["versionId"]) == (str(examination.public_id), "1")
    assert said["status"] == "final"
    assert datetime.fromisoformat(said["issued"]) == row.reported_at
    assert base64.b64decode(said["presentedForm"][0]["data"]).decode() == row.text
    assert said["basedOn"][0]["identifier"]["value"] == examination.accession
    patient, request = said["contained"]
    assert patient["identifier"][0] == {"system": NHS, "value": examination.patient.nhs_number}
    assert request["requester"]["identifier"]["value"] == trust.referrer.professional_code
    assert said["resultsInterpreter"][0]["display"] == str(trust.radiologist)
    assert said["performer"][0]["identifier"]["value"] == trust.site.ods_code


def test_what_we_say_can_be_sent_to_us(trust: Trust) -> None:
    from findings.arrivals import SenderProfile
    from findings.fhir.reading import read_report

    sent = arriving(trust, modality="CT")
    examination = report(trust, **vars(sent)).examination
    said = calling(trust.referrer).get(f"{REPORTS}/{examination.public_id}").json()
    read = read_report(said, SenderProfile())
    assert read.accession == sent.accession
    assert (read.status, read.reported_at, read.text) == (sent.status, sent.reported_at, sent.text)
    assert read.performed_at == sent.performed_at
    assert read.patient.nhs_number == sent.patient.nhs_number
    assert read.patient.birth_date == sent.patient.birth_date
    assert [(one.value, one.authority) for one in read.patient.identifiers] == [
        (one.value, one.authority) for one in sent.patient.identifiers
    ]
    assert read.requester.code == trust.referrer.professional_code
    assert read.reporter.code == trust.radiologist.professional_code
    assert (read.modality, read.site_code) == ("CT", trust.site.ods_code)


def test_versions_and_history(trust: Trust) -> None:
    first = arriving(trust, text="One.", reported_at=timezone.now() - timedelta(hours=2))
    late = arriving(trust, text="Older.", reported_at=timezone.now() - timedelta(hours=3))
    for sent in (first, late):
        same = {**vars(sent), "accession": "A1", "patient": first.patient}
        receive_report(sender=trust.sender, arriving=arriving(trust, **same))
    address = f"{REPORTS}/{Examination.objects.get().public_id}"
    client = calling(trust.referrer)
    assert client.get(address)["ETag"] == 'W/"1"', "the one that was verified last"
    assert client.get(f"{address}/_history/2").json()["meta"]["versionId"] == "2"
    history = client.get(f"{address}/_history").json()
    assert (history["type"], history["total"]) == ("history", 2)
    assert [one["resource"]["meta"]["versionId"] for one in history["entry"]] == ["2", "1"]
    assert issue(client.get(f"{address}/_history/3"))[0] == 404
    stranger = calling(a_trust().referrer)
    for place in ("", "/_history", "/_history/1"):
        assert issue(stranger.get(address + place))[0] == 404


def test_reports_are_searched(trust: Trust) -> None:
    june = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)  # 23:30 in London
    kept = reported(trust, reported_at=june, performed_at=None)
    other = reported(trust, reported_at=june + timedelta(minutes=40), performed_at=None)
    client = calling(trust.referrer)

    def accessions(**query: Any) -> set[str]:
        return {one["basedOn"][0]["identifier"]["value"] for one in found(client, REPORTS, **query)}

    both = {kept.accession, other.accession}
    assert accessions() == both
    assert accessions(identifier=kept.accession) == {kept.accession}
    system = f"urn:imaging-safety:accession:{trust.sender.pk}"
    assert accessions(identifier=f"{system}|{kept.accession}") == {kept.accession}
    assert accessions(identifier=f"urn:x|{kept.accession}") == set()
    assert accessions(date="2026-06-30") == {kept.accession}
    assert accessions(date="2026-07-01") == {other.accession}
    assert accessions(date="2026") == accessions(issued="ge2026-06") == both
    assert accessions(issued="gt2026-06-30T23:30:00+01:00") == {other.accession}
    assert accessions(issued="le2026-06-30T23:30:00 01:00") == {kept.accession}
    assert accessions(_lastUpdated="lt2026-01-01") == set()
    assert accessions(status="final,amended") == both
    assert accessions(status="cancelled") == set()
    assert accessions(_id=str(kept.public_id)) == {kept.accession}
    number = kept.patient.nhs_number
    assert accessions(**{"patient.identifier": f"{NHS}|{number}"}) == {kept.accession}
    assert accessions(**{"subject:identifier": number}) == {kept.accession}
    assert accessions(patient=f"Patient/{other.patient.public_id}") == {other.accession}


CANNOT_BE = [
    ({"status": "done"}, "http.status"),
    ({"date": "30/06/2026"}, "http.date"),
    ({"date": "2026-02-30"}, "http.date"),
    ({"date": "2026-06-30T10:00"}, "http.date"),
    ({"patient": "7"}, "http.patient"),
    ({"_count": "-1"}, "http._count"),
    ({"_sort": "colour"}, "http._sort"),
    ({"_page": "1.2"}, "http._page"),
    ({"_page": "9" * 40}, "http._page"),
    ({"identifier": "A\x00"}, "http.identifier"),
    ({"identifier": "A" * 301}, "http.identifier"),
]


def test_a_search_that_cannot_be_is_named(trust: Trust) -> None:
    client = calling(trust.referrer)
    for query, named in CANNOT_BE:
        assert issue(client.get(REPORTS, query)) == (400, named), query


def test_unknown_parameters_are_passed_over_or_refused_as_was_asked(trust: Trust) -> None:
    reported(trust)
    client = calling(trust.referrer)
    lenient = client.get(REPORTS, {"colour": "red"}).json()
    assert lenient["total"] == 1
    assert [one["search"]["mode"] for one in lenient["entry"]] == ["match", "outcome"]
    assert "colour" not in lenient["link"][0]["url"]
    strict = client.get(REPORTS, {"colour": "red"}, headers={"Prefer": "handling=strict"})
    assert issue(strict)[0] == 400


def pages(client: Any, url: str, between: Any = None) -> list[dict[str, Any]]:
    """Every page from this address on; `between` is called after the first."""
    every = []
    while url:
        every.append(client.get(url.removeprefix("http://127.0.0.1:8000")).json())
        nexts = [one["url"] for one in every[-1]["link"] if one["relation"] == "next"]
        url = nexts[0] if nexts else ""
        if between is not None and len(every) == 1:
            between()
    return every


@pytest.mark.parametrize("sort", ["-issued", "issued", "-_lastUpdated", ""])
def test_pages_neither_repeat_nor_miss_while_reports_arrive(trust: Trust, sort: str) -> None:
    same = timezone.now() - timedelta(hours=4)
    first = [arriving(trust, reported_at=same) for _ in range(7)]
    for one in first:
        receive_report(sender=trust.sender, arriving=one)

    def more() -> None:
        """New ones, and a correction of one that was shown and of one that was not."""
        for _ in range(2):
            report(trust)
        for one in (first[0], first[-1]):
            report(trust, **{**vars(one), "text": "Other words.", "reported_at": timezone.now()})

    client = calling(trust.referrer)
    query = "&_sort=" + sort if sort else ""
    read = pages(client, f"{REPORTS}?_count=3{query}", more)
    ids = [one["resource"]["id"] for page in read for one in page["entry"]]
    assert [len(page["entry"]) for page in read] == [3, 3, 1]
    assert [page["total"] for page in read] == [7, 7, 7]
    assert len(ids) == len(set(ids)) == 7
    counted = client.get(REPORTS, {"_count": 0}).json()
    assert (counted["total"], "entry" in counted) == (9, False)


def test_a_posted_search_keeps_the_number_out_of_every_address(trust: Trust) -> None:
    examination = reported(trust)
    patient, number = examination.patient, examination.patient.nhs_number
    for _ in range(2):
        report(trust, **{**vars(arriving(trust)), "patient": arriving_of(patient)})
    client = calling(trust.referrer)
    form = {"patient.identifier": f"{NHS}|{number}", "_count": "2"}
    kind = "application/x-www-form-urlencoded"
    answer = client.post(f"{REPORTS}/_search", urlencode(form), content_type=kind).json()
    assert answer["total"] == 3
    assert not [one for one in answer["link"] if number in one["url"]]
    rest = pages(client, answer["link"][1]["url"])
    assert [len(page["entry"]) for page in rest] == [1]


def arriving_of(patient: Any) -> Any:
    from findings.arrivals import ArrivingPatient

    return ArrivingPatient(family_name=patient.family_name, nhs_number=patient.nhs_number)


def test_a_list_costs_the_same_queries_however_long(mail: MailServer, trust: Trust) -> None:
    """And each is recorded."""
    fired(trust)
    client, leads = calling(trust.referrer), calling(trust.governance)
    asked = ((client, REPORTS), (client, TASKS), (client, TOLD), (leads, AUDIT))
    for caller, address in asked:
        caller.get(address)
    few = [queries_without_banner(c, a) for c, a in asked]
    for _ in range(3):
        acknowledged(trust, fired(trust))
    many = [queries_without_banner(c, a) for c, a in asked]
    assert many == few
    assert max(many) <= 14, many
    for caller, address in asked:
        before = Viewing.objects.count()
        entries = found(caller, address)
        viewing = Viewing.objects.order_by("pk").last()
        assert (Viewing.objects.count(), viewing.page[:5]) == (before + 1, "fhir-")
        assert len(entries) > 1


# --- Communications


def test_who_was_told_when_and_how(mail: MailServer, trust: Trust) -> None:
    finding = fired(trust)
    waiting = found(calling(trust.referrer), TOLD, status="preparation")
    assert waiting
    assert "sent" not in waiting[0]
    deliver_due()
    rows = found(calling(trust.governance), TOLD, about=f"Task/{finding.reference}")
    ways = {(one["recipient"][0]["display"], one["medium"][0]["text"]) for one in rows}
    assert ways == {(str(trust.referrer), way) for way in ("by e-mail", "in this application")}
    assert {one["status"] for one in rows} == {"completed"}
    assert all(one["sent"] and one["about"][0]["reference"] for one in rows)
    assert not [one for one in rows if "payload" in one]
    one = calling(trust.referrer).get(f"{TOLD}/{rows[0]['id']}")
    assert one.json() == rows[0]
    code = trust.referrer.professional_code
    assert found(calling(trust.referrer), TOLD, **{"recipient:identifier": f"{GMC}|{code}"}) == rows
    assert found(calling(trust.referrer), TOLD, recipient="C000") == []
    stranger = calling(a_trust().governance)
    assert found(stranger, TOLD) == []
    assert stranger.get(f"{TOLD}/{rows[0]['id']}").status_code == 404


# --- AuditEvents


def test_who_saw_whom_is_for_governance_leads(trust: Trust) -> None:
    finding = flagged(trust)
    patient = finding.examination.patient
    calling(trust.referrer).get(f"{TASKS}/{finding.reference}")
    calling(a_trust().referrer).get(TASKS)
    leads = calling(trust.governance)
    (row,) = found(leads, AUDIT, **{"patient.identifier": patient.nhs_number})
    assert row["agent"][0]["who"]["display"] == str(trust.referrer)
    assert row["entity"][0]["what"]["identifier"]["value"] == patient.nhs_number
    assert row["entity"][0]["description"] == "fhir-task"
    one = leads.get(f"{AUDIT}/{row['id']}").json()
    assert one == row
    assert len(found(leads, AUDIT, agent=trust.referrer.professional_code)) == 1
    assert len(found(leads, AUDIT, patient=str(patient.public_id))) >= 2
    for person in (trust.referrer, trust.coordinator, trust.radiologist):
        assert issue(calling(person).get(AUDIT))[0] == 403
    other = calling(a_trust().governance)
    assert found(other, AUDIT) == []
    assert other.get(f"{AUDIT}/{row['id']}").status_code == 404


# --- What is said of it all


WAYS = {
    "read": ("get", "/{id}"),
    "vread": ("get", "/{id}/_history/1"),
    "history-instance": ("get", "/{id}/_history"),
    "history-type": ("get", "/_history"),
    "search-type": ("get", ""),
    "create": ("post", ""),
    "update": ("put", "/{id}"),
    "patch": ("patch", "/{id}"),
    "delete": ("delete", "/{id}"),
}
IDS = {
    "DiagnosticReport": str(UUID(int=1)),
    "Task": "F-0000000000",
    "Communication": str(UUID(int=1)),
    "AuditEvent": "1",
    "Patient": str(UUID(int=1)),
    "ServiceRequest": str(UUID(int=1)),
}


def test_the_statement_names_what_has_an_address(db: None) -> None:
    """Each interaction that it names, and no other."""
    said = statement()["rest"][0]
    assert {one["type"] for one in said["resource"]} == set(IDS)
    for resource in said["resource"]:
        kind = resource["type"]
        offered = {one["code"] for one in resource["interaction"]}
        there = {
            code
            for code, (method, way) in WAYS.items()
            if _answers(method, f"{BASE}/{kind}{way.format(id=IDS[kind])}")
        }
        if kind == "Task":
            there.remove("create")  # its address says why there is none
        assert there == offered, kind
        assert _answers("post", f"{BASE}/{kind}/_search")
    assert {one["code"] for one in said["interaction"]} == {"transaction", "batch"}


def _answers(method: str, address: str) -> bool:
    view = resolve(address).func.cls
    return view is not Unknown and hasattr(view, method)


def test_the_statement_names_what_can_be_asked_for(trust: Trust) -> None:
    client, strict = calling(trust.governance), {"Prefer": "handling=strict"}
    assert statement() == client.get(f"{BASE}/metadata").json()
    for resource in statement()["rest"][0]["resource"]:
        address = f"{BASE}/{resource['type']}"
        for param in resource["searchParam"]:
            answer = client.get(address, {param["name"]: "2026"}, headers=strict)
            refused = answer.status_code == 400
            assert not refused or issue(answer)[1] == f"http.{param['name']}", param["name"]
        assert issue(client.get(address, {"other": "1"}, headers=strict))[1] == "http.parameter"


def test_every_refusal_is_an_outcome(trust: Trust) -> None:
    from rest_framework.test import APIClient

    nobody, client = APIClient(), calling(trust.referrer)
    unknown = nobody.get(REPORTS)
    assert issue(unknown)[0] == 401
    assert unknown["WWW-Authenticate"] == "Bearer"
    assert issue(nobody.get(f"{BASE}/Observation"))[0] == 401
    assert nobody.get(f"{BASE}/metadata").status_code == 200
    bearer = APIClient()
    bearer.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
    assert issue(bearer.get(REPORTS))[0] == 401
    assert issue(client.get(f"{BASE}/Observation/1"))[0] == 404
    assert issue(client.get(f"{BASE}/Observation?x=1"))[0] == 404
    assert issue(client.delete(REPORTS))[0] == 405
    assert issue(client.get(f"{BASE}"))[0] == 405
    assert issue(client.get(REPORTS, headers={"Accept": "application/fhir+xml"}))[0] == 406
    assert issue(client.get(REPORTS, {"_format": "xml"}))[0] == 406
    assert client.get(REPORTS, {"_format": "json"}).status_code == 200
    plain = client.get(REPORTS, headers={"Accept": "application/json"})
    assert plain["Content-Type"] == "application/json"


def test_a_finding_is_a_task(trust: Trust) -> None:
    finding = flagged(trust)
    answer = calling(trust.referrer).get(f"{TASKS}/{finding.reference}")
    said = answer.json()
    assert not faults(said)
    assert (said["status"], said["priority"]) == ("requested", "stat")
    assert said["code"]["coding"][0]["code"] == "critical"
    assert said["owner"]["identifier"]["value"] == trust.referrer.professional_code
    assert said["focus"]["reference"] == f"DiagnosticReport/{finding.examination.public_id}"
    due_at = finding.clocks.get(kind="acknowledge").due_at
    assert datetime.fromisoformat(said["restriction"]["period"]["end"]) == due_at
    assert finding.events.filter(kind="read", by=trust.referrer).exists()
    assert Finding.objects.get().state == "awaiting"


def test_tasks_are_searched(trust: Trust) -> None:
    mine, taken = flagged(trust), acknowledged(trust, flagged(trust, category="urgent"))
    client = calling(trust.governance)

    def ids(**query: Any) -> set[str]:
        return {one["id"] for one in found(client, TASKS, **query)}

    assert ids() == {mine.reference, taken.reference}
    assert ids(status="requested") == ids(code="critical") == {mine.reference}
    assert ids(status="accepted,in-progress") == {taken.reference}
    assert ids(owner=trust.referrer.professional_code.lower()) == ids()
    assert ids(**{"owner:identifier": f"{GMC}|C999"}) == set()
    assert ids(identifier=mine.reference.lower()) == {mine.reference}
    assert ids(_lastUpdated="lt2026-01-01") == set()
    assert ids(_lastUpdated="ge2026-01-01") == ids()
    assert ids(**{"patient.identifier": mine.examination.patient.nhs_number}) == {mine.reference}
    assert issue(client.get(TASKS, {"code": "purple"})) == (400, "http.code")
    assert found(calling(a_trust().referrer), TASKS) == []


# --- Whom and what they are about


def test_patients_and_requests_are_read_by_whoever_reads_a_report(trust: Trust) -> None:
    examination, other = reported(trust), a_trust()
    someone, client, stranger = (
        examination.patient,
        calling(trust.referrer),
        calling(other.referrer),
    )
    reported(other)
    patients, requests = f"{BASE}/Patient", f"{BASE}/ServiceRequest"
    inside_patient, inside_request = client.get(f"{REPORTS}/{examination.public_id}").json()[
        "contained"
    ]
    patient = client.get(f"{patients}/{someone.public_id}").json()
    assert patient == inside_patient | {"id": str(someone.public_id)}
    request = client.get(f"{requests}/{examination.public_id}").json()
    assert not faults(request)
    for name in ("identifier", "code", "requester", "status", "intent"):
        assert request[name] == inside_request[name]
    assert Viewing.objects.filter(page__in=["fhir-patient", "fhir-request"]).count() == 2
    identifier = request["identifier"][0]
    number = f"{NHS}|{someone.nhs_number}"
    asked = [
        (patients, {"identifier": number}, patient),
        (patients, {"_id": patient["id"]}, patient),
        (requests, {"identifier": identifier["value"]}, request),
        (requests, {"identifier": f"{identifier['system']}|{identifier['value']}"}, request),
        (requests, {"patient": patient["id"]}, request),
        (requests, {"patient:identifier": number}, request),
    ]
    for address, query, resource in asked:
        assert found(client, address, **query) == [resource], query
        assert found(stranger, address, **query) == [], query
        form = urlencode(query)
        kind = "application/x-www-form-urlencoded"
        posted = client.post(f"{address}/_search", form, content_type=kind).json()
        assert (posted["total"], someone.nhs_number in str(posted["link"])) == (1, False)
    assert found(client, requests, identifier=f"urn:other|{identifier['value']}") == []
    assert stranger.get(f"{patients}/{someone.public_id}").status_code == 404
    assert stranger.get(f"{requests}/{examination.public_id}").status_code == 404


def test_a_report_is_read_by_whoever_was_told_of_a_task_in_it(
    mail: MailServer, trust: Trust
) -> None:
    """The Task names it: and neither its history nor a search is theirs."""
    finding, by = fired(trust), trust.referrer
    # Each is told, and says whose it is instead.
    for _ in range(2):
        told, by = by, trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))
        decline_finding(finding=finding, by=told, because="Not mine.", to=by)
        fire_due_steps()
        deliver_due()
        finding.refresh_from_db()
    client = calling(told)
    task = client.get(f"{TASKS}/{finding.reference}").json()
    assert client.get(f"{BASE}/{task['focus']['reference']}").status_code == 200
    assert client.get(f"{BASE}/{task['focus']['reference']}/_history").status_code == 404
    assert found(client, REPORTS) == []


def test_what_a_search_does_not_know_is_refused_only_where_it_would_mislead(trust: Trust) -> None:
    reported(trust)
    client = calling(trust.referrer)
    for modifier in ("status:not", "identifier:exact", "_id:missing", "patient:Patient.name"):
        name = modifier.partition(":")[0]
        assert issue(client.get(REPORTS, {modifier: "final"})) == (400, f"http.{name}")
    # Fewer elements than all are a wish; so is a number of rows.
    for wish in ({"_summary": "true"}, {"_elements": "id"}, {"_total": "none"}):
        answer = client.get(REPORTS, wish).json()
        assert answer["entry"][0]["resource"]["resourceType"] == "DiagnosticReport"
    strict = {"Prefer": "handling=strict"}
    assert issue(client.get(REPORTS, {"_elements": "id"}, headers=strict))[0] == 400
    assert issue(client.get(REPORTS, {"patient.name": "ALDER"}, headers=strict))[0] == 400
