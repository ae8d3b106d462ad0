"""Papers: what goes to a board, an auditor, a department or a regulator, as data.

A paper is said once, and drawn twice: as a page that prints (templates/paper.jinja) and as a
workbook (paper_file.py), so that the two cannot differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from findings import words
from findings.presenters.list_file import Heading, Kind
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


def sheets(paper: Paper) -> list[tuple[str, list[Heading], list[list[str]]]]:
    """Every table as a sheet: its name, its headings, and its cells as text."""
    found = []
    for section in paper.sections:
        for one in section.tables:
            headings = [Heading(_text(cell), Kind.TEXT) for cell in one.head]
            rows = [[_text(cell) for cell in row] for row in one.rows]
            found.append((one.caption or section.title, headings, rows))
    return found


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
