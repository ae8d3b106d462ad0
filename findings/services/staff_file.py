"""A file of people: what its lines say, checked without looking at who is here already.

CSV in UTF-8 with a first line of column names. A column that is not there changes nothing; an
empty cell empties what it holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from findings.models import Membership, Organisation, Role, Site, Team
from findings.services.table_file import Mistake, day_in, read_table

REQUIRED = ("username", "given_name", "family_name", "organisation")
PLAIN = ("title", "given_name", "family_name", "job_title", "professional_code", "email", "phone")
COLUMNS = (
    *REQUIRED,
    *(name for name in PLAIN if name not in REQUIRED),
    *("site", "roles", "teams", "leaves"),
)
NOW = "now"


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


def read(raw: bytes) -> tuple[list[Line], list[Mistake]]:
    """Its lines, and its mistakes in their order."""
    rows, mistakes = read_table(raw, REQUIRED, optional=COLUMNS)
    places = Places()
    lines: list[Line] = []
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        wrong = [*_twice(row.cells, row.line, seen)]
        line = _line(row.cells, row.line, places, wrong)
        mistakes += [Mistake(row.line, words) for words in wrong]
        if line is not None and not wrong:
            lines.append(line)
    return lines, sorted(mistakes, key=lambda mistake: mistake.line)


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
    try:
        return day_in(cell)
    except ValueError:
        wrong.append(f"leaves is {cell}: write now, or the last day like 31/12/2026.")
        return ""
