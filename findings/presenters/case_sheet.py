"""The sheet of a case as a meeting sees it: what happened, and nobody's name.

No patient, no number, no date of birth, nobody who reported, referred or raised it; ages by bands,
and times as how long it took. Words on it are those that somebody wrote for the sheet.
"""

from dataclasses import dataclass
from datetime import date, datetime

from findings.models import Case, Clock, Examination, Review
from findings.presenters.reviews import BROKEN
from findings.states import ClockKind
from findings.words import length

BAND = 10
OLDEST = 90


@dataclass(frozen=True)
class Sheet:
    """One case."""

    number: int
    kind: str
    facts: list[tuple[str, str]]
    broken: list[str]
    causes: list[str]
    words: str


def sheet_of(case: Case, now: datetime) -> Sheet:
    review = case.review
    return Sheet(
        case.position,
        review.get_kind_display(),
        _facts(review),
        [_broke(one.clock, now) for one in review.breaches.all()],
        [
            str(one.cause)
            for one in review.found_causes.all()
            if one.was_one and one.undone_at is None
        ],
        case.sheet,
    )


def _facts(review: Review) -> list[tuple[str, str]]:
    finding = review.finding
    examination = review.examination or (finding and finding.examination)
    found = [("Harm", review.get_harm_display()), ("Theme", str(review.theme or ""))]
    if examination:
        found += [
            ("Age", age_band(examination)),
            ("Examination", examination.modality),
            ("Kind of referral", examination.get_setting_display()),
        ]
    if finding:
        found += [
            ("Category", finding.category.name),
            ("Specialty", finding.team.specialty),
        ]
    return [(name, value) for name, value in found if value]


def age_band(examination: Examination) -> str:
    """60 to 69, on the day of the images; empty where it is not known."""
    born, made = examination.patient.birth_date, examination.performed_at
    if born is None or made is None:
        return ""
    years = _years(born, made.date())
    if years >= OLDEST:
        return f"{OLDEST} or older"
    first = years // BAND * BAND
    return f"{first} to {first + BAND - 1}"


def _years(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _broke(clock: Clock, now: datetime) -> str:
    late = length((clock.stopped_at or now) - clock.due_at)
    return f"{BROKEN[ClockKind(clock.kind)]}: {late} late{'' if clock.stopped_at else ', and open'}"
