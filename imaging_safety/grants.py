"""What the running application's database role may do: read and add, and no rewriting of history.

The role that owns the tables migrates; the application's role holds only these grants, so that
even a mistake in our own code, or a stolen session, cannot change an event or a report.
"""

from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from findings.models.append_only import APPEND_ONLY

# Written by `migrate` alone.
READ_ONLY = ["django_migrations"]


def restrict(connection: BaseDatabaseWrapper, role: str) -> None:
    """Give `role` exactly what the application needs, whatever it held before."""
    quote = connection.ops.quote_name
    named, tables = quote(role), _tables(connection)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {named}")
        cursor.execute(f"REVOKE CREATE ON SCHEMA public FROM {named}")
        cursor.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {named}")
        for table in tables:
            cursor.execute(f"REVOKE ALL ON {quote(table)} FROM {named}")
            cursor.execute(f"GRANT {_allowed(table)} ON {quote(table)} TO {named}")


def _tables(connection: BaseDatabaseWrapper) -> list[str]:
    ours = set(connection.introspection.django_table_names(only_existing=True))
    return sorted(ours | set(READ_ONLY))


def _allowed(table: str) -> str:
    if table in READ_ONLY:
        return "SELECT"
    if table in APPEND_ONLY:
        return "SELECT, INSERT"
    return "SELECT, INSERT, UPDATE, DELETE"


def tables_it_could_rewrite(connection: Any) -> list[str]:
    """The append-only tables that the connected role may change, delete from or empty."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s) AS name WHERE to_regclass(name) IS NOT NULL"
            " AND has_table_privilege(to_regclass(name), 'UPDATE, DELETE, TRUNCATE')"
            " ORDER BY name",
            [APPEND_ONLY],
        )
        return [name for (name,) in cursor.fetchall()]
