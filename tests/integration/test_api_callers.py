"""Who may call the JSON API, and that it answers as its schema says."""

import json
import re
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

from findings.models import TokenUse
from findings.services.senders import account_of
from tests.calling import FINDINGS, REPORTS, body, calling, post
from tests.factories import Trust, a_trust, flagged, nhs_number


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


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
    listed = command("make_api_token", sender=trust.sender.code, list=True)
    assert token[:15] in listed
    assert token[:20] not in listed
    assert re.search(r"last used: \d\d \w+ \d{4}", listed)
    command("make_api_token", sender=trust.sender.code, revoke=True)
    assert "has no token" in command("make_api_token", sender=trust.sender.code, list=True)
    assert post(client, body(accession="A2")).status_code == 401


def test_a_token_that_ends_is_refused_and_its_use_is_written_once_a_minute(trust: Trust) -> None:
    token, text = AuthToken.objects.create(trust.referrer)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    assert client.get(FINDINGS).status_code == 200
    first = TokenUse.objects.get(digest=token.digest).last_used_at
    bearer = APIClient()
    bearer.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert bearer.get("/fhir/R4/Task").status_code == 200
    use = TokenUse.objects.get(digest=token.digest)
    assert use.last_used_at == first
    use.last_used_at = first - timedelta(minutes=2)
    use.save()
    client.get(FINDINGS)
    use.refresh_from_db()
    assert use.last_used_at > first - timedelta(minutes=1)
    token.expiry = timezone.now()
    token.save()
    assert client.get(FINDINGS).status_code == 401


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
    ways = schema["components"]["securitySchemes"]
    assert {one["type"] for one in ways.values()} == {"apiKey"}
    assert {one["in"] for one in ways.values()} == {"header", "cookie"}
    for address in schema["paths"].values():
        for operation in address.values():
            assert len(operation["security"]) == 2, operation["operationId"]
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
        ("/api/v1/measures/", "GET"),
        ("/api/v1/measures/{code}/", "GET"),
        ("/api/v1/measures/{code}/rows/", "GET"),
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
    reads = trust.governance if "measures" in path else trust.referrer
    person = account_of(trust.sender) if sends else reads
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
