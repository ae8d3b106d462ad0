"""Takes away what a test committed, and puts back what stands in the database before every test.

Django would empty every table, make its permissions again and load the policy again: half a second
of a core after each test that really commits. Here only tables with rows are emptied, and rows
that are the same for every test come back from a copy beside them.
"""

from typing import Any

from django.db import connection, transaction

# Tables are copied under their own names into this schema, which nothing else looks into.
KEPT = "kept_for_every_test"
# What migrating wrote stays as it is.
NEVER = "django_migrations"
# "replica": rows go without a word from triggers and keys.
PASSED_BY = "session_replication_role"


def keep() -> None:
    """From here on this is what stands in the database before every test that commits."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {KEPT} CASCADE")
        cursor.execute(f"CREATE SCHEMA {KEPT}")
        for table in _with_rows(cursor, _tables(cursor, "public")):
            cursor.execute(f'CREATE TABLE {KEPT}."{table}" AS TABLE public."{table}"')


def put_back() -> None:
    """Undo everything that was committed since; ids go on from where they were."""
    with transaction.atomic(), connection.cursor() as cursor:
        kept = _tables(cursor, KEPT)
        _empty(cursor, _left_behind(cursor, kept) + _different(cursor, kept))
        _fill(cursor, kept)


def forget_an_earlier_session() -> None:
    """What a session that was killed left in a database that is used again (--reuse-db).

    Rows of tables that are kept stay: a migration may have changed them since.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if kept := _tables(cursor, KEPT):
            _empty(cursor, _left_behind(cursor, kept))
            _fill(cursor, kept)


def _left_behind(cursor: Any, kept: list[str]) -> list[str]:
    others = [table for table in _tables(cursor, "public") if table not in kept]
    return _with_rows(cursor, others)


def _tables(cursor: Any, schema: str) -> list[str]:
    cursor.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename <> %s ORDER BY 1",
        [schema, NEVER],
    )
    return [table for (table,) in cursor.fetchall()]


def _with_rows(cursor: Any, tables: list[str]) -> list[str]:
    return _those(cursor, tables, "EXISTS (SELECT FROM public.{0})")


def _different(cursor: Any, tables: list[str]) -> list[str]:
    """Rows are compared as text: JSON has no equality."""
    rows = "SELECT one::text FROM {0}.{{0}} one"
    here, there = rows.format("public"), rows.format(KEPT)
    either = f"EXISTS ({here} EXCEPT ALL {there}) OR EXISTS ({there} EXCEPT ALL {here})"
    return _those(cursor, tables, either)


def _those(cursor: Any, tables: list[str], condition: str) -> list[str]:
    questions = [f"SELECT '{table}' WHERE " + condition.format(f'"{table}"') for table in tables]
    cursor.execute(" UNION ALL ".join(questions))
    return [table for (table,) in cursor.fetchall()]


def _empty(cursor: Any, tables: list[str]) -> None:
    """To delete a few rows takes a tenth of the time of new files for a table and its indexes.
    Either waits until whoever still writes is done."""
    if not tables:
        return
    named = [f'public."{table}"' for table in tables]
    if _may_pass_by_triggers(cursor):
        cursor.execute(f"LOCK TABLE {', '.join(named)}")
        cursor.execute(f"SET LOCAL {PASSED_BY} = replica")
        cursor.execute("; ".join(f"DELETE FROM {table}" for table in named))
        cursor.execute(f"SET LOCAL {PASSED_BY} = origin")
    else:
        cursor.execute(f"TRUNCATE {', '.join(named)} CASCADE")


def _may_pass_by_triggers(cursor: Any) -> bool:
    """Where services_plugin.py could allow it: triggers forbid to delete what is append-only."""
    cursor.execute("SELECT has_parameter_privilege(%s, 'SET')", [PASSED_BY])
    return cursor.fetchone()[0]


def _fill(cursor: Any, kept: list[str]) -> None:
    """Those that were emptied, be it because they refer to one that was."""
    for table in set(kept) - set(_with_rows(cursor, kept)):
        cursor.execute(f'INSERT INTO public."{table}" TABLE {KEPT}."{table}"')
