"""National recommendations: loaded from a file, kept by governance, reported every six months."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from findings.measures import MEASURES, Period, Reading, read_many
from findings.measures.outside import for_outside
from findings.models import (
    NationalRecommendation,
    Organisation,
    Person,
    ProgressReport,
    RecommendationStanding,
)
from findings.rules import check_can_keep_recommendations

FILE = Path(__file__).resolve().parent.parent / "policy" / "recommendations.csv"
# What a report looks back on.
HALF_A_YEAR = timedelta(days=182)
Status = RecommendationStanding.Status
Grade = NationalRecommendation.Grade


class FileError(Exception):
    """A row of the file that cannot be used; the message says which and why."""


class Overtaken(ValueError):
    """Somebody else changed it since the page was opened. Nothing was overwritten."""


@transaction.atomic
def load_recommendations(file: Path = FILE) -> int:
    """Bring the rows up to the file; how many there are. What a trust said of one stays, and so
    does one that the file names no more."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    for position, row in enumerate(rows, 1):
        _check(row)
        NationalRecommendation.objects.update_or_create(
            code=row["code"],
            defaults={
                "position": position,
                **{name: row[name] for name in _WORDS},
                "measures": row["measures"].split(),
            },
        )
    return len(rows)


_WORDS = ("report", "number", "asked_of", "text", "by_when", "grade", "source", "url")


def _check(row: Mapping[str, str]) -> None:
    try:
        grade = Grade(row["grade"])
        if (grade == Grade.NOT_AVAILABLE) == bool(row["text"]):
            raise ValueError("what was not available has no text, and everything else has one")
        if unknown := set(row["measures"].split()) - MEASURES.keys():
            raise ValueError(f"there is no measure {', '.join(sorted(unknown))}")
    except (KeyError, ValueError) as error:
        raise FileError(f"Recommendation {row.get('code', '?')}: {error}") from error


# --- Where a trust stands ----------------------------------------------------------------------


@transaction.atomic
def keep_standing(
    *,
    recommendation: NationalRecommendation,
    by: Person,
    status: str,
    because: str,
    evidence: str,
    owner: Person | None,
    review_on: date | None,
    seen: int,
) -> RecommendationStanding | None:
    """A new row, unless it says the same: then None. `seen`: the key of the newest that the page
    knew of, 0 for none. Raises `Overtaken`, and ValueError with a sentence."""
    check_can_keep_recommendations(by)
    # So that two at once wait for each other.
    NationalRecommendation.objects.select_for_update(no_key=True).get(pk=recommendation.pk)
    of = recommendation.standings.filter(organisation=by.organisation_id)
    newest = of.select_related("by").first()
    if (newest.pk if newest else 0) != seen:
        raise Overtaken(f"{newest.by if newest else 'Nobody'} changed it since you opened it.")
    if status == Status.NOT_APPLICABLE and not because.strip():
        raise ValueError("Say why it does not apply here.")
    said = {
        "status": status,
        "because": because.strip() if status == Status.NOT_APPLICABLE else "",
        "evidence": evidence.strip(),
        "owner_id": owner.pk if owner else None,
        "review_on": review_on,
    }
    if newest and all(getattr(newest, name) == value for name, value in said.items()):
        return None
    return RecommendationStanding.objects.create(
        recommendation=recommendation, organisation_id=by.organisation_id, by=by, **said
    )


def standings_of(organisation: int) -> dict[str, RecommendationStanding]:
    """The newest of each, by code."""
    newest = RecommendationStanding.objects.of(organisation).newest()
    return {one.recommendation_id: one for one in newest.select_related("owner", "by")}


def is_overdue(standing: RecommendationStanding | None, today: date) -> bool:
    """Its day to be looked at again has passed."""
    return standing is not None and standing.review_on is not None and standing.review_on < today


def last_half_year(today: date) -> Period:
    return Period(today - HALF_A_YEAR, today)


def evidence_of(
    recommendations: Sequence[NationalRecommendation], trust: Organisation, period: Period
) -> dict[str, Reading]:
    """By measure: what it says, where one of these names it. One question for all."""
    codes = {code for one in recommendations for code in one.measures if code in MEASURES}
    if not codes:
        return {}
    return {code: found[0] for code, found in read_many(sorted(codes), trust, [period]).items()}


# --- The report --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One recommendation in a report, in words."""

    code: str
    name: str
    asked_of: str
    text: str
    grade: str
    source: str
    status: str
    because: str
    evidence: str
    owner: str
    # ISO, or empty.
    review_on: str
    is_overdue: bool
    measures: list[str]


def lines_now(trust: Organisation, today: date) -> list[Line]:
    """What a report would say today."""
    every = list(NationalRecommendation.objects.all())
    standings = standings_of(trust.pk)
    readings = evidence_of(every, trust, last_half_year(today))
    return [_line(one, standings.get(one.code), readings, today) for one in every]


def _line(
    one: NationalRecommendation,
    standing: RecommendationStanding | None,
    readings: Mapping[str, Reading],
    today: date,
) -> Line:
    said = [reading_words(readings[code]) for code in one.measures if code in readings]
    owner = standing.owner if standing else None
    review_on = standing.review_on if standing else None
    return Line(
        code=one.code,
        name=str(one),
        asked_of=one.asked_of,
        text=one.text,
        grade=one.get_grade_display(),
        source=one.source,
        status=standing.get_status_display() if standing else str(Status.NOT_STARTED.label),
        because=standing.because if standing else "",
        evidence=standing.evidence if standing else "",
        owner=str(owner) if owner else "",
        review_on=review_on.isoformat() if review_on else "",
        is_overdue=is_overdue(standing, today),
        measures=said,
    )


def reading_words(reading: Reading) -> str:
    """Acknowledged in time: 92 % of about 50. A report may leave the trust, so what is small is
    hidden and the rest rounded, as in every paper that may."""
    (shown,) = for_outside([reading])
    return f"{reading.measure.name}: {shown}"


@transaction.atomic
def make_report(*, by: Person) -> ProgressReport:
    """As everything stands now; it stays so."""
    check_can_keep_recommendations(by)
    Organisation.objects.select_for_update(no_key=True).get(pk=by.organisation_id)
    before = ProgressReport.objects.filter(organisation=by.organisation_id).first()
    lines = lines_now(by.organisation, timezone.localdate())
    return ProgressReport.objects.create(
        organisation_id=by.organisation_id,
        content=[asdict(line) for line in lines],
        before=before,
        by=by,
    )


def lines_in(report: ProgressReport) -> list[Line]:
    return [Line(**line) for line in report.content]


_COMPARED = {
    "status": "Status",
    "because": "Why it does not apply",
    "evidence": "Evidence",
    "owner": "Owner",
    "review_on": "To be looked at again",
    "text": "What it asks for",
}


@dataclass(frozen=True)
class Change:
    """One thing of one recommendation that is not as it was in the report before."""

    name: str
    what: str
    before: str
    after: str


def changes_since(report: ProgressReport) -> list[Change]:
    """Of what somebody said; measures always move, and stand in both reports."""
    if report.before is None:
        return []
    old = {line.code: line for line in lines_in(report.before)}
    return [
        Change(line.name, words, _of(old.get(line.code), name), str(getattr(line, name)))
        for line in lines_in(report)
        for name, words in _COMPARED.items()
        if _of(old.get(line.code), name) != str(getattr(line, name))
    ]


def _of(line: Line | None, name: str) -> str:
    return str(getattr(line, name)) if line else ""
