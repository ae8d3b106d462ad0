"""Papers: what goes to a board, an auditor, a department or a regulator, as data.

A paper is said once, and drawn twice: as a page that prints (templates/paper.jinja) and as a
workbook (paper_file.py), so that the two cannot differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from findings import words
from findings.presenters.measures import Table


@dataclass(frozen=True)
class Section:
    """One part, which begins a page of its own on paper."""

    title: str
    says: Sequence[str] = ()
    tables: Sequence[Table] = ()
    # What somebody wrote, as it was written, under a title each.
    texts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Paper:
    """One paper with its parts."""

    title: str
    trust: str
    # Of which time, or of what.
    about: str
    made_at: datetime
    made_by: str
    # Who may have it, and what must not be done with it.
    care: str
    sections: Sequence[Section]

    @property
    def made(self) -> str:
        return f"Made {words.when(self.made_at)} by {self.made_by}"


INSIDE = "For use inside the organisation: small numbers are shown."
OUTSIDE = (
    "May leave the organisation: what has fewer than ten cases is not shown, other counts are"
    " rounded to the nearest five."
)


def table(
    id: str,
    caption: str,
    head: Sequence[Any],
    rows: Sequence[Sequence[Any]],
    says: str = "",
    draw: str = "",
) -> Table:
    return Table(id, caption, list(head), [list(row) for row in rows], says, draw)


@dataclass(frozen=True)
class Number:
    """A cell of a workbook that can be reckoned with; a share lies between 0 and 1."""

    value: float
    is_share: bool = False


Written = str | Number


def sheets(paper: Paper) -> list[tuple[str, list[str], list[list[Written]]]]:
    """Every table as a sheet: its name, its headings, and its cells. A share is three columns:
    itself, how many met it, and of how many; what is hidden stays in words."""
    found = []
    for section in paper.sections:
        for one in section.tables:
            columns = [
                _column(_text(head), [row[place] for row in one.rows])
                for place, head in enumerate(one.head)
            ]
            headings = [heading for head, _ in columns for heading in head]
            rows = [
                [cell for _, cells in columns for cell in cells[number]]
                for number in range(len(one.rows))
            ]
            found.append((one.caption or section.title, headings, rows))
    return found


def _column(heading: str, cells: Sequence[Any]) -> tuple[list[str], list[list[Written]]]:
    if not any(_counts(cell) for cell in cells):
        return [heading], [[_written(cell)] for cell in cells]
    return [heading, f"{heading}: met", f"{heading}: of"], [_three(cell) for cell in cells]


def _three(cell: Any) -> list[Written]:
    counts = _counts(cell)
    if counts is None:
        return [_written(cell), "", ""]
    met, of = counts
    return [_written(cell), Number(met), Number(of)]


def _counts(cell: Any) -> tuple[int, int] | None:
    return cell.get("counts") if isinstance(cell, dict) else None


def _written(cell: Any) -> Written:
    """A number where it is one, or a share; text is never taken for one."""
    said, percent = cell, None
    if isinstance(cell, dict):
        said, percent = cell.get("text", ""), cell.get("percent")
    if percent is not None:
        return Number(percent / 100, is_share=True)
    if isinstance(said, int | float) and not isinstance(said, bool):
        return Number(said)
    return _text(cell)


def lines(paper: Paper) -> list[tuple[str, str]]:
    """What the first sheet says, section by section."""
    found = [
        ("Paper", paper.title),
        ("Organisation", paper.trust),
        ("About", paper.about),
        ("Made", paper.made),
        ("Care", paper.care),
    ]
    for section in paper.sections:
        found += [(section.title, one) for one in section.says]
        found += section.texts
    return found


def _text(cell: Any) -> str:
    if isinstance(cell, dict):
        return str(cell.get("text", ""))
    return "" if cell is None else str(cell)
