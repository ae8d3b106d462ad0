"""What every test may ask for."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.one_migration import django_db_modify_db_settings, offer_as_model  # noqa: F401
from tests.quick_settings import (  # noqa: F401
    pytest_collection_finish,
    pytest_configure,
    pytest_unconfigure,
)

IN_CI = os.environ.get("CI", "").lower() == "true"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Policy is the same for every test: load it once, outside their transactions.

    A test that really commits is cleaned up by tests/committed_rows.py.
    """
    from django.test import TransactionTestCase

    from tests import committed_rows
    from tests.factories import policy_in_force

    with django_db_blocker.unblock():
        committed_rows.forget_an_earlier_session()
        policy_in_force()
        committed_rows.keep()
        offer_as_model()
    TransactionTestCase._fixture_teardown = lambda case: committed_rows.put_back()  # type: ignore[method-assign]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.sharing import Sharing

    return Sharing(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first: the workers share the files, and none shall end with a
    long one while the others have nothing left to do."""
    long = {
        item.path
        for item in items
        if any(item.get_closest_marker(name) for name in ("engine", "browser", "long"))
    }
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture
def application_role(db: None) -> Iterator[str]:
    """Act in the database as the running application does: it owns nothing."""
    from django.db import connection

    from imaging_safety import embedded, grants

    role = os.environ.get("TEST_APPLICATION_ROLE", embedded.APPLICATION)
    grants.restrict(connection, role)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")
    yield role
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


@pytest.fixture
def broker_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Point this process at another broker. By the environment, which Celery asks first and each
    time: a value set on its configuration would stay there after the test."""

    def point(url: str) -> None:
        for name in ("CELERY_BROKER_URL", "CELERY_BROKER_WRITE_URL"):
            monkeypatch.setenv(name, url)

    return point


@pytest.fixture(scope="session")
def cases() -> Path:
    """Real messages that nobody here wrote, where the machine has them."""
    named = os.environ.get("IMAGING_SAFETY_CASES")
    if not named:
        pytest.skip("set IMAGING_SAFETY_CASES to a directory of messages to try them")
    return Path(named)


def _may_skip(report: pytest.TestReport) -> bool:
    """Messages that the project may not ship are not on every machine."""
    return "IMAGING_SAFETY_CASES" in str(report.longrepr)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that was skipped is a test that failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not IN_CI or hasattr(session.config, "workerinput") or not reporter:
        return
    if not all(_may_skip(report) for report in reporter.stats.get("skipped", [])):
        reporter.write_line("\n*** Tests were skipped; in CI that is a failure. ***", red=True)
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
