"""National recommendations in words: by report, with where this trust stands."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from findings.models import NationalRecommendation, ProgressReport, RecommendationStanding
from findings.presenters.measures import Table
from findings.presenters.papers import OUTSIDE, Paper, Section, table
from findings.services.national import Change, Line, is_overdue
from findings.words import day

Status = RecommendationStanding.Status
Standings = Mapping[str, RecommendationStanding]


@dataclass(frozen=True)
class Shown:
    """One of them in the list."""

    one: NationalRecommendation
    standing: RecommendationStanding | None
    is_overdue: bool

    @property
    def status(self) -> str:
        return str(
            self.standing.get_status_display() if self.standing else Status.NOT_STARTED.label
        )


def grouped(
    every: Iterable[NationalRecommendation], standings: Standings, today: date
) -> list[tuple[str, list[Shown]]]:
    """By the report in which they stand."""
    shown = [Shown(one, of := standings.get(one.code), is_overdue(of, today)) for one in every]
    return [(name, list(rows)) for name, rows in groupby(shown, lambda row: row.one.report)]


def counts(
    every: Iterable[NationalRecommendation], standings: Standings, today: date
) -> list[tuple[str, int]]:
    """How many stand where, and how many are to be looked at again since a day that has passed."""
    found: Counter[str] = Counter()
    late = 0
    for one in every:
        standing = standings.get(one.code)
        found[standing.status if standing else Status.NOT_STARTED.value] += 1
        late += is_overdue(standing, today)
    rows = [(str(status.label), found[status.value]) for status in Status]
    return [*rows, ("To be looked at again, and late", late)]


# --- The report of six months -------------------------------------------------------------------

STANDS = ("Recommendation", "Status", "What shows it", "Owner", "To be looked at again")
KNOWN = ("Recommendation", "Asked of", "What it asks for, in our words", "Source")
CHANGED = ("Recommendation", "What", "Before", "Now")
NOT_AVAILABLE = "The text was not available to us"


def progress_paper(
    report: ProgressReport, lines: Sequence[Line], changes: Sequence[Change]
) -> Paper:
    """As everything stood when it was made: nothing of it is counted again."""
    return Paper(
        "Progress with national recommendations",
        report.organisation.name,
        "Where this trust stands, and what its measures said of the six months before",
        report.at,
        report.by.full_name,
        OUTSIDE,
        [
            Section(
                "Where this trust stands",
                _since(report, changes),
                [*_changed(changes), _stands(lines)],
            ),
            Section(
                "What each asks for",
                ["In our own words, never quoted, with how well each is known."],
                [_known(lines)],
            ),
        ],
    )


def _since(report: ProgressReport, changes: Sequence[Change]) -> list[str]:
    if report.before is None:
        return ["This is the first report."]
    if not changes:
        return [f"Nothing has been changed since the report of {day(report.before.at)}."]
    return [f"What has been changed since the report of {day(report.before.at)} comes first."]


def _changed(changes: Sequence[Change]) -> list[Table]:
    rows = [
        [one.name, one.what, one.before or "Nothing", one.after or "Nothing"] for one in changes
    ]
    return [table("changed", "What changed", CHANGED, rows)] if rows else []


def _stands(lines: Sequence[Line]) -> Table:
    rows = [[one.name, one.status, _shows(one), one.owner, _again(one)] for one in lines]
    return table("stands", "Each recommendation", STANDS, rows)


def _shows(line: Line) -> str:
    return " ".join(one for one in (line.because, line.evidence, "; ".join(line.measures)) if one)


def _again(line: Line) -> str:
    said = day(date.fromisoformat(line.review_on)) if line.review_on else ""
    return f"{said}, late" if line.is_overdue else said


def _known(lines: Sequence[Line]) -> Table:
    rows = [
        [one.name, one.asked_of, one.text or NOT_AVAILABLE, f"{one.source}. {one.grade}."]
        for one in lines
    ]
    return table("known", "What each asks for", KNOWN, rows)
