"""The settings that a person who changes one should have to think about twice."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import settings as current
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.utils.module_loading import import_string

import imaging_safety.settings as written

REQUIRED = {
    "SECRET_KEY": "any",
    "DATABASE_URL": "postgresql://imaging_safety@/imaging_safety?host=/run/postgresql",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
}


@pytest.fixture
def settings_with(monkeypatch):
    """The settings as a hospital gets them: nothing in the environment but what is given."""

    def read(**environment: str) -> ModuleType:
        for name in os.environ:
            if name not in ("PATH", "HOME"):
                monkeypatch.delenv(name)
        for name, value in (REQUIRED | environment).items():
            monkeypatch.setenv(name, value)
        spec = importlib.util.spec_from_file_location("settings_again", Path(written.__file__))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return read


def test_nothing_unsafe_is_on_unless_it_is_asked_for(settings_with):
    as_installed = settings_with()
    assert as_installed.HTTPS is True
    assert as_installed.DEBUG is False
    assert as_installed.DEMONSTRATION is False
    assert as_installed.DEMONSTRATION_ANYWHERE is False
    assert as_installed.SESSION_COOKIE_SECURE is as_installed.CSRF_COOKIE_SECURE is True
    assert as_installed.SECURE_HSTS_SECONDS >= 31536000


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_what_has_no_safe_default_must_be_set(settings_with, monkeypatch, name):
    read = settings_with
    read()
    monkeypatch.delenv(name)
    spec = importlib.util.spec_from_file_location("settings_again", Path(written.__file__))
    with pytest.raises(Exception, match=name):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_a_database_reached_by_a_socket_is_understood(settings_with):
    database = settings_with().DATABASES["default"]
    assert database["OPTIONS"]["host"] == "/run/postgresql"
    assert database["USER"] == database["NAME"] == "imaging_safety"
    assert "statement_timeout" in database["OPTIONS"]["options"]


def test_a_mail_server_is_read_from_its_address(settings_with):
    read = settings_with(EMAIL_URL="smtp+tls://sender:secret@mail.trust.example:587")
    assert (read.EMAIL_HOST, read.EMAIL_PORT) == ("mail.trust.example", 587)
    assert read.EMAIL_USE_TLS is True


def test_the_content_security_policy_allows_no_inline_code_and_no_outside_host():
    directives = current.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    sources = {source for given in directives.values() for source in given}
    assert not any("unsafe" in str(source) for source in sources)
    assert not any("://" in str(source) or str(source) in ("https:", "*") for source in sources)
    assert directives["default-src"] == ["'none'"]
    assert directives["object-src"] == directives["frame-ancestors"] == ["'none'"]


def test_every_page_needs_a_sign_in_unless_it_says_otherwise():
    chain = map(import_string, current.MIDDLEWARE)
    assert any(isinstance(one, type) and issubclass(one, LoginRequiredMiddleware) for one in chain)
    assert current.REST_FRAMEWORK["DEFAULT_PERMISSION_CLASSES"] == [
        "rest_framework.permissions.IsAuthenticated"
    ]


def test_a_task_outlives_no_lease_and_no_lost_worker():
    options = current.CELERY_BROKER_TRANSPORT_OPTIONS
    assert current.CELERY_TASK_ACKS_LATE
    assert current.CELERY_TASK_REJECT_ON_WORKER_LOST
    assert options["visibility_timeout"] > current.CELERY_TASK_TIME_LIMIT
    assert current.CELERY_TASK_SOFT_TIME_LIMIT < current.CELERY_TASK_TIME_LIMIT
    assert current.DELIVERY_LEASE_SECONDS > current.EMAIL_TIMEOUT
    assert options["socket_timeout"]
    assert options["socket_connect_timeout"]


def test_beat_only_keeps_intervals_because_clocks_change():
    for entry in current.CELERY_BEAT_SCHEDULE.values():
        assert entry["schedule"].run_every.total_seconds() > 0
        assert "countdown" not in entry["options"]
        assert "eta" not in entry["options"]
