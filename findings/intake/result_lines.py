"""The lines under one OBR, and which of them are words, values, documents or notes."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from itertools import chain
from typing import NamedTuple

from findings.intake.hl7 import NULL, Message, Segment

_TEXT_TYPES = frozenset({"TX", "FT"})
_MEASURED_TYPES = frozenset({"NM", "SN", "DT", "TM", "TS", "DTM", "SI", "TN", "AD", "CP", "MO"})
_POINTERS = frozenset({"ED", "RP"})
_BASE64 = ("Base64", "BASE64", "base64")
# How the base64 of a PDF, a picture, a letter or an archive begins.
_BEGINNING = re.compile(r"\s*(?:JVBER|/9j/|iVBORw0KGgo|e1xydG|UEsDB|SUkqA|TU0AK)")
# One of them in a line of text, and nothing beside it.
_BARE_DOCUMENT = re.compile(_BEGINNING.pattern + r"[A-Za-z0-9+/]{24}")
_BARE_BASE64 = re.compile(r"\s*(?:[A-Za-z0-9+/]{32,}={0,2}|[A-Za-z0-9+/]+={1,2})\s*")
# NTE-4, table 0364: a code. Anything else there is the rest of a text.
_COMMENT_TYPE = re.compile(r"(?:[A-Z0-9]{1,4}(?:[^\w\s]|$)|$)")
_STATES = frozenset("ABCDFINOPRSUVWX")  # OBX-11, table 0085
_STATUS = 11
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
    reference: str = ""  # OBX-7, as sent

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
    if any(line.kind is Kind.DOCUMENT for line in lines):
        lines = _single_documents(message, lines)
    return _promoted(message, lines)


def read_notes(message: Message, notes: list[Segment]) -> list[Line]:
    """Notes that stand before any line."""
    return [_note(message, segment) for segment in notes]


def _note(message: Message, segment: Segment) -> Line:
    separator = message.delimiters.field
    if segment[0] == "NTE":
        value = segment[3] if len(segment) > 3 else ""
        if len(segment) > 4 and not _COMMENT_TYPE.match(segment[4]):
            value = separator.join(segment[3:]).rstrip(separator)
        return Line(Kind.NOTE, "", "", "" if value == NULL else value, "", "", "", "")
    return Line(Kind.MORE, "", "", separator.join(segment[1:]), "", "", "", "")


def _result(message: Message, segment: Segment, unlabelled: dict[str, bool]) -> Line:
    if len(segment) < _FIELDS:
        segment = segment + _BLANK[len(segment) :]
    if NULL in segment:
        segment = ["" if value == NULL else value for value in segment]
    type_, identifier = segment[2].strip().upper(), segment[3]
    if not segment[_STATUS].strip() and type_ not in _MEASURED_TYPES:
        segment = _with_separators(segment, message.delimiters.field)
    value = segment[5]
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
        segment[7],
    )


def _with_separators(segment: Segment, separator: str) -> Segment:
    """A text with field separators that nobody has escaped: its status stands further on."""
    for place in range(_STATUS + 1, len(segment)):
        more = place - _STATUS
        if segment[place].strip().upper() in _STATES and any(segment[6 : 6 + more]):
            text = separator.join(segment[5 : 6 + more])
            return [*segment[:5], text, *segment[6 + more :], *_BLANK]
    return segment


def _single_documents(message: Message, lines: list[Line]) -> list[Line]:
    """Each document in a line of its own: the repeats of a field are several, and what goes on
    where the line before stopped is one with it."""
    single: list[Line] = []
    for line in chain.from_iterable(_each_repeat(message, line) for line in lines):
        more = _rest_of_document(message, single[-1], line) if single else ""
        if more:
            single[-1] = single[-1]._replace(value=single[-1].value + more)
        else:
            single.append(line)
    return single


def _each_repeat(message: Message, line: Line) -> Iterator[Line]:
    repeats = message.repeats(line.value) if line.kind is Kind.DOCUMENT else [line.value]
    if len(repeats) > 1 and all(message.delimiters.component in one for one in repeats):
        yield from (line._replace(value=one) for one in repeats)
    else:
        yield line


def _rest_of_document(message: Message, before: Line, line: Line) -> str:
    """The base64 of a line that has no beginning of its own, where the line before has one."""
    if before.kind is not Kind.DOCUMENT or before[1:3] != line[1:3]:
        return ""
    *about, begun = message.components(before.value)
    *same, more = message.components(line.value)
    goes_on = about == same and _BEGINNING.match(begun) and not _BEGINNING.match(more)
    return more.strip() if goes_on and _BARE_BASE64.fullmatch(more) else ""


def _holds_document(message: Message, value: str) -> bool:
    """A PDF in a CE or TX: some senders do that, with or without saying so."""
    if _BARE_DOCUMENT.match(value):
        return True
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
