"""National recommendations in words: by report, with where this trust stands."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from findings.models import NationalRecommendation, RecommendationStanding
from findings.presenters.columns import Columns, column
from findings.presenters.list_file import Heading, Kind
from findings.services.national import is_overdue

Status = RecommendationStanding.Status
Standings = Mapping[str, RecommendationStanding]
CHANGED = Heading("Changed since the report before")


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


PROGRESS: Columns = (
    column("Recommendation", lambda line: line.name),
    column("Asked of", lambda line: line.asked_of),
    column("What it asks for, in our words", lambda line: line.text, Kind.LONG_TEXT),
    column("How well it is known", lambda line: line.grade, Kind.LONG_TEXT),
    column("Source", lambda line: line.source, Kind.LONG_TEXT),
    column("Status", lambda line: line.status),
    column("Why it does not apply", lambda line: line.because, Kind.LONG_TEXT),
    column("Evidence", lambda line: line.evidence, Kind.LONG_TEXT),
    column("Measures", lambda line: "; ".join(line.measures), Kind.LONG_TEXT),
    column("Owner", lambda line: line.owner),
    column(
        "To be looked at again",
        lambda line: date.fromisoformat(line.review_on) if line.review_on else None,
        Kind.DATE,
    ),
)
