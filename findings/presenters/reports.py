"""What the pages of reports say: versions with their differences, and the radiologist's own words.

The conclusion of a report is found by its heading; it is only ever offered for editing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from findings.models import Report

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
# No sender breaks its lines at fewer characters: shorter ones are lines of their own.
NARROWEST = 40
_LIST_ITEM = re.compile(r"\s*(?:[-*•]|\(?\d{1,2}[.)]|\(?[a-z][.)])\s", re.IGNORECASE)
# Comparing two texts of thousands of lines takes longer than a page may.
LINES_COMPARED = 1000


def conclusion(text: str) -> str:
    """The last section that concludes, without its heading; empty where there is none."""
    headings = [found for found in _CONCLUSION.finditer(text) if _is_heading(found)]
    if not headings:
        return ""
    rest = text[headings[-1].end() :]
    stop = _NEXT_HEADING.search(rest)
    return _cut(_flowing(rest[: stop.start()].strip() if stop else rest.strip()))


def _flowing(text: str) -> str:
    """Without the line ends of a sender that breaks lines at a width: they read badly on a phone.

    A line was broken where the first word of the next had no room in it. Others were meant, and so
    is one that ends a sentence, by chance or not.
    """
    lines = text.splitlines()
    width = max((len(line) for line in lines), default=0)
    flowing: list[str] = []
    before = ""
    for line in lines:
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        full = width >= NARROWEST and len(before) + 1 + len(word) > width
        meant = not before or before[-1] in ".:;!?" or _LIST_ITEM.match(line)
        if word and full and not meant:
            flowing[-1] += f" {line.strip()}"
        else:
            flowing.append(line)
        before = line.rstrip()
    return "\n".join(flowing)


def _is_heading(found: re.Match[str]) -> bool:
    """A word in the middle of a line is a heading only in capitals."""
    at_start = found.start() == 0 or found.string[found.start() - 1] == "\n"
    return at_start or found[0].rstrip(": \t").isupper()


def _cut(text: str) -> str:
    if len(text) <= LONGEST_CONCLUSION:
        return text
    return text[:LONGEST_CONCLUSION].rsplit(maxsplit=1)[0] + " …"


@dataclass(frozen=True)
class Line:
    """One line of a report that was kept, added or removed."""

    kind: str  # "same", "added" or "removed"
    text: str


@dataclass(frozen=True)
class Version:
    """One version of a report, and what it changed in the one before it."""

    report: Report
    is_current: bool
    before: Report | None
    changed: Sequence[Line]

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


def _changed(before: Report | None, report: Report) -> list[Line]:
    if before is None or before.text == report.text:
        return []
    old, new = before.text.splitlines(), report.text.splitlines()
    if max(len(old), len(new)) > LINES_COMPARED:
        return []
    return list(_compared(old, new))


def _compared(old: list[str], new: list[str]) -> Iterator[Line]:
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (Line("same", text) for text in new[j1:j2])
        else:
            yield from (Line("removed", text) for text in old[i1:i2])
            yield from (Line("added", text) for text in new[j1:j2])


def reporter(report: Report) -> str:
    """Who reported, by our directory or as it was sent; empty where nobody is named."""
    return str(report.reported_by or report.reporter_as_sent)
