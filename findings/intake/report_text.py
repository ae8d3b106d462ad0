"""From the result lines of one OBR to the words a person reads.

The body is the text lines in the order sent, blank lines kept, every repeat a line. What is
measured or coded stands between blank lines with the sender's own label; an attached
document leaves a line that says so and is handed on beside the text. No headings are invented:
where the sender labels the sections in OBX-3 and not in the text, the sender's label is shown.
"""

import re
from typing import NamedTuple

from findings import alert_codes
from findings.alert_codes import is_code
from findings.documents import LARGEST
from findings.intake.documents import ENCODINGS, decoded, from_mime, plain_text
from findings.intake.hl7 import Message, Segment
from findings.intake.result_lines import Kind, Line, read_lines, read_notes

ATTACHED_NOTICE = "A document came with this report: open it to read the whole report."
NOT_KEPT_NOTICE = "A document came with this report and could not be kept: open it at the sender's."
DELETED = f"{alert_codes.DELETED} "

_CODED_TYPES = frozenset({"CE", "CWE", "CNE", "CF"})
_DELETED_STATES = frozenset({"D", "W"})
# By what an ED calls its data or a MIME header its file, and by how the base64 of each begins.
_KINDS = (
    ("PDF", "pdf"),
    ("RTF", "rtf"),
    ("JPEG", "jpeg"),
    ("JPEG", "jpg"),
    ("PNG", "png"),
    ("TIFF", "tiff"),
    ("Word", "msword"),
    ("Word", "wordprocessing"),
    ("Word", ".doc"),
    ("HTML", "html"),
    ("XML", "xml"),
)
_BEGINNINGS = (("PDF", "JVBER"), ("JPEG", "/9j/"), ("PNG", "iVBORw0KGgo"), ("RTF", "e1xydGY"))
_PLAIN = re.compile(r"\b(?:text|plain|txt)\b", re.IGNORECASE)
_RADLEX = re.compile(r"\bRID\d+\b")
_UNNAMED = "[attached document, not shown here]"
_LINKED = "[linked item, not shown here]"


class Body(NamedTuple):
    """The words of one examination and what its lines say about themselves."""

    text: str
    has_words: bool
    has_document: bool
    documents: tuple[bytes, ...]
    # One that came is not among them: too large, or not what it says.
    lacks_document: bool
    statuses: list[str]  # the different OBX-11 of the lines with words, as sent
    observed: list[str]  # OBX-14, as sent
    observer: str  # the first OBX-16, raw
    codes: tuple[str, ...]  # those that may say that somebody must act


def read_body(message: Message, results: list[Segment], notes: list[Segment]) -> Body:
    """Read the OBX segments of one OBR with the NTE and ADD segments among them, and the NTE before
    them."""
    lines = read_lines(message, results)
    wordy = [line for line in lines if line.kind in (Kind.TEXT, Kind.DOCUMENT)]
    states = [line.status for line in wordy or lines]
    deleted = any(state.upper() in _DELETED_STATES for state in states)
    writer = _Writer(message, lines, deleted)
    writer.write_request_notes(read_notes(message, notes))
    writer.write_all(lines)
    documents, lacks_document = writer.documents()
    return Body(
        text="\n".join(writer.lines),
        has_words=writer.has_words or writer.has_document,
        has_document=writer.has_document,
        documents=documents,
        lacks_document=lacks_document,
        statuses=list(dict.fromkeys(filter(None, states))),
        observed=[line.observed for line in lines if line.observed],
        observer=next((line.observer for line in [*wordy, *lines] if line.observer), ""),
        codes=_alert_codes(message, lines),
    )


def _alert_codes(message: Message, lines: list[Line]) -> tuple[str, ...]:
    """Abnormal flags (OBX-8) and RadLex ids of OBX-3 and OBX-5 that mean something to us."""
    codes: dict[str, None] = {}
    for line in lines:
        if line.flags:
            codes |= dict.fromkeys(message.first(flag) for flag in message.repeats(line.flags))
        if "RID" in line.identifier or (line.type in _CODED_TYPES and "RID" in line.value):
            codes |= dict.fromkeys(_RADLEX.findall(f"{line.identifier} {line.value}"))
    return tuple(filter(is_code, codes))


