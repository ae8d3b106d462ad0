"""The headings and rows of a table, in the markup of the NHS.UK macro.

The macro takes a quarter of a millisecond for each cell, which was most of the time of a page with
a long list, and a third where small tables have many columns. It draws all that is around them;
tests/unit/test_table_rows.py holds what is drawn here against what it would draw.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from markupsafe import Markup, escape

ROWS, END_OF_ROWS = "<tbody", "</tbody>"
# What a cell may say; whatever else a page gives it would be left out without a word. `value` and
# `mark` are for a picture that is drawn from the table (static/app/charts.js).
# `counts` and `percent` are for a workbook (presenters/papers.py): no page shows them apart.
PARTS = {"text", "html", "href", "format", "value", "mark", "counts", "percent"}
# What a heading may say; `series` is the name of its column in a picture, which draws numbers.
OF_A_HEADING = {"text", "html", "format", "series"}


class Column(NamedTuple):
    """What its cells have in common."""

    format: str | None
    # On a phone the row is a block, and each cell says what it is; empty where it is none.
    heading: str


def with_rows(
    frame: Markup,
    head: Sequence[Any],
    rows: Iterable[Iterable[Any]],
    *,
    responsive: bool = False,
    first_is_header: bool = False,
) -> Markup:
    """A table that was drawn without headings and rows, with these in it.

    A cell is words, markup, {"text"/"html", "href", "format", "value", "mark"}, or anything else,
    which is shown as its words; None is empty. A heading is words, markup or {"text"/"html",
    "format", "series"}. Raises ValueError for parts that nothing here draws.
    """
    heads = [_parts(one, OF_A_HEADING) for one in head]
    columns = [_column(one, responsive) for one in heads]
    # Of a row that has more cells than there are headings.
    beyond = _column({}, responsive)
    drawn = [_row(row, columns, beyond, first_is_header) for row in rows]
    above, begins, body = frame.partition(ROWS)
    before, ends, after = body.partition(END_OF_ROWS)
    if not ends:
        raise ValueError("The table's frame has no place for rows.")
    parts = [above, _head(heads, responsive), begins, before, *drawn, ends, after]
    return Markup("".join(parts))  # noqa: S704  every part is escaped


# Below everything that is not markup goes through `escape`, and the whole is marked as markup once:
# to mark and join each part took four times as long.


def _column(head: Mapping[str, Any], responsive: bool) -> Column:
    words = f'<span class="nhsuk-table__heading" aria-hidden="true">{_said(head)} </span>'
    return Column(_format(head), words if responsive else "")


def _format(head: Mapping[str, Any]) -> str | None:
    return "numeric" if head.get("series") else head.get("format")


def _head(heads: Sequence[Mapping[str, Any]], responsive: bool) -> str:
    group, row = (' role="rowgroup"', ' role="row"') if responsive else ("", "")
    drawn = "".join(_heading(one, responsive) for one in heads)
    return (
        f'<thead class="nhsuk-table__head"{group}>\n<tr class="nhsuk-table__row"{row}>\n'
        f"{drawn}</tr>\n</thead>\n"
    )


def _heading(head: Mapping[str, Any], responsive: bool) -> str:
    name = "nhsuk-table__header"
    if _format(head) == "numeric":
        name = f"{name} {name}--numeric"
    role = ' role="columnheader"' if responsive else ""
    series = f' data-series="{escape(head["series"])}"' if head.get("series") else ""
    return f'<th class="{name}" scope="col"{role}{series}>{_said(head)}</th>\n'


def _row(cells: Iterable[Any], columns: Sequence[Column], beyond: Column, first: bool) -> str:
    role = ' role="row"' if beyond.heading else ""
    drawn = []
    for number, cell in enumerate(cells):
        column = columns[number] if number < len(columns) else beyond
        drawn.append(_cell(_parts(cell), column, is_header=first and number == 0))
    return f'<tr class="nhsuk-table__row"{role}>\n{"".join(drawn)}</tr>\n'


def _cell(cell: Mapping[str, Any], column: Column, *, is_header: bool) -> str:
    tag, name = ("th", "nhsuk-table__header") if is_header else ("td", "nhsuk-table__cell")
    if cell.get("format", column.format) == "numeric":
        name = f"{name} {name}--numeric"
    scope, role, inside = ' scope="row"' if is_header else "", "", _linked(cell)
    if column.heading:
        role = ' role="rowheader"' if is_header else ' role="cell"'
        inside = column.heading + (f"<span>{inside}</span>" if cell.get("html") else inside)
    return f'<{tag} class="{name}"{scope}{role}{_data(cell)}>{inside}</{tag}>\n'


def _data(cell: Mapping[str, Any]) -> str:
    """What a picture draws of this cell; nothing where there is no number."""
    drawn = {name: cell[name] for name in ("value", "mark") if cell.get(name) not in (None, "")}
    return "".join(f' data-{name}="{escape(said)}"' for name, said in drawn.items())


def _linked(cell: Mapping[str, Any]) -> str:
    if not cell.get("href"):
        return _said(cell)
    return f'<a class="nhsuk-link" href="{escape(cell["href"])}">{_said(cell)}</a>'


def _said(cell: Mapping[str, Any]) -> str:
    """Markup as it is; words escaped."""
    return str(escape(cell.get("html") or cell.get("text") or ""))


def _parts(cell: Any, known: Set[str] = PARTS) -> Mapping[str, Any]:
    if isinstance(cell, Markup):
        return {"html": cell.strip()}
    if not isinstance(cell, Mapping):
        return {"text": _words(cell)}
    if unknown := cell.keys() - known:
        raise ValueError(f"No cell of a table has {', '.join(sorted(unknown))}.")
    # A number 0 is text too.
    return {**cell, "text": _words(cell.get("text"))}


def _words(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()
