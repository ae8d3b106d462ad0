"""Statements that every message needs, planned once a connection: it takes as long as running them.

A plan follows its tables: PostgreSQL makes another when they change or are analysed.
"""

from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection


class Prepared:
    """One statement with named parameters, of these types."""

    def __init__(self, name: str, sql: str, **types: str) -> None:
        self._name = name
        numbered = sql % {each: f"${n}" for n, each in enumerate(types, start=1)}
        self._prepare = f"PREPARE {name} ({', '.join(types.values())}) AS {numbered}"
        self._execute = f"EXECUTE {name} ({', '.join(f'%({each})s' for each in types)})"

    def row(self, **values: Any) -> tuple[Any, ...] | None:
        """What it returns; None when that is nothing."""
        with connection.cursor() as cursor:
            known = _known.setdefault(connection.connection, set())
            if self._name not in known:
                # The values change nothing: rows are found by their keys. Left to its estimates
                # PostgreSQL plans some for each value after all.
                cursor.execute("SET plan_cache_mode = force_generic_plan")
                cursor.execute(self._prepare)  # outlasts a transaction that is rolled back
                known.add(self._name)
            cursor.execute(self._execute, values)
            return cursor.fetchone()


# By connection: a new one knows nothing.
_known: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
