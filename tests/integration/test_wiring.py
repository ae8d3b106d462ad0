"""Health, the limit on a sign-in, and the answers to what goes wrong."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client
from django.utils import timezone

from findings.models import Role
from imaging_safety import errors
from tests.factories import PersonFactory

BROKEN_BROKER = "redis://127.0.0.1:1/0"


@pytest.fixture
def person(db):
    return PersonFactory(roles=[Role.REFERRER])


@pytest.fixture
def no_broker(broker_at) -> None:
    broker_at(BROKEN_BROKER)


def test_health_needs_no_sign_in_and_says_the_release(client, db, settings):
    answer = client.get("/health/")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "release": settings.RELEASE,
        "database": "ok",
        "broker": "ok",
    }


def test_without_a_broker_it_goes_on_and_says_so(client, db, no_broker):
    answer = client.get("/health/")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["broker"] == "down"


@pytest.mark.django_db(transaction=True)
def test_without_the_database_it_is_unavailable(client):
    connection = connections["default"]
    connection.close()
    kept = connection.settings_dict["OPTIONS"]
    connection.settings_dict["OPTIONS"] = kept | {"host": "/nowhere"}
    kept_host, connection.settings_dict["HOST"] = connection.settings_dict["HOST"], ""
    try:
        answer = client.get("/health/")
    finally:
        connection.settings_dict["OPTIONS"] = kept
        connection.settings_dict["HOST"] = kept_host
        connection.close()
    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert answer.json()["database"] == "down"


def test_health_cannot_be_written_to(client, db):
    assert client.post("/health/").status_code == 405


def is_signed_in(client: Client) -> bool:
    """The first page leads a person to their own, and everybody else to the sign-in page."""
    return not client.get("/").url.startswith("/sign-in/")


def test_a_sign_in_ends_after_twelve_hours_however_busy(client, person, settings):
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        client.force_login(person)
        for _ in range(settings.SESSION_ABSOLUTE_SECONDS // 1200):
            assert is_signed_in(client)
            clock.shift(timedelta(seconds=1200))
        assert is_signed_in(client), "twelve hours to the second are allowed"
        clock.shift(timedelta(seconds=1))
        assert not is_signed_in(client)


def test_a_sign_in_that_nobody_uses_ends_sooner(client, person, settings):
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        client.force_login(person)
        assert is_signed_in(client)
        clock.shift(timedelta(seconds=settings.SESSION_COOKIE_AGE + 1))
        assert not is_signed_in(client)


def test_whoever_is_busy_stays_signed_in_and_their_session_is_written_once_a_minute(
    client, person, settings
):
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        client.force_login(person)
        written = set()
        for _ in range(settings.SESSION_COOKIE_AGE // 20 + 3):
            assert is_signed_in(client)
            written.add(Session.objects.values_list("expire_date", flat=True).get())
            clock.shift(timedelta(seconds=20))
    assert len(written) == settings.SESSION_COOKIE_AGE // 60 + 1


def test_the_interface_for_programs_answers_in_json(client, person):
    client.force_login(person)
    answer = client.get("/api/v1/nowhere/")
    assert answer.status_code == 404
    assert answer.json() == {"detail": errors.SENTENCES[404]}


@pytest.mark.parametrize(
    ("status", "view"),
    [
        (400, errors.bad_request),
        (403, errors.permission_denied),
        (404, errors.not_found),
        (403, errors.csrf_failure),
        (500, errors.server_error),
    ],
)
def test_an_error_page_whose_template_fails_is_still_a_sentence(rf, monkeypatch, status, view):
    def fails(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(errors, "render", fails)
    monkeypatch.setattr(errors, "render_to_string", fails)
    answer = view(rf.get("/findings/"))
    assert answer.status_code == status
    assert answer.content.decode() == errors.SENTENCES[status]
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_an_error_of_ours_is_a_page_without_the_error(person, monkeypatch):
    from imaging_safety import views

    def breaks(*_args: object) -> None:
        raise ValueError("9990000018")

    monkeypatch.setattr(views.SignIn, "get", breaks)
    client = Client(raise_request_exception=False)
    answer = client.get("/sign-in/")
    assert answer.status_code == 500
    assert "9990000018" not in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"
