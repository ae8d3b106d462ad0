"""The audit of alerts after two templates of RCR AuditLive: are alerts read and acted upon
(XR-510), and are reports read (XR-508). The sample, what is documented of each, and the result."""

from collections import Counter
from datetime import datetime

from django.urls import reverse

from findings import words
from findings.measures.audit import MOST_OF_AN_AREA, SAMPLE, Audited, sample
from findings.measures.period import Period
from findings.models import Person
from findings.presenters.measures import Table, period_words
from findings.presenters.papers import INSIDE, Paper, Section, table

TEMPLATES = (
    "RCR AuditLive, Audit of communication of fail-safe alerts (XR-510): alerts are read, and acted"
    " upon. Its target could not be read.",
    "RCR AuditLive, Assessing if radiology reports are read (XR-508): every report is read, with a"
    f" documented acknowledgement; target 100 %, {SAMPLE} patients, 5 to {MOST_OF_AN_AREA} of each"
    " area.",
)


def audit_paper(by: Person, period: Period, seed: str, now: datetime) -> Paper:
    """Of a sample that the seed draws."""
    drawn = sample(by.organisation, period, seed)
    return Paper(
        "Audit of fail-safe alerts",
        by.organisation.name,
        period_words(period),
        now,
        by.full_name,
        INSIDE,
        [
            Section("The result", _result(drawn), [_by_area(drawn)]),
            Section(
                "The sample",
                [
                    f"{words.plural(len(drawn), 'finding')} of as many patients, drawn with the"
                    f" word “{seed}”: who uses the same word for the same time draws the same.",
                    "Reports without a finding are not in it: whether they were read in another"
                    " system is not known here.",
                ],
                [_rows(drawn)],
            ),
            Section("The templates", TEMPLATES),
        ],
    )


def _result(drawn: list[Audited]) -> list[str]:
    if not drawn:
        return ["No finding was flagged in this time."]
    read = sum(one.was_read for one in drawn)
    taken = sum(one.taken_on_at is not None for one in drawn)
    acted = sum(one.acted_at is not None for one in drawn)
    return [
        f"Read: {words.share(read, len(drawn))}. The template asks for 100 %.",
        f"Acknowledged: {words.share(taken, len(drawn))}.",
        f"Acted upon: {words.share(acted, len(drawn))}.",
    ]


def _by_area(drawn: list[Audited]) -> Table:
    areas = Counter(one.area for one in drawn)
    rows = [
        [
            area,
            words.share(sum(one.was_read for one in drawn if one.area == area), number),
            words.share(sum(one.acted_at is not None for one in drawn if one.area == area), number),
        ]
        for area, number in sorted(areas.items())
    ]
    return table("areas", "By area", ["Area", "Read", "Acted upon"], rows)


def _rows(drawn: list[Audited]) -> Table:
    head = ["Finding", "Area", "Category", "Flagged", "Read", "Acknowledged", "Acted upon"]
    rows = [
        [
            {
                "text": one.finding.reference,
                "href": reverse("finding", args=[one.finding.reference]),
            },
            one.area,
            one.finding.category.name,
            words.when(one.finding.flagged_at),
            _documented(one.read_at),
            _documented(one.taken_on_at),
            _documented(one.acted_at),
        ]
        for one in drawn
    ]
    return table("sample", "Each finding of the sample", head, rows)


def _documented(at: datetime | None) -> str:
    return words.when(at) if at else "not documented"
