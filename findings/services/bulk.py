"""Many rows of a model in one statement, each column as one array (findings/columns.py).

What the fields of a row hold is what is written: no `save`, no signals. The key is given before.
"""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models
from django.db.models.expressions import DatabaseDefault

from findings.columns import column


class Statement(NamedTuple):
    """SQL with its parameters; several may go to the server at once."""

    sql: str
    parameters: list[str]


def insert(rows: Sequence[models.Model]) -> list[Statement]:
    """New rows of one model, in their order. What a row leaves to the database is left to it."""
    return [_insert(list(alike), set(left)) for left, alike in groupby(rows, key=_left_out)]


def update(rows: Sequence[models.Model], names: Iterable[str]) -> list[Statement]:
    """These columns of rows that are there already."""
    if not rows:
        return []
    table = rows[0]._meta.db_table
    fields = [one for one in _fields(type(rows[0])) if one.attname in names]
    primary = rows[0]._meta.pk
    assert primary is not None
    sets = ", ".join(f"{one.column} = given.{one.column}" for one in fields)
    given, parameters = _given(rows, [primary, *fields])
    same = f"{table}.{primary.column} = given.{primary.column}"
    words = ["UPDATE", table, "SET", sets, "FROM", given, "WHERE", same]
    return [Statement(" ".join(words), parameters)]


def run(statements: Sequence[Statement]) -> None:
    """All in one go."""
    if statements:
        sql = "; ".join(one.sql for one in statements)
        with connection.cursor() as cursor:
            cursor.execute(sql, [value for one in statements for value in one.parameters])


def _insert(rows: Sequence[models.Model], left_out: set[str]) -> Statement:
    fields = [one for one in _fields(type(rows[0])) if one.attname not in left_out]
    names = ", ".join(str(one.column) for one in fields)
    given, parameters = _given(rows, fields)
    words = ["INSERT INTO", rows[0]._meta.db_table, f"({names})", "SELECT", names, "FROM", given]
    return Statement(" ".join(words), parameters)


def _given(rows: Sequence[models.Model], fields: Sequence[models.Field]) -> tuple[str, list[str]]:
    arrays = ", ".join(f"%s::{_type(one)}[]" for one in fields)
    names = ", ".join(str(one.column) for one in fields)
    parameters = [column(_values(one, rows)) for one in fields]
    return f"unnest({arrays}) AS given ({names})", parameters


@cache
def _fields(model: type[models.Model]) -> list[models.Field]:
    return [
        one for one in model._meta.concrete_fields if not isinstance(one, models.GeneratedField)
    ]


@cache
def _with_defaults(model: type[models.Model]) -> list[str]:
    return [one.attname for one in _fields(model) if one.has_db_default()]


def _left_out(row: models.Model) -> tuple[str, ...]:
    values = row.__dict__
    return tuple(
        name for name in _with_defaults(type(row)) if isinstance(values[name], DatabaseDefault)
    )


@cache
def _type(field: models.Field) -> str:
    """Without its length: a cast would cut off what is too long, and nobody would hear of it."""
    return (field.db_type(connection) or "").partition("(")[0]


def _values(field: models.Field, rows: Sequence[models.Model]) -> list[Any]:
    values = [row.__dict__[field.attname] for row in rows]
    if isinstance(field, models.JSONField):
        return [None if one is None else json.dumps(one, cls=DjangoJSONEncoder) for one in values]
    return values
