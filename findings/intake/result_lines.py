"""The lines under one OBR, and which of them are words, values, documents or notes."""

import re
from enum import Enum, auto
from typing import NamedTuple

from findings.intake.hl7 import NULL, Message, Segment

_TEXT_TYPES = frozenset({"TX", "FT"})
_MEASURED_TYPES = frozenset({"NM", "SN", "DT", "TM", "TS", "DTM", "SI", "TN", "AD", "CP", "MO"})
_POINTERS = frozenset({"ED", "RP"})
_BASE64 = ("Base64", "BASE64", "base64")
# What a label or code of a section of a report says; a single measurement says none of it.
_SECTION = re.compile(
    r"report|finding|impression|conclusion|opinion|summary|comment|narrative|addend|history"
    r"|indication|technique|comparison|recommend|descript|diagnos",
    re.IGNORECASE,
)
_PROSE_WORDS = 4  # "Supplemental oxygen" is a value, "No acute bony injury seen" is a report
_FIELDS = 17  # up to OBX-16
_BLANK = [""] * _FIELDS


class Kind(Enum):
    """What a line is to the reader."""

    TEXT = auto()
    LABELLED = auto()  # a measurement or a code, with what it measures in OBX-3
    DOCUMENT = auto()
    NOTE = auto()  # NTE
    MORE = auto()  # ADD: goes on where the line before stopped


class Line(NamedTuple):
    """One OBX, NTE or ADD; values as sent, HL7 nulls as empty."""

    kind: Kind
    type: str
    identifier: str
    value: str
    unit: str
    status: str
    observed: str
    observer: str
    flags: str = ""  # OBX-8, as sent

    @property
    def is_measured(self) -> bool:
        return self.type in _MEASURED_TYPES


def read_lines(message: Message, results: list[Segment]) -> list[Line]:
    """Every line in its order, senders without TX included."""
    unlabelled: dict[str, bool] = {}
    lines = [
        _result(message, segment, unlabelled) if segment[0] == "OBX" else _note(message, segment)
        for segment in results
    ]
    return _promoted(message, lines)


def _note(message: Message, segment: Segment) -> Line:
    if segment[0] == "NTE":
        value = segment[3] if len(segment) > 3 else ""
        return Line(Kind.NOTE, "", "", "" if value == NULL else value, "", "", "", "")
    value = message.delimiters.field.join(segment[1:])
    return Line(Kind.MORE, "", "", value, "", "", "", "")


def _result(message: Message, segment: Segment, unlabelled: dict[str, bool]) -> Line:
    if len(segment) < _FIELDS:
        segment = segment + _BLANK[len(segment) :]
    if NULL in segment:
        segment = ["" if value == NULL else value for value in segment]
    type_, identifier, value = segment[2].strip().upper(), segment[3], segment[5]
    kind = Kind.TEXT
    if type_ in _POINTERS or _holds_document(message, value):
        kind = Kind.DOCUMENT
    elif type_ in _MEASURED_TYPES:
        kind = Kind.LABELLED
    elif type_ not in _TEXT_TYPES:
        if identifier not in unlabelled:
            unlabelled[identifier] = _is_unlabelled(message, identifier)
        kind = Kind.TEXT if unlabelled[identifier] else Kind.LABELLED
    return Line(
        kind,
        type_,
        identifier,
        value,
        segment[6],
        segment[11].strip(),
        segment[14],
        segment[16],
        segment[8],
    )


def _holds_document(message: Message, value: str) -> bool:
    """A PDF in a CE or TX: some senders do that."""
    component = message.delimiters.component
    if not component or component not in value:
        return False
    return any(mark in value for mark in _BASE64)


def _is_unlabelled(message: Message, identifier: str) -> bool:
    """No OBX-3, or a bare suffix like &GDT and &IMP: a line of the report, not a measurement."""
    parts = message.components(identifier)
    if any(part.strip() for part in parts[1:]):
        return False
    code, *suffixes = message.subcomponents(parts[0])
    return not code.strip() or bool(suffixes and suffixes[0].strip())


def _promoted(message: Message, lines: list[Line]) -> list[Line]:
    """Senders without TX write the report in coded ST or CE lines; measurements do so too."""
    if any(line.kind is Kind.TEXT and line.value.strip() for line in lines):
        return lines
    spoken = [line for line in lines if line.kind is Kind.LABELLED and not line.is_measured]
    if not _reads_like_a_report(message, spoken):
        return lines
    return [
        line._replace(kind=Kind.TEXT)
        if line.kind is Kind.LABELLED and not line.is_measured
        else line
        for line in lines
    ]


def _reads_like_a_report(message: Message, spoken: list[Line]) -> bool:
    identifiers = {line.identifier for line in spoken}
    if len(spoken) > 1 and len(identifiers) == 1:
        return True
    if any(_SECTION.search(identifier) for identifier in identifiers):
        return True
    return any(len(message.text(line.value).split()) >= _PROSE_WORDS for line in spoken)
