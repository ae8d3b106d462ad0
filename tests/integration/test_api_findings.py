"""Reports and findings out of the JSON API, and answers to findings."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from findings.fhir.shapes import faults
from findings.models import (
    Event,
    Finding,
    Viewing,
)
from findings.services.acknowledge import acknowledge_finding
from findings.services.ask import answer_question, ask_radiologist
from findings.states import State
from notifications.firing import fire_due_steps
from tests.calling import FINDINGS, REPORTS, calling
from tests.factories import Trust, a_trust, acknowledged, flagged, reported
from tests.integration.policy_files import with_question_limit


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


def test_reports_are_read_by_whoever_may(trust: Trust) -> None:
    report = reported(trust).current_report
    reader = calling(trust.referrer)
    (row,) = reader.get(REPORTS).json()["results"]
    assert row["id"] == str(report.public_id)
    assert "text" not in row
    one = reader.get(f"{REPORTS}{report.public_id}/").json()
    assert one["text"] == report.text
    stranger = calling(a_trust().referrer)
    assert stranger.get(REPORTS).json()["results"] == []
    assert stranger.get(f"{REPORTS}{report.public_id}/").status_code == 404


def test_findings_are_filtered(trust: Trust) -> None:
    now = timezone.now()
    late = flagged(trust, category="critical", at=now - timedelta(days=2))
    fresh = flagged(trust, category="urgent")
    mine = acknowledged(trust)
    caller = calling(trust.governance)

    def references(**query: str) -> set[str]:
        answer = caller.get(FINDINGS, query)
        assert answer.status_code == 200, answer.json()
        return {row["reference"] for row in answer.json()["results"]}

    assert references() == {late.reference, fresh.reference, mine.reference}
    assert references(overdue="true") == {late.reference}
    assert references(overdue="false") == {fresh.reference, mine.reference}
    assert references(category="urgent") == {fresh.reference}
    assert references(state="acknowledged") == {mine.reference}
    assert references(site=trust.site.ods_code, state="awaiting") == {
        late.reference,
        fresh.reference,
    }
    assert references(site="NOWHERE") == set()


@pytest.mark.parametrize("query", [{"state": "odd"}, {"category": "odd"}, {"site": "A\x00"}])
def test_a_filter_that_cannot_be_is_named(trust: Trust, query: dict[str, str]) -> None:
    answer = calling(trust.governance).get(FINDINGS, query)
    assert (answer.status_code, answer.json()["field"]) == (400, next(iter(query)))


def test_pages_neither_repeat_nor_leave_out(trust: Trust) -> None:
    at = timezone.now() - timedelta(hours=1)
    old = {flagged(trust, at=at).reference for _ in range(5)}
    caller = calling(trust.governance)
    seen: list[str] = []
    address: str | None = f"{FINDINGS}?page_size=2"
    while address:
        page = caller.get(address).json()
        seen += [row["reference"] for row in page["results"]]
        address = page["next"]
        if len(seen) == 2:
            flagged(trust)  # arrives while somebody turns the page
    assert len(seen) == len(set(seen)) == 5
    assert set(seen) == old


@pytest.mark.parametrize("position", ["odd", "2026-01-01", "-1", "\x00", "9" * 30, "1.5"])
def test_a_cursor_that_we_did_not_make_leads_nowhere(trust: Trust, position: str) -> None:
    from base64 import b64encode
    from urllib.parse import urlencode

    cursor = b64encode(urlencode({"p": position}).encode()).decode()
    answer = calling(trust.governance).get(FINDINGS, {"cursor": cursor})
    assert answer.status_code == 404


def test_one_finding_with_its_timeline(trust: Trust) -> None:
    finding = acknowledged(trust)
    caller = calling(trust.referrer)
    one = caller.get(f"{FINDINGS}{finding.reference}/").json()
    assert one["plan"] == finding.plan
    assert one["patient"]["family_name"] == finding.examination.patient.family_name
    events = caller.get(f"{FINDINGS}{finding.reference}/events/").json()
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    assert {"flagged", "acknowledged", "read"} <= {event["kind"] for event in events}
    small = caller.get(f"{FINDINGS}{finding.reference.lower()}/")
    assert small.json()["reference"] == finding.reference


def test_one_finding_says_the_plans_day_who_was_told_and_what_was_asked(
    trust: Trust, tmp_path: Path
) -> None:
    with_question_limit(tmp_path)
    day = timezone.localdate() + timedelta(days=2)
    finding = flagged(trust, category="significant_unexpected")
    fire_due_steps()
    acknowledge_finding(finding=finding, by=trust.referrer, plan="Clinic.", plan_by=day)
    asked = ask_radiologist(finding=finding, by=trust.referrer, text="Is it new?")
    answer_question(question=asked, by=trust.radiologist, text="Yes.")
    open_one = ask_radiologist(finding=finding, by=trust.colleague, text="Which lobe?")
    one = calling(trust.referrer).get(f"{FINDINGS}{finding.reference}/").json()
    assert one["plan_by"] == day.isoformat()
    told = [(line["role"], line["people"]) for line in one["told"]]
    radiologist, referrer = str(trust.radiologist), str(trust.referrer)
    assert told == [
        ("owner", [referrer]),
        ("question", [radiologist]),
        ("reply", [referrer]),
        ("question", [radiologist]),
    ]
    assert [
        (q["text"], q["asked_by"], q["answer"], q["answered_by"]) for q in one["questions"]
    ] == [
        ("Is it new?", referrer, "Yes.", radiologist),
        ("Which lobe?", str(trust.colleague), "", None),
    ]
    first, second = one["questions"]
    assert first["due_at"] is None
    due_at = open_one.clocks.get().due_at
    assert parse_datetime(second["due_at"]) == due_at
    schema = calling(trust.referrer).get("/api/v1/schema/").content.decode()
    for name in ("plan_by", "told", "questions", "answered_at"):
        assert name in schema
    task = calling(trust.referrer).get(f"/fhir/R4/Task/{finding.reference}").json()
    said = [(note["authorReference"]["display"], note["text"]) for note in task["note"]]
    assert said == [
        (referrer, "Question: Is it new?"),
        (radiologist, "Answer: Yes."),
        (str(trust.colleague), "Question: Which lobe?"),
    ]
    (planned,) = [one for one in task["output"] if one["type"]["coding"][0]["code"] == "planned-by"]
    assert planned["valueDate"] == day.isoformat()
    assert faults(task) == []


def test_every_read_is_recorded(trust: Trust) -> None:
    finding = flagged(trust)
    patient = finding.examination.patient_id
    caller = calling(trust.referrer)
    report = finding.report.public_id
    for address in (
        FINDINGS,
        f"{FINDINGS}{finding.reference}/",
        f"{FINDINGS}{finding.reference}/events/",
        REPORTS,
        f"{REPORTS}{report}/",
    ):
        Viewing.objects.all()
        before = Viewing.objects.count()
        assert caller.get(address).status_code == 200
        viewing = Viewing.objects.order_by("pk").last()
        assert Viewing.objects.count() == before + 1
        assert (viewing.person, viewing.patients) == (trust.referrer, [patient])
        assert viewing.page.startswith("api-")
    finding.refresh_from_db()
    assert finding.state == State.AWAITING, "reading is not acknowledging"


# --- Answers


def answer(client: APIClient, finding: Finding, what: str, **given: Any) -> Any:
    return client.post(f"{FINDINGS}{finding.reference}/{what}/", given, format="json")


def test_a_referrer_acknowledges_with_a_plan(trust: Trust) -> None:
    finding = flagged(trust)
    done = answer(calling(trust.referrer), finding, "acknowledge", plan="Clinic on Friday.")
    assert done.status_code == 200, done.json()
    assert (done.json()["state"], done.json()["plan"]) == ("acknowledged", "Clinic on Friday.")
    finding.refresh_from_db()
    assert finding.acknowledged_by == trust.referrer


@pytest.mark.parametrize("plan", ["", "   ", None])
def test_an_acknowledgement_needs_a_plan(trust: Trust, plan: str | None) -> None:
    finding = flagged(trust)
    refused = answer(calling(trust.referrer), finding, "acknowledge", plan=plan)
    assert (refused.status_code, refused.json()["field"]) == (400, "plan")
    finding.refresh_from_db()
    assert finding.state == State.AWAITING


def test_the_second_to_acknowledge_hears_who_was_first(trust: Trust) -> None:
    finding = acknowledged(trust)
    late = answer(calling(trust.colleague), finding, "acknowledge", plan="Mine.")
    assert late.status_code == 409
    assert str(trust.referrer) in late.json()["detail"]
    finding.refresh_from_db()
    assert finding.acknowledged_by == trust.referrer


def test_an_answer_to_what_has_changed_meanwhile_is_refused(trust: Trust) -> None:
    finding = flagged(trust)
    caller = calling(trust.referrer)
    seen = caller.get(f"{FINDINGS}{finding.reference}/").json()["seen"]
    other = answer(calling(trust.colleague), finding, "decline", because="Not my patient.")
    assert other.status_code == 200
    late = answer(caller, finding, "acknowledge", plan="Mine.", seen=seen)
    assert late.status_code == 409
    assert answer(caller, finding, "acknowledge", plan="Mine.").status_code == 200


def test_declining_names_the_right_owner_by_code(trust: Trust) -> None:
    finding = flagged(trust)
    code = trust.colleague.professional_code
    done = answer(calling(trust.referrer), finding, "decline", because="Hers.", to=code.lower())
    assert done.status_code == 200, done.json()
    finding.refresh_from_db()
    assert finding.owner_person == trust.colleague
    unknown = answer(calling(trust.colleague), finding, "decline", because="No.", to="C999")
    assert (unknown.status_code, unknown.json()["field"]) == (400, "to")


@pytest.mark.parametrize("what", ["acknowledge", "decline"])
def test_whoever_sees_and_does_not_hold_it_may_not_answer(trust: Trust, what: str) -> None:
    finding = flagged(trust)
    given = {"plan": "Mine."} if what == "acknowledge" else {"because": "No."}
    for person in (trust.radiologist, trust.coordinator, trust.governance):
        refused = answer(calling(person), finding, what, **given)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    stranger = answer(calling(a_trust().referrer), finding, what, **given)
    assert stranger.status_code == 404
    assert not finding.events.filter(kind=Event.Kind.ACKNOWLEDGED).exists()
    tried = finding.events.filter(kind=Event.Kind.REFUSED).order_by("number")
    assert [line.by for line in tried] == [trust.radiologist, trust.coordinator, trust.governance]


def test_a_get_of_an_answer_changes_nothing(trust: Trust) -> None:
    finding = flagged(trust)
    caller = calling(trust.referrer)
    for what in ("acknowledge", "decline"):
        assert caller.get(f"{FINDINGS}{finding.reference}/{what}/").status_code == 405
    finding.refresh_from_db()
    assert finding.state == State.AWAITING
