"""A paper as a workbook: the words on the first sheet, each table on one of its own."""

import re
from typing import IO

import xlsxwriter

from findings.presenters.list_file import Kind, printable
from findings.presenters.papers import Number, Paper, lines, sheets

# What the name of a sheet may not hold, and how long it may be.
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
LONGEST_NAME = 31


def write_paper(into: IO[bytes], paper: Paper) -> None:
    """Numbers are numbers, and all else is text: nothing that somebody wrote is a formula."""
    book = xlsxwriter.Workbook(into, {"in_memory": True})
    share = book.add_format({"num_format": "0%"})
    bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True})
    first = book.add_worksheet("About this paper")
    first.set_column(0, 0, 24)
    first.set_column(1, 1, 100, wrapped)
    for number, (name, said) in enumerate(lines(paper)):
        first.write_string(number, 0, name, bold)
        first.write_string(number, 1, printable(said))
    used = {"about this paper"}
    for caption, headings, rows in sheets(paper):
        sheet = book.add_worksheet(_name(caption, used))
        sheet.freeze_panes(1, 0)
        for column, heading in enumerate(headings):
            sheet.set_column(column, column, Kind.TEXT.value)
            sheet.write_string(0, column, heading, bold)
        for number, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, Number):
                    sheet.write_number(number, column, cell.value, share if cell.is_share else None)
                else:
                    sheet.write_string(number, column, printable(cell))
    book.close()


def _name(caption: str, used: set[str]) -> str:
    """Short enough, and used once."""
    plain = _FORBIDDEN.sub(" ", caption)[:LONGEST_NAME].strip() or "Table"
    name, number = plain, 2
    while name.lower() in used:
        tail = f" {number}"
        name, number = plain[: LONGEST_NAME - len(tail)] + tail, number + 1
    used.add(name.lower())
    return name
