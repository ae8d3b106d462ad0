"""The JSON API: reports in, findings out, and the same rules as the pages."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.validation import validate_schema
from knox.models import AuthToken
from rest_framework.test import APIClient

from findings.models import (
    Event,
    Examination,
    Finding,
    IncomingMessage,
    Person,
    Receipt,
    Report,
    Viewing,
)
from findings.services.senders import account_of
from findings.states import State
from tests.factories import Trust, a_trust, acknowledged, flagged, nhs_number, reported

REPORTS = "/api/v1/reports/"
FINDINGS = "/api/v1/findings/"
TEXT = "Nodule of 14 mm in the right upper lobe."


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


def calling(person: Person) -> APIClient:
    """With a token of their own."""
    _, token = AuthToken.objects.create(person)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


@pytest.fixture
def ris(trust: Trust) -> APIClient:
    """The trust's RIS."""
    return calling(account_of(trust.sender))


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


# --- Reports in


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
    assert Report.objects.count() == IncomingMessage.objects.count() == 1


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
    assert set(answer.json()) == {"code", "field", "detail", "suggestion", "problems"}


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


# --- Reports and findings out


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


def test_a_get_of_an_answer_changes_nothing(trust: Trust) -> None:
    finding = flagged(trust)
    caller = calling(trust.referrer)
    for what in ("acknowledge", "decline"):
        assert caller.get(f"{FINDINGS}{finding.reference}/{what}/").status_code == 405
    finding.refresh_from_db()
    assert finding.state == State.AWAITING


# --- Who may call


def test_without_a_token_nothing_is_answered(db: None) -> None:
    nobody = APIClient()
    for address in (REPORTS, FINDINGS, f"{FINDINGS}F-0000000000/", "/api/v1/schema/"):
        said = nobody.get(address)
        assert said.status_code == 401, address
        assert said["WWW-Authenticate"] == "Token"
    assert post(nobody, body()).status_code == 401


def test_a_session_may_call_but_not_without_its_form_token(trust: Trust) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(trust.referrer, backend="django.contrib.auth.backends.ModelBackend")
    finding = flagged(trust)
    assert browser.get(FINDINGS).status_code == 200
    refused = browser.post(
        f"{FINDINGS}{finding.reference}/acknowledge/",
        {"plan": "Mine."},
        content_type="application/json",
    )
    assert refused.status_code == 403


def test_somebody_who_has_left_calls_no_more(trust: Trust) -> None:
    caller = calling(trust.referrer)
    trust.referrer.is_active = False
    trust.referrer.save()
    assert caller.get(FINDINGS).status_code == 401


def command(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


def test_a_token_is_made_shown_once_and_revoked(trust: Trust) -> None:
    printed = command("make_api_token", sender=trust.sender.code, days=30)
    token = printed.splitlines()[1]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert post(client, body()).status_code == 201
    assert not AuthToken.objects.filter(digest__contains=token[:20]).exists()
    trust.sender.refresh_from_db()
    assert not trust.sender.account.has_usable_password()
    assert trust.sender.account.roles == []
    command("make_api_token", sender=trust.sender.code, revoke=True)
    assert post(client, body(accession="A2")).status_code == 401


def test_a_token_for_nobody_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="Nobody who works here"):
        command("make_api_token", person="nobody")
    with pytest.raises(CommandError, match="Set up are"):
        command("make_api_token", sender="NONE|X")


# --- The schema, and what it promises


@pytest.fixture
def schema(trust: Trust) -> dict[str, Any]:
    answer = calling(trust.referrer).get("/api/v1/schema/?format=json")
    return json.loads(answer.content)


def test_the_schema_is_valid_and_names_every_address(schema: dict[str, Any]) -> None:
    validate_schema(schema)
    assert {"/api/v1/reports/", "/api/v1/findings/{reference}/acknowledge/"} <= set(schema["paths"])


@pytest.fixture
def one_connection(schema: dict[str, Any]) -> Iterator[None]:
    """Requests that arrive as from a server see what this test has not committed.

    After `schema`: Django's own test client connects these again.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("one_connection")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("path", "method"),
    [
        (REPORTS, "POST"),
        (REPORTS, "GET"),
        ("/api/v1/reports/{public_id}/", "GET"),
        (FINDINGS, "GET"),
        ("/api/v1/findings/{reference}/", "GET"),
        ("/api/v1/findings/{reference}/acknowledge/", "POST"),
        ("/api/v1/findings/{reference}/decline/", "POST"),
    ],
)
def test_whatever_the_schema_allows_is_answered_as_it_says(
    trust: Trust, schema: dict[str, Any], path: str, method: str
) -> None:
    import schemathesis
    from django.core.wsgi import get_wsgi_application
    from hypothesis import HealthCheck, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        response_schema_conformance,
        status_code_conformance,
    )

    flagged(trust)
    sends = path == REPORTS and method == "POST"
    person = account_of(trust.sender) if sends else trust.referrer
    _, token = AuthToken.objects.create(person)
    api = schemathesis.openapi.from_dict(schema)
    api.app = get_wsgi_application()
    operation = api[path][method]

    @settings(
        max_examples=25 if sends else 10,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        response = case.call(headers={"Authorization": f"Token {token}"})
        case.validate_response(
            response,
            checks=[not_a_server_error, response_schema_conformance, status_code_conformance],
        )

    run()


def test_no_address_holds_a_number(trust: Trust) -> None:
    finding = flagged(trust)
    number = finding.examination.patient.nhs_number
    for name in ("api-finding", "api-finding-events", "api-acknowledge", "api-decline"):
        assert number not in reverse(name, args=[finding.reference])
    assert nhs_number(1) != nhs_number(2)
