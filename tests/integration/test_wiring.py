"""Health, the limit on a sign-in, and the answers to what goes wrong."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.models import Role
from imaging_safety import errors
from notifications.rounds import forget_sign_ins
from tests.factories import PersonFactory, a_trust, flagged
from tests.pages import hidden_in, words_of

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


@pytest.mark.parametrize(
    ("limit", "who"),
    [
        ("SESSION_COOKIE_AGE", "referrer"),
        ("SESSION_ABSOLUTE_SECONDS", "referrer"),
        ("SESSION_COOKIE_AGE", "colleague"),
    ],
)
def test_what_was_typed_outlives_the_sign_in(db, settings, limit, who):
    finding = flagged(trust := a_trust())
    page = reverse("acknowledge", args=[finding.reference])
    client = Client(enforce_csrf_checks=True)
    if limit == "SESSION_ABSOLUTE_SECONDS":
        settings.SESSION_COOKIE_AGE = 2 * settings.SESSION_ABSOLUTE_SECONDS
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client.force_login(trust.referrer)
        sent = hidden_in(client.get(page)) | {"choice": "other", "details": "Ring <Ann> & Bob"}
        clock.shift(timedelta(seconds=getattr(settings, limit) + 1))
        answer = client.post(page, sent | {"password": "secret"})
        assert answer.url == f"/sign-in/?next={page}", "nothing of it is in the address"
        sign_in = words_of(client.get(answer.url))
        assert "what you sent was not taken" in sign_in
        assert "Ann" not in sign_in
        assert "secret" not in str(dict(client.session))
        client.force_login(getattr(trust, who))
        again, later = client.get(page), client.get(page)
    shown = "Ring &lt;Ann&gt; &amp; Bob" in again.content.decode()
    assert shown is (who == "referrer"), "nobody else is shown it"
    assert shown is ('value="other" checked' in again.content.decode())
    assert shown is ("It has not been sent yet" in words_of(again))
    assert "Ann" not in words_of(later), "once"
    finding.refresh_from_db()
    assert finding.acknowledged_at is None


def test_what_was_typed_on_a_page_of_an_earlier_sign_in_is_in_its_form_again(db):
    finding = flagged(trust := a_trust())
    page = reverse("acknowledge", args=[finding.reference])
    client = Client(enforce_csrf_checks=True)
    client.force_login(trust.referrer)
    sent = hidden_in(client.get(page)) | {"choice": "other", "details": "Ring Ann"}
    # Signed in again in another window.
    sent["csrfmiddlewaretoken"] = "x" * len(sent["csrfmiddlewaretoken"])
    foreign = client.post(page, sent, headers={"origin": "https://elsewhere.example"})
    assert (foreign.status_code, "Ring Ann" in client.get(page).content.decode()) == (403, False)
    answer = client.post(page, sent, headers={"origin": "http://testserver"})
    assert answer.status_code == 403
    assert f'href="{page}"' in answer.content.decode()
    assert "Ring Ann" in client.get(page).content.decode()


def test_a_press_without_a_sign_in_says_that_it_was_not_taken(db):
    client = Client()
    assert client.post("/held/").status_code == 302
    assert "Sign in, and send it again" in words_of(client.get("/sign-in/"))
    assert not Session.objects.exists(), "nobody fills the database from outside"


def test_what_was_typed_and_never_sent_is_forgotten(db):
    for days in (0, 2):
        ended = timezone.now() - timedelta(days=days, minutes=1)
        Session.objects.create(session_key=f"{days}", session_data="", expire_date=ended)
    forget_sign_ins()
    assert Session.objects.get().pk == "0", "it says whose it was"


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
