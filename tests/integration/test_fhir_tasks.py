"""The status of a Task moves by the rules and services of the pages, and by nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from findings.models import Event, Examination, Finding, Person
from findings.services.act import record_action, record_patient_told
from findings.services.close import withdraw_finding
from findings.services.receive import receive_report
from findings.states import State
from tests import fhir
from tests.calling import calling
from tests.factories import Trust, a_trust, acknowledged, arriving, flagged
from tests.fhir import TASKS, issue, send

pytestmark = pytest.mark.django_db


def answer(
    person: Person, finding: Finding, how: str = "PUT", headers: Any = None, **said: Any
) -> Any:
    """PUT of a Task that says this and no more."""
    task = {"resourceType": "Task", "id": finding.reference, "intent": "order", **said}
    address = f"{TASKS}/{finding.reference}"
    return send(calling(person), task, address, "PUT", **(headers or {}))


def words(text: str) -> dict[str, Any]:
    return {"statusReason": {"text": text}}


def output(kind: str, **value: Any) -> dict[str, Any]:
    coding = {"system": "urn:imaging-safety:task-output", "code": kind}
    return {"type": {"coding": [coding]}, **value}


def coded(kind: str, code: str, text: str = "") -> dict[str, Any]:
    concept: dict[str, Any] = {"coding": [{"code": code}]} | ({"text": text} if text else {})
    return output(kind, valueCodeableConcept=concept)


def expected_on(day: str) -> dict[str, Any]:
    return output("result-expected-on", valueDate=day)


def state_of(finding: Finding) -> str:
    finding.refresh_from_db()
    return finding.state


def refusals(finding: Finding) -> list[tuple[str, str]]:
    rows = finding.events.filter(kind=Event.Kind.REFUSED).select_related("by").order_by("number")
    return [(str(one.by), one.data["what"]) for one in rows]


def test_from_requested_to_completed(trust: Trust) -> None:
    finding = flagged(trust)
    took = answer(trust.referrer, finding, status="accepted", **words("Clinic on Friday."))
    assert took.status_code == 200, took.json()
    assert (took.json()["status"], took.json()["statusReason"]["text"]) == (
        "accepted",
        "Clinic on Friday.",
    )
    finding.refresh_from_db()
    assert (finding.acknowledged_by, finding.plan) == (trust.referrer, "Clinic on Friday.")
    expected = (timezone.localdate() + timedelta(days=7)).isoformat()
    done = [
        coded("action", "imaging", "CT requested."),
        output("result-expected-on", valueDate=expected),
    ]
    acted = answer(trust.referrer, finding, status="in-progress", output=done)
    assert acted.json()["status"] == "in-progress", acted.json()
    action = finding.actions.get()
    assert (action.kind, action.text) == ("imaging", "CT requested.")
    assert action.result_expected_on.isoformat() == expected
    early = answer(
        trust.referrer, finding, status="completed", output=[coded("outcome", "nothing")]
    )
    assert issue(early) == (422, "Task.status"), "the patient has not been told"
    unsaid = [coded("outcome", "other", "Scar."), coded("patient-told", "not_told")]
    no_reason = answer(trust.referrer, finding, status="completed", output=unsaid)
    assert issue(no_reason) == (422, "Task.status")
    said = [coded("outcome", "other", "Scar."), coded("patient-told", "telephone")]
    closed = answer(trust.referrer, finding, status="completed", output=said)
    assert closed.json()["status"] == "completed", closed.json()
    assert (finding.outcome, finding.outcome_note) == ("", "")
    finding.refresh_from_db()
    assert (finding.outcome, finding.outcome_note) == ("other", "Scar.")
    assert finding.patient_told_how == Finding.ToldHow.TELEPHONE
    back = answer(trust.referrer, finding, status="in-progress")
    assert issue(back) == (422, "Task.status")
    assert state_of(finding) == State.CLOSED
    assert refusals(finding) == [
        (str(trust.referrer), "close it"),
        (str(trust.referrer), "close it"),
        (str(trust.referrer), "act on it"),
    ]


def test_in_progress_at_once_is_an_acknowledgement(trust: Trust) -> None:
    finding = flagged(trust)
    took = answer(trust.colleague, finding, status="in-progress", **words("Mine."))
    assert took.json()["status"] == "accepted"
    assert state_of(finding) == State.ACKNOWLEDGED


def test_rejected_is_a_decline_and_names_the_right_owner(trust: Trust) -> None:
    finding = flagged(trust)
    code = trust.colleague.professional_code
    owner = {"identifier": {"system": fhir.GMC, "value": code}}
    passed = answer(trust.referrer, finding, status="rejected", owner=owner, **words("Hers."))
    assert passed.json()["status"] == "requested", passed.json()
    assert passed.json()["owner"]["identifier"]["value"] == code
    finding.refresh_from_db()
    assert finding.owner_person == trust.colleague
    unknown = {"identifier": {"value": "C999"}}
    lost = answer(trust.colleague, finding, status="rejected", owner=unknown, **words("No."))
    assert issue(lost) == (422, "Task.owner.identifier.value")
    to_team = answer(trust.colleague, finding, status="rejected", **words("Nobody here."))
    assert to_team.json()["owner"]["display"] == str(trust.team)


def test_cancelled_is_for_whoever_flagged_it(trust: Trust) -> None:
    finding = flagged(trust)
    owner = answer(trust.referrer, finding, status="cancelled", **words("No."))
    assert issue(owner) == (403, "Task.status")
    gone = answer(trust.radiologist, finding, status="cancelled", **words("Wrong side."))
    assert (gone.json()["status"], gone.json()["statusReason"]["text"]) == (
        "cancelled",
        "Wrong side.",
    )
    assert state_of(finding) == State.WITHDRAWN


NO_ANSWER: list[tuple[dict[str, Any], str]] = [
    ({"status": "accepted"}, "Task.statusReason.text"),
    ({"status": "accepted", **words("x" * 2001)}, "Task.statusReason.text"),
    ({"status": "rejected"}, "Task.statusReason.text"),
    ({"status": "draft"}, "Task.status"),
    ({"status": "on-hold"}, "Task.status"),
    ({"status": "completed"}, "Task.status"),
    ({"status": "requested", **words("Again.")}, "Task.status"),
    ({"status": "accepted", "priority": "routine", **words("Mine.")}, "Task.priority"),
    ({"status": "accepted", "description": "No.", **words("Mine.")}, "Task.description"),
    ({"status": "accepted", "stat": "x", **words("Mine.")}, "Task.stat"),
    ({"status": ["accepted"]}, "Task.status"),
]


def test_what_is_no_answer_is_named(trust: Trust) -> None:
    finding = flagged(trust)
    for said, named in NO_ANSWER:
        assert issue(answer(trust.referrer, finding, **said)) == (422, named), said
    assert state_of(finding) == State.AWAITING


def test_an_action_says_what_and_until_when(trust: Trust) -> None:
    finding = acknowledged(trust)
    for done, named in (
        ([], "Task.output"),
        ([coded("action", "prayer")], "Task.output"),
        ([coded("action", "imaging", "CT.")], "Task.output"),
        (
            [
                coded("action", "imaging", "CT."),
                output("result-expected-on", valueDate="2020-01-01"),
            ],
            "Task.status",
        ),
    ):
        said = {"output": done} if done else {}
        assert issue(answer(trust.referrer, finding, status="in-progress", **said)) == (422, named)
    assert not finding.actions.exists()


def test_none_is_made_by_fhir(trust: Trust) -> None:
    task = {"resourceType": "Task", "intent": "order", "status": "draft"}
    assert issue(send(calling(trust.referrer), task, TASKS)) == (422, "Task.status")
    assert not Finding.objects.exists()


def test_whoever_sees_and_does_not_hold_it_may_not_answer(trust: Trust) -> None:
    finding = flagged(trust)
    for person in (trust.radiologist, trust.coordinator, trust.governance):
        refused = answer(person, finding, status="accepted", **words("Mine."))
        assert issue(refused) == (403, "Task.status")
        answer(person, finding, status="accepted", **words("Mine."))
    stranger = answer(a_trust().referrer, finding, status="accepted", **words("Mine."))
    assert issue(stranger)[0] == 404
    assert state_of(finding) == State.AWAITING
    assert refusals(finding) == [
        (str(person), "acknowledge it")
        for person in (trust.radiologist, trust.coordinator, trust.governance)
    ], "once each, however often they try"


def test_the_second_hears_who_was_first_and_the_same_again_is_no_news(trust: Trust) -> None:
    finding = flagged(trust)
    answer(trust.referrer, finding, status="accepted", **words("Mine."))
    again = answer(trust.referrer, finding, status="accepted", **words("Mine."))
    assert again.status_code == 200
    late = answer(trust.colleague, finding, status="accepted", **words("No, mine."))
    assert issue(late) == (422, "Task.status")
    assert str(trust.referrer) in late.json()["issue"][0]["diagnostics"]
    finding.refresh_from_db()
    assert finding.acknowledged_by == trust.referrer
    assert finding.events.filter(kind=Event.Kind.ACKNOWLEDGED).count() == 1


def test_an_answer_to_an_older_version_is_refused(trust: Trust) -> None:
    finding = flagged(trust)
    client = calling(trust.referrer)
    seen = client.get(f"{TASKS}/{finding.reference}")["ETag"]
    answer(trust.colleague, finding, status="rejected", **words("Not mine."))
    match = {"If-Match": seen}
    stale = answer(trust.referrer, finding, headers=match, status="accepted", **words("Mine."))
    assert issue(stale) == (412, "Task.status")
    match = {"If-Match": client.get(f"{TASKS}/{finding.reference}")["ETag"]}
    taken = answer(trust.referrer, finding, headers=match, status="accepted", **words("Mine."))
    assert taken.status_code == 200


def test_a_report_that_changed_has_to_be_read_first(trust: Trust) -> None:
    finding = flagged(trust)
    sent = arriving(trust, accession=finding.examination.accession, text="Other words.")
    patient = finding.examination.patient
    sent = arriving(
        trust,
        accession=finding.examination.accession,
        text="Other words.",
        reported_at=timezone.now(),
        patient=fhir_patient(patient),
    )
    receive_report(sender=trust.sender, arriving=sent)
    assert issue(answer(trust.referrer, finding, status="accepted", **words("Mine."))) == (
        422,
        "Task.status",
    )
    kept = finding.events.get(kind=Event.Kind.ANSWERED_LATE)
    assert (kept.by, kept.data["plan"]) == (trust.referrer, "Mine.")
    calling(trust.referrer).get(f"{TASKS}/{finding.reference}")
    taken = answer(trust.referrer, finding, status="accepted", **words("Mine."))
    assert taken.status_code == 200, taken.json()


def fhir_patient(patient: Any) -> Any:
    from findings.arrivals import ArrivingPatient

    return ArrivingPatient(family_name=patient.family_name, nhs_number=patient.nhs_number)


def test_what_was_read_can_be_sent_back(trust: Trust) -> None:
    """As a client does that knows nothing of ours: read, change the status, put."""
    finding = flagged(trust)
    client, address = calling(trust.referrer), f"{TASKS}/{finding.reference}"
    read = client.get(address)
    same = send(client, read.json(), address, "PUT", **{"If-Match": read["ETag"]})
    assert (same.status_code, state_of(finding)) == (200, State.AWAITING)
    changed = {**read.json(), "status": "accepted", **words("Clinic.")}
    assert send(client, changed, address, "PUT").json()["status"] == "accepted"
    assert issue(send(client, {**changed, "id": "F-0"}, address, "PUT")) == (400, "Task.id")


def test_a_patch_is_an_answer_too(trust: Trust) -> None:
    finding = flagged(trust)
    client, address = calling(trust.referrer), f"{TASKS}/{finding.reference}"
    patch = [
        {"op": "test", "path": "/status", "value": "requested"},
        {"op": "replace", "path": "/status", "value": "accepted"},
        {"op": "add", "path": "/statusReason", "value": {"text": "Clinic."}},
    ]

    def patched(operations: Any, kind: str = "application/json-patch+json") -> Any:
        import json

        return client.generic("PATCH", address, json.dumps(operations), content_type=kind)

    assert issue(patched(patch, "application/fhir+json"))[0] == 415
    assert issue(patched({"op": "test"}))[0] == 400
    for wrong in (
        [{"op": "move", "path": "/status", "from": "/id"}],
        [{"op": "replace", "path": "/nowhere", "value": 1}],
        [{"op": "add", "path": "/output/9", "value": {}}],
        [{"op": "add", "path": "status", "value": "accepted"}],
        [{"op": "replace", "path": "/status"}],
        [{"op": "remove", "path": "/status"}],
        [7],
    ):
        assert issue(patched(wrong))[0] == 422, wrong
    assert state_of(finding) == State.AWAITING
    assert patched(patch).json()["status"] == "accepted"
    assert issue(patched(patch))[0] == 412, "the test fails now"


def test_a_withdrawn_one_takes_no_answer(trust: Trust) -> None:
    finding = flagged(trust)
    withdraw_finding(finding=finding, by=trust.radiologist, because="Error.")
    late = answer(trust.referrer, finding, status="accepted", **words("Mine."))
    assert issue(late) == (422, "Task.status")
    assert finding.events.filter(kind=Event.Kind.ANSWERED_LATE).count() == 1


def test_a_closed_one_is_not_closed_twice(trust: Trust) -> None:
    finding = acknowledged(trust)
    record_action(
        finding=finding,
        by=trust.referrer,
        kind="imaging",
        text="CT.",
        result_expected_on=timezone.localdate() + timedelta(days=1),
    )
    record_patient_told(finding=finding, by=trust.referrer, how=Finding.ToldHow.TELEPHONE)
    closing = {"status": "completed", "output": [coded("outcome", "nothing")]}
    for person, status in ((trust.coordinator, 403), (trust.referrer, 200), (trust.colleague, 200)):
        assert answer(person, finding, **closing).status_code == status
    assert finding.events.filter(kind=Event.Kind.CLOSED).count() == 1
    assert Examination.objects.count() == 1
