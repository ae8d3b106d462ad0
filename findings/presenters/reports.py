"""What the pages of reports say: versions with their differences, and the radiologist's own words.

The conclusion of a report is found by its heading; it is only ever offered for editing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from findings.models import Report
from findings.presenters.finding import Piece, differences

STATUS_COLOURS = {
    "preliminary": "yellow",
    "final": "green",
    "corrected": "orange",
    "withdrawn": "red",
}
_HEADINGS = "impression|conclusion|opinion|summary"
# On a line of its own, before a colon, or in capitals anywhere: old systems send one long line.
_CONCLUSION = re.compile(
    rf"^[ \t]*(?:{_HEADINGS})s?[ \t]*(?::|-|\n)|\b(?:{_HEADINGS.upper()})S?[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
# What follows the conclusion: the next heading, or whoever signs.
_NEXT_HEADING = re.compile(
    r"^[ \t]*(?:[A-Z][A-Z /]{3,}:|(?:reported|dictated|verified|authorised|signed|typed) )",
    re.MULTILINE | re.IGNORECASE,
)
# A form field takes no more; what is longer is cut at a word.
LONGEST_CONCLUSION = 1500
# Comparing two texts of thousands of lines takes longer than a page may.
LINES_COMPARED = 1000


def conclusion(text: str) -> str:
    """The last section that concludes, without its heading; empty where there is none."""
    headings = [found for found in _CONCLUSION.finditer(text) if _is_heading(found)]
    if not headings:
        return ""
    rest = text[headings[-1].end() :]
    stop = _NEXT_HEADING.search(rest)
    return _cut(rest[: stop.start()].strip() if stop else rest.strip())


def _is_heading(found: re.Match[str]) -> bool:
    """A word in the middle of a line is a heading only in capitals."""
    at_start = found.start() == 0 or found.string[found.start() - 1] == "\n"
    return at_start or found[0].rstrip(": \t").isupper()


def _cut(text: str) -> str:
    if len(text) <= LONGEST_CONCLUSION:
        return text
    return text[:LONGEST_CONCLUSION].rsplit(maxsplit=1)[0] + " …"


@dataclass(frozen=True)
class Version:
    """One version of a report, and what it changed in the one before it."""

    report: Report
    is_current: bool
    before: Report | None
    changed: Sequence[Piece]

    @property
    def same_words(self) -> bool:
        """The status or the time changed; the words did not."""
        return self.before is not None and self.before.text == self.report.text


def versions(reports: Sequence[Report], current: Report) -> list[Version]:
    """Every version, the one verified last first, each compared with the one verified before."""
    ordered = sorted(reports, key=lambda report: (report.reported_at, report.version))
    befores = [None, *ordered[:-1]]
    made = [
        Version(report, report.pk == current.pk, before, _changed(before, report))
        for before, report in zip(befores, ordered, strict=True)
    ]
    return made[::-1]


def _changed(before: Report | None, report: Report) -> list[Piece]:
    if before is None or before.text == report.text:
        return []
    if max(before.text.count("\n"), report.text.count("\n")) > LINES_COMPARED:
        return []
    return differences(before.text, report.text)


def reporter(report: Report) -> str:
    """Who reported, by our directory or as it was sent; empty where nobody is named."""
    return str(report.reported_by or report.reporter_as_sent)
