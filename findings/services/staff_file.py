"""A file of people: what its lines say, checked without looking at who is here already.

CSV in UTF-8 with a first line of column names. A column that is not there changes nothing; an
empty cell empties what it holds.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from findings.models import Membership, Organisation, Role, Site, Team

REQUIRED = ("username", "given_name", "family_name", "organisation")
PLAIN = ("title", "given_name", "family_name", "job_title", "professional_code", "email", "phone")
COLUMNS = (
    *REQUIRED,
    *(name for name in PLAIN if name not in REQUIRED),
    *("site", "roles", "teams", "leaves"),
)
# More is a mistake, or another kind of file.
MOST_LINES = 20_000
NOW = "now"


@dataclass(frozen=True)
class Mistake:
    """What is wrong in one line. Line 1 is the line of column names."""

    line: int
    words: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.words}"


@dataclass
class Line:
    """One person as the file has them. None: the file has no such column."""

    number: int
    username: str
    fields: dict[str, str]
    organisation: Organisation
    site: Site | None = None
    roles: list[str] | None = None
    places: dict[Team, str] | None = None
    # "", "now", or their last day.
    leaves: date | str | None = None


class Places:
    """Organisations, sites and teams by what a file calls them; asked once for a whole file."""

    def __init__(self) -> None:
        self.organisations = {one.ods_code: one for one in Organisation.objects.all()}
        self.sites = {one.ods_code: one for one in Site.objects.all()}
        self.teams = {(one.organisation_id, one.name.casefold()): one for one in Team.objects.all()}


def read(raw: bytes) -> tuple[list[Line], list[Mistake], set[str]]:
    """Its lines, its mistakes, and the columns that it has."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return [], [Mistake(line, "This is not UTF-8. Save the file as “CSV UTF-8”.")], set()
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    try:
        columns = [name.strip() for name in reader.fieldnames or []]
        if wrong := list(_wrong_columns(columns)):
            return [], [Mistake(1, words) for words in wrong], set()
        reader.fieldnames = columns
        return *_lines(reader), set(columns)
    except csv.Error as error:
        return [], [Mistake(reader.line_num, f"This is not CSV: {error}.")], set()


def _wrong_columns(columns: list[str]) -> Iterator[str]:
    for name in REQUIRED:
        if name not in columns:
            yield f"There is no column {name}."
    for name in columns:
        if name not in COLUMNS:
            yield f"The column {name or 'without a name'} is not known."
        elif columns.count(name) > 1:
            yield f"The column {name} is there twice."


def _lines(reader: csv.DictReader) -> tuple[list[Line], list[Mistake]]:
    places = Places()
    lines: list[Line] = []
    mistakes: list[Mistake] = []
    seen: dict[tuple[str, str], int] = {}
    for row in reader:
        number = reader.line_num
        if number > MOST_LINES:
            mistakes.append(Mistake(number, f"There are more than {MOST_LINES} lines."))
            break
        if "" in row or None in row.values():
            mistakes.append(Mistake(number, "There are more or fewer cells than columns."))
            continue
        cells = {name: cell.strip() for name, cell in row.items()}
        wrong = [*_twice(cells, number, seen)]
        line = _line(cells, number, places, wrong)
        mistakes += [Mistake(number, words) for words in wrong]
        if line is not None and not wrong:
            lines.append(line)
    return lines, mistakes


def _twice(cells: dict[str, str], number: int, seen: dict[tuple[str, str], int]) -> Iterator[str]:
    for column in ("username", "professional_code"):
        value = cells.get(column, "")
        if not value:
            continue
        first = seen.setdefault((column, value), number)
        if first != number:
            yield f"{column} {value} is in line {first} already."


def _line(cells: dict[str, str], number: int, places: Places, wrong: list[str]) -> Line | None:
    wrong += [f"{name} is empty." for name in REQUIRED if not cells[name]]
    organisation = places.organisations.get(cells["organisation"])
    if organisation is None:
        if cells["organisation"]:
            wrong.append(f"There is no organisation {cells['organisation']}.")
        return None
    line = Line(
        number,
        cells["username"],
        {name: cells[name] for name in PLAIN if name in cells},
        organisation,
    )
    if cells.get("site"):
        line.site = places.sites.get(cells["site"])
        if line.site is None or line.site.organisation_id != organisation.pk:
            wrong.append(f"{organisation} has no site {cells['site']}.")
    if "roles" in cells:
        line.roles = sorted(part for part in _parts(cells["roles"]))
        wrong += [f"There is no role {role}." for role in line.roles if role not in Role.values]
    if "teams" in cells:
        line.places = dict(_places(cells["teams"], organisation, places, wrong))
    if "leaves" in cells:
        line.leaves = _leaves(cells["leaves"], wrong)
    return line


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def _places(
    cell: str, organisation: Organisation, places: Places, wrong: list[str]
) -> Iterator[tuple[Team, str]]:
    """`Respiratory=responsible; Ward 7`: a team by its name, and the duty there."""
    for part in _parts(cell):
        name, _, duty = (each.strip() for each in part.partition("="))
        team = places.teams.get((organisation.pk, name.casefold()))
        if team is None:
            wrong.append(f"{organisation} has no team {name}.")
        elif duty and duty not in Membership.Duty.values:
            wrong.append(f"There is no duty {duty} in a team.")
        else:
            yield team, duty or Membership.Duty.MEMBER


def _leaves(cell: str, wrong: list[str]) -> date | str:
    if cell.casefold() in ("", NOW):
        return cell.casefold()
    for written in ("%d/%m/%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(cell, written).date()  # noqa: DTZ007  a day, not a moment
        except ValueError:
            continue
    wrong.append(f"leaves is {cell}: write now, or the last day like 31/12/2026.")
    return ""
