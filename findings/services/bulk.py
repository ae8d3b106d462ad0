"""Rows of several models in one statement, each column as one array (findings/columns.py).

What the fields of a row hold is what is written: no `save`, no signals. The key is given before.
The statement is planned once a connection for each shape: which models, and which of their columns.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import groupby
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder as Json
from django.db import connection, models
from django.db.models.expressions import DatabaseDefault

from findings.columns import column
from findings.prepared import Prepared

# One for all rows: to make it takes as long as it needs for one.
_dumps = Json().encode


@dataclass(frozen=True, eq=False)
class _Shape:
    """Rows of one model that are written alike. There is one of each."""

    fields: tuple[models.Field, ...]
    is_new: bool


def write(
    new: Iterable[Sequence[models.Model]], changed: Sequence[models.Model] = (), *names: str
) -> None:
    """Insert rows, each sequence of one model and in its order, and update these columns of rows of
    one model that are there already. What a new row leaves to the database is left to it."""
    given: list[tuple[_Shape, Sequence[models.Model]]] = [one for rows in new for one in _new(rows)]
    if changed:
        given.append((_changed(type(changed[0]), frozenset(names)), changed))
    if given:
        arrays = [column(_values(one, rows)) for shape, rows in given for one in shape.fields]
        statement = _statement(tuple(shape for shape, _ in given))
        statement.rows(**{f"v{n}": one for n, one in enumerate(arrays)})


def _new(rows: Sequence[models.Model]) -> list[tuple[_Shape, list[models.Model]]]:
    return [
        (_inserted(type(alike[0]), left_out), alike)
        for left_out, alike in ((left, list(same)) for left, same in groupby(rows, key=_left_out))
    ]


@cache
def _inserted(model: type[models.Model], left_out: tuple[str, ...]) -> _Shape:
    return _Shape(tuple(one for one in _fields(model) if one.attname not in left_out), True)


@cache
def _changed(model: type[models.Model], names: frozenset[str]) -> _Shape:
    primary = model._meta.pk
    assert primary is not None
    return _Shape((primary, *(one for one in _fields(model) if one.attname in names)), False)


@cache
def _statement(shapes: tuple[_Shape, ...]) -> Prepared:
    """Constraints between its rows are looked at when all of them are there."""
    fields = [one for shape in shapes for one in shape.fields]
    names = iter(f"v{n}" for n in range(len(fields)))
    parts = [f"part{n} AS ({_part(shape, names)})" for n, shape in enumerate(shapes)]
    sql = f"WITH {', '.join(parts)} SELECT 1"
    types = {f"v{n}": f"{_type(one)}[]" for n, one in enumerate(fields)}
    return Prepared(f"write_{sha256(sql.encode()).hexdigest()[:16]}", sql, **types)


def _part(shape: _Shape, names: Iterable[str]) -> str:
    table = shape.fields[0].model._meta.db_table
    columns = [str(one.column) for one in shape.fields]
    arrays = ", ".join(f"%({name})s" for _, name in zip(columns, names, strict=False))
    given = f"unnest({arrays}) AS given ({', '.join(columns)})"
    if shape.is_new:
        words = ["INSERT INTO", table, f"({', '.join(columns)})", "SELECT * FROM", given]
        return " ".join(words)
    primary, *others = columns
    sets = ", ".join(f"{one} = given.{one}" for one in others)
    same = f"{table}.{primary} = given.{primary}"
    return " ".join(["UPDATE", table, "SET", sets, "FROM", given, "WHERE", same])


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
    name = field.attname
    values = [row.__dict__[name] for row in rows]
    if isinstance(field, models.JSONField):
        return [None if one is None else _dumps(one) for one in values]
    return values
