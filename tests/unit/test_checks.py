"""One test for each unsafe setting that is refused, and what the refusal tells a person to do."""

from collections.abc import Iterator

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from imaging_safety import checks, grants

STRONG = "k2Vd8-0a_Qm5Zt7Yw1Xs9Bn4Hc6Jf3Lg-p0Ru2Ei5To8Aq1Sw4Dz"
TAGS = ["security", "compatibility", "database"]


@pytest.fixture(autouse=True)
def a_safe_hospital(settings) -> None:
    """A real installation behind HTTPS; each test makes one thing unsafe."""
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = STRONG, []
    settings.DEBUG, settings.HTTPS = False, True
    settings.DEMONSTRATION, settings.DEMONSTRATION_ANYWHERE = False, False
    settings.ALLOWED_HOSTS = ["imaging.trust.example"]
    settings.BASE_URL = "https://imaging.trust.example"
    settings.BIND_ADDRESS = "0.0.0.0"


def at_home(settings) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
    settings.BASE_URL = "http://127.0.0.1:8000"
    settings.BIND_ADDRESS = "127.0.0.1"
    settings.HTTPS = False


def refusals(**how: object) -> list[str]:
    found = [m for m in run_checks(tags=TAGS, **how) if m.id.startswith("imaging_safety.")]
    assert all(len(m.hint or "") > 30 for m in found), "every refusal says what to do"
    return [m.id for m in found]


def test_a_safe_hospital_is_not_refused():
    assert refusals() == []
    checks.refuse_unsafe_settings()


@pytest.mark.parametrize(
    "secret", ["short", "a" * 60, "django-insecure-" + STRONG, STRONG[:49], "abab" * 20]
)
def test_a_weak_secret_key_is_refused(settings, secret):
    settings.SECRET_KEY = secret
    assert refusals() == ["imaging_safety.E001"]


def test_a_weak_key_that_is_only_a_fallback_is_refused(settings):
    settings.SECRET_KEY_FALLBACKS = ["changeme"]
    assert refusals() == ["imaging_safety.E001"]


def test_debug_pages_behind_https_are_refused(settings):
    settings.DEBUG = True
    assert "imaging_safety.E002" in refusals()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", ["imaging.trust.example"]),
        ("BASE_URL", "http://imaging.trust.example"),
        ("BIND_ADDRESS", "0.0.0.0"),
    ],
)
def test_debug_pages_that_others_can_reach_are_refused(settings, name, value):
    at_home(settings)
    settings.DEBUG = True
    assert refusals() == []
    setattr(settings, name, value)
    assert "imaging_safety.E002" in refusals()


@pytest.mark.parametrize("hosts", [["*"], ["imaging.trust.example", "*"], []])
def test_any_host_name_is_refused(settings, hosts):
    settings.ALLOWED_HOSTS = hosts
    assert refusals() == ["imaging_safety.E003"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", ["localhost", "imaging.trust.example"]),
        ("ALLOWED_HOSTS", ["10.0.0.4"]),
        ("BASE_URL", "http://imaging.trust.example"),
        ("BIND_ADDRESS", "0.0.0.0"),
        ("BIND_ADDRESS", "::"),
    ],
)
def test_a_demonstration_that_others_can_reach_is_refused(settings, name, value):
    at_home(settings)
    settings.DEMONSTRATION = True
    assert refusals() == []
    setattr(settings, name, value)
    assert "imaging_safety.E004" in refusals()


def test_a_demonstration_elsewhere_can_be_forced(settings):
    settings.DEMONSTRATION = settings.DEMONSTRATION_ANYWHERE = True
    settings.HTTPS = False
    assert refusals() == []


def test_passwords_in_the_clear_are_refused(settings):
    settings.HTTPS = False
    assert refusals() == ["imaging_safety.E005"]


def test_forcing_a_demonstration_does_not_excuse_a_hospital_without_https(settings):
    settings.HTTPS, settings.DEMONSTRATION_ANYWHERE = False, True
    assert refusals() == ["imaging_safety.E005"]


@pytest.mark.parametrize(
    ("name", "value"), [("USE_TZ", False), ("CELERY_TIMEZONE", "Europe/London")]
)
def test_clocks_that_are_not_utc_are_refused(settings, name, value):
    setattr(settings, name, value)
    assert refusals() == ["imaging_safety.E006"]


def test_the_web_server_does_not_start_with_refused_settings(settings):
    settings.ALLOWED_HOSTS = ["*"]
    with pytest.raises(ImproperlyConfigured, match=r"E003.*ALLOWED_HOSTS.*Set ALLOWED_HOSTS"):
        checks.refuse_unsafe_settings()


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("[::1]", True),
        ("localhost", True),
        ("demo.localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("localhost.trust.example", False),
        ("", False),
    ],
)
def test_only_loopback_is_loopback(host, is_ours):
    assert checks.is_loopback(host) is is_ours


# --- What the database and the broker must promise -------------------------------------------


def alter(name: str, to: str) -> None:
    """For this connection alone where PostgreSQL lets us."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL {name} = {to}")


@pytest.mark.django_db
def test_a_database_that_may_lose_what_it_confirmed_is_refused():
    """The tests' own server is such a one: quick and not durable."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        if cursor.fetchone()[0] == "on":  # a server of your own, by DATABASE_URL
            alter("synchronous_commit", "off")
    found = refusals(databases=["default"])
    assert "imaging_safety.E007" in found
    alter("synchronous_commit", "on")
    assert (
        refusals(databases=["default"]).count("imaging_safety.E007")
        == found.count("imaging_safety.E007") - 1
    )


@pytest.mark.parametrize(
    ("host", "tls", "refused"),
    [
        ("mail.trust.example", False, True),
        ("mail.trust.example", True, False),
        ("127.0.0.1", False, False),
    ],
)
def test_mail_in_clear_to_another_machine_is_refused(settings, host, tls, refused):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = host, tls, False
    assert ("imaging_safety.E010" in refusals()) is refused


@pytest.fixture
def broker(settings) -> Iterator[object]:
    from imaging_safety.health import broker_client

    with broker_client() as client:
        before = client.config_get("maxmemory-policy")["maxmemory-policy"]
        yield client
        client.config_set("maxmemory-policy", before)


@pytest.mark.django_db
def test_a_broker_that_drops_queues_is_refused(broker):
    assert "imaging_safety.E008" not in refusals(databases=["default"])
    broker.config_set("maxmemory-policy", "allkeys-lru")
    assert "imaging_safety.E008" in refusals(databases=["default"])


@pytest.mark.django_db
def test_a_broker_that_is_down_is_only_a_warning(broker_at):
    broker_at("redis://127.0.0.1:1/0")
    found = refusals(databases=["default"])
    assert "imaging_safety.W001" in found
    assert "imaging_safety.E008" not in found


@pytest.mark.django_db
def test_an_owner_that_could_rewrite_history_is_refused_as_the_application():
    found = refusals(databases=["default"], include_deployment_checks=True)
    assert "imaging_safety.E009" in found


def test_the_restricted_role_cannot_rewrite_history(application_role):
    assert grants.tables_it_could_rewrite(connection) == []
    found = refusals(databases=["default"], include_deployment_checks=True)
    assert "imaging_safety.E009" not in found
