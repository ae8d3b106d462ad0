"""One worker migrates; the others copy its database. Migrating takes ten seconds of a core.

Only on a server that goes away with the tests: on another one a copy would stay behind.
"""

import fcntl
import os
from collections.abc import Iterator
from typing import IO, Any

import pytest

# The file by which the workers take turns; services_plugin.py names it where they may share.
TURNS = "TEST_DATABASE_TURNS"
MODEL = "test_model"

_turn: IO[str] | None = None


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: Any
) -> Iterator[None]:
    """pytest-django asks for this before it looks for the worker's database."""
    if TURNS in os.environ and "PYTEST_XDIST_WORKER" in os.environ:
        with django_db_blocker.unblock():
            _copy_or_take_the_turn()
    yield
    _end_the_turn()


def _copy_or_take_the_turn() -> None:
    """The first comes away with the lock, and everybody else with a database."""
    global _turn
    from django.conf import settings

    _turn = open(os.environ[TURNS], "w")  # noqa: SIM115  held until the database is there
    fcntl.flock(_turn, fcntl.LOCK_EX)
    if _is_there(MODEL):
        _copy(MODEL, settings.DATABASES["default"]["TEST"]["NAME"])
        _end_the_turn()


def offer_as_model() -> None:
    """The first has migrated and filled its database: from here the others copy it."""
    from django.db import connection

    if _turn is not None:
        own = connection.settings_dict["NAME"]
        connection.close()  # a database that somebody uses cannot be copied
        _copy(own, MODEL)
        _end_the_turn()


def _end_the_turn() -> None:
    global _turn
    if _turn is not None:
        _turn.close()
        _turn = None


def _is_there(name: str) -> bool:
    return bool(_ask("SELECT 1 FROM pg_database WHERE datname = %s", [name]))


def _copy(name: str, to: str) -> None:
    _ask(f'CREATE DATABASE "{to}" TEMPLATE "{name}"')


def _ask(sql: str, values: list[str] | None = None) -> list[Any]:
    """On the server, in none of its test databases; each statement by itself."""
    from django.db import connection

    with connection._nodb_cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []
