"""The rows of a table, in the markup of the NHS.UK macro.

The macro takes a quarter of a millisecond for each cell, which was most of the time of a page with
a long list. It draws all that is around the rows; tests/unit/test_table_rows.py holds what is drawn
here against what it would draw.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

END_OF_ROWS = "</tbody>"
ROW_HEADER, CELL = Markup(' role="rowheader"'), Markup(' role="cell"')
# What a cell may say; whatever else a page gives it would be left out without a word. `value` and
# `mark` are for a picture that is drawn from the table (static/app/charts.js).
# `counts` are for a workbook (presenters/papers.py): no page shows them apart.
PARTS = {"text", "html", "href", "format", "value", "mark", "counts"}


def with_rows(
    frame: Markup,
    head: Sequence[Any],
    rows: Iterable[Iterable[Any]],
    *,
    responsive: bool = False,
    first_is_header: bool = False,
) -> Markup:
    """A table that was drawn without rows, with these in it.

    A cell is words, markup, {"text"/"html", "href", "format", "value", "mark"}, or anything else,
    which is shown as its words; None is empty. Raises ValueError for parts of a cell that nothing
    here draws.
    """
    heads = [_parts(one) for one in head]
    drawn = [_row(row, heads, responsive, first_is_header) for row in rows]
    before, end, after = frame.partition(END_OF_ROWS)
    if not end:
        raise ValueError("The table's frame has no place for rows.")
    return Markup("").join([before, *drawn, end, after])


def _row(
    cells: Iterable[Any], heads: Sequence[Mapping[str, Any]], responsive: bool, first: bool
) -> Markup:
    role = Markup(' role="row"') if responsive else ""
    drawn = []
    for number, cell in enumerate(cells):
        head = heads[number] if number < len(heads) else {}
        drawn.append(_cell(_parts(cell), head, responsive, is_header=first and number == 0))
    return Markup('<tr class="nhsuk-table__row"%s>\n%s</tr>\n') % (role, Markup("").join(drawn))


def _cell(
    cell: Mapping[str, Any], head: Mapping[str, Any], responsive: bool, *, is_header: bool
) -> Markup:
    tag, name = ("th", "nhsuk-table__header") if is_header else ("td", "nhsuk-table__cell")
    if cell.get("format", head.get("format")) == "numeric":
        name = f"{name} {name}--numeric"
    scope = Markup(' scope="row"') if is_header else ""
    role = (ROW_HEADER if is_header else CELL) if responsive else ""
    inside = _linked(cell)
    if responsive:
        inside = _beside_its_heading(inside, cell, head)
    data = _data(cell)
    return Markup('<%s class="%s"%s%s%s>%s</%s>\n') % (tag, name, scope, role, data, inside, tag)


def _data(cell: Mapping[str, Any]) -> Markup:
    """What a picture draws of this cell; nothing where there is no number."""
    drawn = {name: cell[name] for name in ("value", "mark") if cell.get(name) not in (None, "")}
    return Markup("").join(Markup(' data-%s="%s"') % pair for pair in drawn.items())


def _beside_its_heading(inside: Markup, cell: Mapping[str, Any], head: Mapping[str, Any]) -> Markup:
    """On a phone the row is a block, and each cell says what it is."""
    heading = Markup('<span class="nhsuk-table__heading" aria-hidden="true">%s </span>') % _said(
        head
    )
    return heading + (Markup("<span>%s</span>") % inside if cell.get("html") else inside)


def _linked(cell: Mapping[str, Any]) -> Markup:
    if not cell.get("href"):
        return _said(cell)
    return Markup('<a class="nhsuk-link" href="%s">%s</a>') % (cell["href"], _said(cell))


def _said(cell: Mapping[str, Any]) -> Markup:
    """Markup as it is; words escaped."""
    return escape(cell.get("html") or cell.get("text") or "")


def _parts(cell: Any) -> Mapping[str, Any]:
    if isinstance(cell, Markup):
        return {"html": cell.strip()}
    if not isinstance(cell, Mapping):
        return {"text": _words(cell)}
    if unknown := cell.keys() - PARTS:
        raise ValueError(f"No cell of a table has {', '.join(sorted(unknown))}.")
    # A number 0 is text too.
    return {**cell, "text": _words(cell.get("text"))}


def _words(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()
