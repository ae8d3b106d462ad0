"""Statements that every message needs, in or out, planned once a connection.

Planning one takes as long as running it. A plan follows its tables: PostgreSQL makes another when
they change or are analysed. Behind a pooler that hands each transaction to another session nothing
can be prepared. That is noticed, and they go whole.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DatabaseError, connection, transaction

log = logging.getLogger(__name__)

# "invalid_sql_statement_name" and "duplicate_prepared_statement": the session is not ours alone.
NOT_OUR_SESSION = ("26000", "42P05")


# The values change nothing: rows are found by their keys. Left to its estimates PostgreSQL plans
# some for each value after all.
PLANNED_ONCE = "SET plan_cache_mode = force_generic_plan"


class Prepared:
    """One statement with named parameters, of these types."""

    def __init__(self, name: str, sql: str, **types: str) -> None:
        self._name = name
        self._whole = sql % {each: f"%({each})s::{kind}" for each, kind in types.items()}
        numbered = sql % {each: f"${n}" for n, each in enumerate(types, start=1)}
        self._prepare = f"PREPARE {name} ({', '.join(types.values())}) AS {numbered}"
        self._execute = f"EXECUTE {name} ({', '.join(f'%({each})s' for each in types)})"

    def row(self, **values: Any) -> tuple[Any, ...] | None:
        """The first that it returns; None when that is nothing."""
        return next(iter(self.rows(**values)), None)

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """All that it returns."""
        global _pooled
        if _pooled:
            return self._plain(values)
        try:
            return self._prepared(values)
        except DatabaseError as error:
            if getattr(error.__cause__, "pgcode", None) not in NOT_OUR_SESSION:
                raise
            _pooled = True
            log.warning("the database is behind a pooler: statements are not prepared")
            if connection.in_atomic_block:  # which is lost; what is tried again goes through
                raise
            return self._plain(values)

    def _plain(self, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(self._whole, values)
            return cursor.fetchall()

    def _prepared(self, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        with _cursor() as cursor:
            known = _known.setdefault(connection.connection, set())
            if PLANNED_ONCE not in known:
                cursor.execute(PLANNED_ONCE)
                # Undone where this transaction is rolled back, as what is prepared is not.
                transaction.on_commit(partial(known.add, PLANNED_ONCE))
            if self._name not in known:
                cursor.execute(self._prepare)
                known.add(self._name)
            cursor.execute(self._execute, values)
            return cursor.fetchall()


@contextmanager
def _cursor() -> Iterator[Any]:
    """The driver's own, unless somebody wants to hear of each statement: Django's takes as long as
    a short statement."""
    if connection.connection is None or connection.execute_wrappers or connection.queries_logged:
        with connection.cursor() as cursor:
            yield cursor
        return
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        yield cursor


_pooled = False
# By connection: what was prepared, and whether that is planned once. A new one knows nothing.
_known: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
