"""A list as a file: a workbook for Excel and the like, or CSV.

Identifiers stay text and dates are dates. Nothing that somebody wrote is ever taken for a formula.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import IO, Any

import xlsxwriter

from findings import words

# What programs take for a formula at the beginning of a cell; wide forms of them too.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


class Kind(Enum):
    """What the cells of a column hold, and how wide it is."""

    TEXT = 24
    LONG_TEXT = 60
    DATE = 12
    MOMENT = 18
    NUMBER = 10


@dataclass(frozen=True)
class Heading:
    words: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True)
class About:
    """What the first sheet says: of which list, when, by whom, and with which filters."""

    title: str
    at: datetime
    by: str
    filters: Sequence[str]
    care: str

    def lines(self, count: int) -> list[tuple[str, str]]:
        return [
            ("List", self.title),
            ("Saved (local time)", f"{words.local(self.at):%d/%m/%Y %H:%M:%S %Z}"),
            ("Saved (UTC)", f"{self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"),
            ("Saved by", self.by),
            *(("Filter", one) for one in self.filters or ["None: the whole list"]),
            ("Rows", str(count)),
            ("Times", "Dates and times in the list are local time (Europe/London)"),
            ("Care", self.care),
        ]


Rows = Iterable[Sequence[Any]]


def write_xlsx(into: IO[bytes], about: About, headings: Sequence[Heading], rows: Rows) -> None:
    """Row by row: what was written is on disk, and not in memory."""
    book = xlsxwriter.Workbook(into, {"constant_memory": True})
    bold = book.add_format({"bold": True})
    first = book.add_worksheet("About this list")
    first.set_column(0, 0, 20)
    first.set_column(1, 1, 80)
    sheet = book.add_worksheet("List")
    formats = {
        Kind.DATE: book.add_format({"num_format": "dd/mm/yyyy"}),
        Kind.MOMENT: book.add_format({"num_format": "dd/mm/yyyy hh:mm"}),
        Kind.NUMBER: book.add_format({"num_format": "0"}),
    }
    text = book.add_format({"num_format": "@"})
    sheet.freeze_panes(1, 0)
    for column, heading in enumerate(headings):
        sheet.set_column(column, column, heading.kind.value)
        sheet.write_string(0, column, heading.words, bold)
    count = 0
    for count, row in enumerate(rows, start=1):
        for column, (heading, value) in enumerate(zip(headings, row, strict=True)):
            _write_cell(sheet, count, column, value, formats.get(heading.kind, text))
    for number, (name, said) in enumerate(about.lines(count)):
        first.write_string(number, 0, name, bold)
        first.write_string(number, 1, said)
    book.close()


def _write_cell(sheet: Any, row: int, column: int, value: Any, how: Any) -> None:
    """By the method for what it holds: none of them guesses."""
    if value is None or value == "":
        sheet.write_blank(row, column, None, how)
    elif isinstance(value, datetime):
        sheet.write_datetime(row, column, words.local(value).replace(tzinfo=None), how)
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, how)
    elif isinstance(value, int):
        sheet.write_number(row, column, value, how)
    else:
        sheet.write_string(row, column, printable(value)[:32767], how)  # as much as a cell holds


def write_csv(into: IO[bytes], headings: Sequence[Heading], rows: Rows) -> None:
    """UTF-8 that says so of itself: Excel would read it in another encoding."""
    into.write(codecs.BOM_UTF8)
    lines = io.TextIOWrapper(into, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(lines)
    writer.writerow([heading.words for heading in headings])
    writer.writerows([_as_text(value) for value in row] for row in rows)
    lines.detach()


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return words.local(value).isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    return harmless("" if value is None else printable(str(value)))


def harmless(text: str) -> str:
    """With an apostrophe in front where a program would take it for a formula; a number never is
    one, whatever its sign."""
    begins = text.lstrip()
    is_formula = begins.startswith(_FORMULA) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if is_formula and not _NUMBER.fullmatch(text) else text


def printable(text: str) -> str:
    """Without control characters, which no XML may hold."""
    return "".join(each for each in text if each >= " " or each in "\t\n")
