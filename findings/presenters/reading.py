"""How a message is read, in words: what would be filed of each part, or why it would be held."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from findings import words
from findings.arrivals import (
    ArrivingNews,
    ArrivingOrder,
    ArrivingPatient,
    ArrivingReport,
    Nothing,
    Part,
    Problem,
    ReadMessage,
)
from findings.presenters.held import reason_words, visible

Row = tuple[str, str]
# Of a report as much as shows that it was read.
WORDS_SHOWN = 300


@dataclass(frozen=True)
class Shown:
    """One part of a message."""

    title: str
    rows: tuple[Row, ...]


def shown(read: ReadMessage) -> list[Shown]:
    """Each part of the message; what is empty is left out."""
    parts = [_part(part) for part in read.parts]
    return [Shown(title, tuple(filled(rows))) for title, rows in parts]


def filled(rows: Iterable[Row]) -> list[Row]:
    """Those with something in them, as it can be shown."""
    return [(name, visible(value)) for name, value in rows if value]


def _part(part: Part) -> tuple[str, Iterable[Row]]:
    match part:
        case Problem():
            rows = [("What is wrong", part.detail), ("Where", part.location)]
            return reason_words(part.reason), [*rows, ("What to do", part.suggestion)]
        case Nothing():
            return "Nothing to do", [("Why", part.detail)]
        case ArrivingReport():
            return "A report", [
                ("Status", str(part.status).capitalize()),
                ("Verified", words.when(part.reported_at)),
                *patient_rows(part.patient),
                *_examination(part),
                ("Reported by", _person(part.reporter)),
                ("Text", part.text[:WORDS_SHOWN]),
                ("Notices", " ".join(part.notices)),
            ]
        case ArrivingOrder():
            return "An order", [
                ("What became of it", str(part.step).capitalize()),
                ("Said", words.when(part.said_at)),
                ("By", part.said),
                *patient_rows(part.patient),
                *_examination(part),
            ]
        case ArrivingNews():
            return "News of a patient", [
                ("What", str(part.kind).replace("_", " ").capitalize()),
                ("Said", words.when(part.said_at)),
                ("Happened", _when(part.happened_at)),
                ("Ward", part.whereto),
                ("Died", _death(part)),
                *patient_rows(part.patient),
                *(patient_rows(part.other, "Other record: ") if part.other else ()),
            ]


def patient_rows(patient: ArrivingPatient, before: str = "") -> list[Row]:
    numbers = [f"{one.value} ({one.authority})" for one in patient.identifiers]
    name = ", ".join(filter(None, (patient.family_name.upper(), patient.given_name)))
    return [
        (f"{before}patient".capitalize(), name),
        (f"{before}born".capitalize(), words.day(patient.birth_date)),
        (f"{before}NHS number", words.nhs_number(patient.nhs_number)),
        (f"{before}hospital numbers".capitalize(), ", ".join(numbers)),
    ]


def _examination(part: ArrivingReport | ArrivingOrder) -> list[Row]:
    return [
        ("Accession number", part.accession),
        ("Examination", part.examination_description or part.examination_code),
        ("Modality", part.modality),
        ("Images made", _when(part.performed_at)),
        ("Asked for by", _person(part.requester)),
        ("Requesting location", part.requesting_location),
        ("Kind of referral", part.setting),
        ("Site", part.site_code),
    ]


def _person(person: object) -> str:
    code = getattr(person, "code", "")
    return f"{person} ({code})" if code and str(person) != code else str(person)


def _when(at: datetime | None) -> str:
    return words.when(at) if at else ""


def _death(news: ArrivingNews) -> str:
    if news.has_died is None:
        return ""
    return (_when(news.died_at) or "Yes") if news.has_died else "Said to live"
