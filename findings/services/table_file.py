"""A CSV file as a table: its lines with their numbers, or what is wrong with it."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

# More is a mistake, or another kind of file.
MOST_LINES = 20_000


@dataclass(frozen=True)
class Mistake:
    """What is wrong in one line. Line 1 is the line of column names."""

    line: int
    words: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.words}"


@dataclass(frozen=True)
class Row:
    """The cells of one line by column."""

    line: int
    cells: dict[str, str]


def read_table(
    raw: bytes,
    columns: Sequence[str],
    *,
    optional: Sequence[str] = (),
    others: bool = False,
    most: int = MOST_LINES,
) -> tuple[list[Row], list[Mistake]]:
    """UTF-8 with these columns in any order, and perhaps `optional` ones. `others`: more may be
    there, as in a list that another system writes."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return [], [Mistake(line, "This is not UTF-8. Save the file as “CSV UTF-8”.")]
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    try:
        named = [name.strip() for name in reader.fieldnames or []]
        known = None if others else {*columns, *optional}
        if wrong := list(_wrong(named, columns, known)):
            return [], [Mistake(1, words) for words in wrong]
        reader.fieldnames = named
        return _rows(reader, most)
    except csv.Error as error:
        return [], [Mistake(reader.line_num, f"This is not CSV: {error}.")]


def _wrong(named: list[str], needed: Sequence[str], known: set[str] | None) -> Iterator[str]:
    """`known` None: every name is."""
    for name in needed:
        if name not in named:
            yield f"There is no column {name}."
    for name in named:
        if not name or (known is not None and name not in known):
            yield f"The column {name or 'without a name'} is not known."
        elif named.count(name) > 1:
            yield f"The column {name} is there twice."


def _rows(reader: csv.DictReader, most: int) -> tuple[list[Row], list[Mistake]]:
    rows: list[Row] = []
    mistakes: list[Mistake] = []
    for row in reader:
        if len(rows) >= most:
            mistakes.append(Mistake(reader.line_num, f"There are more than {most} lines."))
            break
        if "" in row or None in row.values():
            mistakes.append(Mistake(reader.line_num, "There are more or fewer cells than columns."))
        else:
            cells = {name: cell.strip() for name, cell in row.items()}
            rows.append(Row(reader.line_num, cells))
    return rows, mistakes


def day_in(written: str) -> date:
    """A day as spreadsheets write it, 31/12/2026, or 2026-12-31. Raises ValueError for any other
    words."""
    try:
        return datetime.strptime(written, "%d/%m/%Y").date()  # noqa: DTZ007  a day, not a moment
    except ValueError:
        return datetime.strptime(written, "%Y-%m-%d").date()  # noqa: DTZ007