class _Writer:
    """Puts the lines under each other."""

    def __init__(self, message: Message, lines: list[Line], marks_deleted: bool) -> None:
        self.message = message
        self.marks_deleted = marks_deleted
        self.lines: list[str] = []
        self.has_words = False
        self.has_document = False
        identifiers = {line.identifier for line in lines if line.kind is Kind.TEXT}
        self._names = {identifier: self._name(identifier) for identifier in identifiers}
        # Different names among the text lines are sections, and have to be shown.
        self._shows_names = len(set(self._names.values()) - {""}) > 1
        self._section = ""
        self._before: Kind | None = None
        self._is_raw_document = False
        # Each as it stands: an ED whole, or the lines of a MIME message.
        self._sent: list[tuple[str, str] | list[str]] = []

    def write_request_notes(self, notes: list[Line]) -> None:
        """What was noted before the first line: nothing says whether it was asked or answered."""
        for note in notes:
            self._write_note(note, "Note on the request: ")
        if self.lines:
            self._before = Kind.NOTE

    def write_all(self, lines: list[Line]) -> None:
        """Write every line as what it is."""
        for line in lines:
            if line.kind is Kind.TEXT:
                self._write_text(line)
            elif line.kind is Kind.LABELLED:
                self._write_labelled(line)
            elif line.kind is Kind.DOCUMENT:
                self._write_document(line)
            else:
                self._write_note(line)

    def _begin(self, kind: Kind) -> None:
        """A blank line where text and values meet."""
        if self._before not in (None, kind) and self.lines and self.lines[-1].strip():
            self.lines.append("")
        self._before = kind
        self._is_raw_document = False

    def _values(self, line: Line) -> list[str]:
        """OBX-5, each repeat as a line."""
        repeats = self.message.repeats(line.value)
        read = self._coded if line.type in _CODED_TYPES else self.message.text
        return [read(repeat) for repeat in repeats]

    def _coded(self, value: str) -> str:
        """A coded value in words, with its code where it has both."""
        parts = [self.message.plain(part) for part in self.message.components(value)]
        words = next((parts[n] for n in (1, 8, 4) if len(parts) > n and parts[n]), "")
        return f"{words} ({parts[0]})" if words and parts[0] else words or parts[0]

    def _name(self, identifier: str) -> str:
        """The sender's name of what a line holds (OBX-3.2), without its colon."""
        name = self.message.first(identifier, 2) or self.message.first(identifier, 5)
        return name.rstrip(":").rstrip()

    def _write_text(self, line: Line) -> None:
        self._begin(Kind.TEXT)
        values = self._values(line)
        if self._shows_names:
            self._write_heading(self._names[line.identifier], values)
        if self.marks_deleted and line.status.upper() in _DELETED_STATES:
            values = [DELETED + value if value.strip() else value for value in values]
        self.has_words = self.has_words or any(map(str.strip, values))
        if line.unit or line.reference:
            values[-1] = " ".join([values[-1], *self._measure(line)])
        self.lines += values

    def _write_heading(self, name: str, values: list[str]) -> None:
        """The sender's label where a section begins, unless the text itself begins with it."""
        if name == self._section:
            return
        self._section = name
        first = next((value.strip() for value in values if value.strip()), "")
        if name and first and not first.casefold().startswith(name.casefold()):
            self.lines.append(f"{name}:")

    def _write_labelled(self, line: Line) -> None:
        component = self.message.delimiters.component or " "
        values = (value.replace(component, " ").strip() for value in self._values(line))
        value = "\n".join(filter(None, values))
        if not value:
            return
        self._begin(Kind.LABELLED)
        label = self._name(line.identifier) or self.message.head(line.identifier)
        said = [f"{label}:" if label else "", value, *self._measure(line)]
        self.lines.append(" ".join(filter(None, said)))

    def _measure(self, line: Line) -> list[str]:
        """Unit, reference range and abnormal flags, as sent."""
        first = self.message.first
        unit, reference = first(line.unit), first(line.reference)
        flags = [flag for one in self.message.repeats(line.flags) if (flag := first(one))]
        said = [unit, f"(reference {reference})" if reference else ""]
        if flags and flags != ["N"]:
            said.append(f"[{', '.join(flags)}]")
        return list(filter(None, said))

    def _write_document(self, line: Line) -> None:
        parts = self.message.components(line.value)
        is_raw = len(parts) == 1
        kind = _document_kind(self.message, line.value)
        if is_raw and self._is_raw_document:
            self._go_on(line.value)
            # One document in the lines of a MIME message: perhaps this one names it.
            if kind and self.lines[-1] == _UNNAMED:
                self.lines[-1] = _attached(kind)
        elif line.value.strip():
            self._begin(Kind.DOCUMENT)
            if (words := self._plain_words(parts, kind)) is not None:
                self.has_words = True
                self.lines += words
                return
            is_link = line.type == "RP" and not kind
            self.has_document = self.has_document or not is_link
            self._is_raw_document = is_raw and not is_link
            if line.type != "RP":
                self._take_document(parts)
                self.lines.append(_attached(kind))
            else:
                self.lines.append(_linked(kind, self.message.plain(parts[0])))

    def _plain_words(self, parts: list[str], kind: str) -> list[str] | None:
        """The lines of a document that is nothing but text; None where it is anything else."""
        if kind or len(parts) < 3 or not _PLAIN.search(" ".join(parts[:-2])):
            return None
        place = self._encoding(parts)
        content = decoded(parts[place], self.message.text(parts[place + 1]))
        text = plain_text(content)
        return text.splitlines() if text.strip() else None

    def _take_document(self, parts: list[str]) -> None:
        """An ED: source, type, subtype, encoding and data; in a line of its own as it is."""
        if len(parts) == 1:
            self._sent.append([self.message.text(parts[0])])
            return
        place = self._encoding(parts)
        self._sent.append((parts[place], parts[place + 1]))

    def _encoding(self, parts: list[str]) -> int:
        """Which component of an ED says how the next one is encoded."""
        named = (n for n, part in enumerate(parts[:-1]) if part.strip().lower() in ENCODINGS)
        return next(named, len(parts) - 2)

    def _go_on(self, value: str) -> None:
        if self._sent and isinstance(last := self._sent[-1], list):
            last.append(self.message.text(value))

    def documents(self) -> tuple[tuple[bytes, ...], bool]:
        """Those that could be had, and whether there were others."""
        found = [
            from_mime(one) if isinstance(one, list) else decoded(one[0], self.message.text(one[1]))
            for one in self._sent
        ]
        kept = tuple(one for one in found if 0 < len(one) <= LARGEST)
        return kept, self.has_document and (len(kept) < len(found) or not found)

    def _write_note(self, line: Line, prefix: str = "Note: ") -> None:
        if line.value:
            prefix = prefix if line.kind is Kind.NOTE else ""
            texts = map(self.message.text, self.message.repeats(line.value))
            self.lines += [prefix + text if text.strip() else "" for text in texts]


def _attached(kind: str) -> str:
    return f"[attached document: {kind}, not shown here]" if kind else _UNNAMED


def _linked(kind: str, where: str) -> str:
    """What a pointer leads to, in words: it is never followed here."""
    place = _attached(kind) if kind else _LINKED
    return f"{place[:-1]}: {where}]" if where else place


def _document_kind(message: Message, value: str) -> str:
    """What kind of document it is; empty when nothing says so."""
    *about, content = message.components(value)
    if not about and ":" in content:
        about, content = [content], ""  # the header of a MIME message
    words = " ".join(about).lower()
    named = (name for name, sign in _KINDS if sign in words)
    begun = (name for name, beginning in _BEGINNINGS if content.lstrip().startswith(beginning))
    return next(named, "") or next(begun, "")
