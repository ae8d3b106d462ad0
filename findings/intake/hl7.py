"""HL7 v2 as it really comes: delimiters, segments, fields, repeats, components.

A segment is a list of raw strings, `segment[3]` being field 3; nothing is unescaped before
it has been split. Lines that are no segments continue the one before: a report text with
bare line ends in it stays whole.
"""

import re
from dataclasses import dataclass

from findings.arrivals import HeldReason, Problem
from findings.intake.charsets import codec_for, decode, undo_utf16
from findings.intake.escapes import CONTROL_TABLE, Delimiters, unescape

Segment = list[str]

NULL = '""'  # "delete this value"; for us as good as empty
_HEADER = re.compile(rb"MSH[^A-Za-z0-9\s]")
_LINE_END = re.compile(rb"[\r\n]")
_BLANK = bytes(range(0x21))
_MARK = b"\xef\xbb\xbf"
_LONGEST_INDENT = 64
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CONTROL_BYTES = bytes(code for code in range(0x80) if _CONTROLS.match(chr(code)))
# A line that is nothing but its name is a segment only when the name is one of these.
_BARE_NAMES = frozenset({"PID", "PV1", "PV2", "PD1", "ORC", "OBR", "OBX", "NTE", "MSH", "EVN"})


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its segments, and how to take their fields apart."""

    delimiters: Delimiters
    segments: list[Segment]
    notices: tuple[str, ...]
    # Bytes that are not part of it: what stood before its MSH, or a second message after it.
    has_preamble: bool
    has_second: bool
    charset: str

    def repeats(self, value: str) -> list[str]:
        """The repeats of a raw field."""
        repeat = self.delimiters.repeat
        return value.split(repeat) if repeat and repeat in value else [value]

    def components(self, value: str) -> list[str]:
        """The raw components of one repeat."""
        component = self.delimiters.component
        return value.split(component) if component and component in value else [value]

    def subcomponents(self, value: str) -> list[str]:
        """The raw subcomponents of one component."""
        sub = self.delimiters.subcomponent
        return value.split(sub) if sub and sub in value else [value]

    def plain(self, value: str) -> str:
        """A raw value as a person writes it: unescaped, trimmed, HL7 null as empty."""
        if value == NULL:
            return ""
        # As `text`, in place: it is asked some forty times a message.
        escape = self.delimiters.escape
        if escape and escape in value:
            value = unescape(value, self.delimiters, self.charset)
        return value.strip()

    def text(self, value: str) -> str:
        """A raw value unescaped, with its blanks and line ends."""
        escape = self.delimiters.escape
        if escape and escape in value:
            return unescape(value, self.delimiters, self.charset)
        return value

    def first(self, value: str, number: int = 1) -> str:
        """Component `number` of the first repeat, plain; an unescaped & in it stays."""
        parts = self.components(self.repeats(value)[0])
        return self.plain(parts[number - 1]) if number <= len(parts) else ""

    def head(self, value: str, number: int = 1) -> str:
        """The first subcomponent of it: the name where a component is an HD or the like."""
        parts = self.components(self.repeats(value)[0])
        return self.plain(self.subcomponents(parts[number - 1])[0]) if number <= len(parts) else ""


def field(segment: Segment | None, number: int) -> str:
    """A raw field; empty when the segment is too short, absent, or the field is null."""
    if segment is None or number >= len(segment):
        return ""
    value = segment[number]
    return "" if value == NULL else value


def parse(raw: bytes, fallback_charset: str = "windows-1252") -> Message | Problem:
    """Take one message apart. What cannot be taken apart is a problem, never an exception."""
    raw = undo_utf16(raw)
    start = _header_start(raw)
    if start is None:
        return _unreadable("MSH", "There is no message header (MSH).", _NOT_HL7)
    body = raw[start:].rstrip(_BLANK)
    header = _header_line(body)
    delimiters = _delimiters(header)
    if isinstance(delimiters, Problem):
        return delimiters
    fields = header.split(delimiters.field)
    declared = fields[17].split(delimiters.repeat or "~") if len(fields) > 17 else []
    decoded = decode(body, declared, fallback_charset)
    segments, second = _segments(_without_controls(decoded.text, delimiters), delimiters)
    return Message(
        delimiters,
        segments,
        decoded.notices,
        has_preamble=bool(raw[:start].strip(_BLANK + _MARK)),
        has_second=second,
        charset=next(filter(None, map(codec_for, declared)), "") or "cp1252",
    )


def beginning(raw: bytes) -> bytes:
    """The header up to MSH-4, which says who sent it; all of it where its character set matters."""
    raw = undo_utf16(raw)
    line = _first_line(raw[_header_start(raw) or 0 :])
    separator = line[3:4]
    if not separator or not line.isascii():
        return line
    return separator.join(line.split(separator, 4)[:4])


def header_of(raw: bytes) -> Segment | None:
    """The fields of the message header as they were sent, `[10]` being MSH-10, without taking
    the rest apart; None when there is none."""
    raw = undo_utf16(raw)
    start = _header_start(raw)
    if start is None:
        return None
    name, separator, rest = (line := _header_line(raw[start:]))[:3], line[3:4], line[4:]
    return [name, separator, *rest.split(separator)]


def delimiters_of(header: Segment) -> Delimiters | None:
    """What the sender delimits with; None when that cannot be used."""
    found = _delimiters(header[1].join([header[0], *header[2:]]))
    return None if isinstance(found, Problem) else found


_NOT_HL7 = "Ask the sender what this is; if it is a report, ask for it again as HL7 ORU^R01."
_BAD_DELIMITERS = "Ask the sender to put a field separator in MSH-1 and ^~\\& in MSH-2."


def _unreadable(location: str, detail: str, suggestion: str) -> Problem:
    return Problem(HeldReason.UNREADABLE, location, detail, suggestion)


def _header_start(raw: bytes) -> int | None:
    """Where the first MSH begins that begins a line, framing and marks aside."""
    for found in _HEADER.finditer(raw):
        before = raw[max(0, found.start() - _LONGEST_INDENT) : found.start()]
        indent = before[len(before.rstrip(_BLANK + _MARK)) :]
        if len(indent) == len(before) or b"\r" in indent or b"\n" in indent:
            return found.start()
    return None


def _first_line(body: bytes) -> bytes:
    return _LINE_END.split(body[:20_000], maxsplit=1)[0]


def _header_line(body: bytes) -> str:
    line = _first_line(body)
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _delimiters(header: str) -> Delimiters | Problem:
    separator = header[3]
    # MSH-2 ends at the next separator.
    encoding = header[4:].split(separator, 1)[0].strip(" ")
    if len(encoding) == 3 and encoding[2] == "&":
        # ^~& is ^~\& whose escape character an escaping program has eaten.
        encoding = encoding[:2] + "\\&"
    elif len(encoding) == 5 and encoding[2] == encoding[3]:
        # ^~\\& is ^~\& that such a program has escaped once more.
        encoding = encoding[:3] + encoding[4]
    chosen = Delimiters(separator, *encoding[:4])
    given = separator + encoding[:4]
    if any(c.isalnum() or c in " \t\xa0" for c in given) or len(set(given)) < len(given):
        return _unreadable("MSH-2", "The encoding characters are not usable.", _BAD_DELIMITERS)
    # A default that already means something else is no default.
    return Delimiters(
        *given,
        *("" if c in given else c for c in chosen[len(given) :]),
    )


def _without_controls(text: str, delimiters: Delimiters) -> str:
    """Bytes 0x00 and the like cannot be stored or shown; some senders delimit with them."""
    if not _has_controls(text):
        return text
    return text.translate(
        {code: new for code, new in CONTROL_TABLE.items() if chr(code) not in delimiters}
    )


def _has_controls(text: str) -> bool:
    if text.isascii():  # as nearly all are: a tenth of the time that the pattern takes
        return len(text.encode().translate(None, _CONTROL_BYTES)) < len(text)
    return _CONTROLS.search(text) is not None


def _segments(text: str, delimiters: Delimiters) -> tuple[list[Segment], bool]:
    """All segments up to a second MSH, and whether there was one."""
    separator = delimiters.field
    header, *lines = text.replace("\r\n", "\r").replace("\n", "\r").split("\r")
    name, _, rest = header.partition(separator)
    segments: list[Segment] = [[name, separator, *rest.split(separator)]]
    tail: list[str] = []
    for line in lines:
        usual = line.split(separator)
        if len(usual) > 1 and usual[0] in _BARE_NAMES:
            fields: Segment | None = usual
        else:
            fields = _segment(line, separator) if line else None
        if fields is None:
            tail.append(line)
            continue
        if tail:
            _continue(segments[-1], tail, separator)
        if fields[0] == "MSH":
            return segments, True
        segments.append(fields)
    _continue(segments[-1], tail, separator)
    return segments, False


def _segment(line: str, separator: str) -> Segment | None:
    """A line as a segment, or None when it is the continuation of one."""
    if line[0] in " \t\ufeff":
        line = line.lstrip(" \t\ufeff")
    name = line[:3]
    if line[3:4] == separator and name.isalnum() and name.isascii():
        if name.isupper():
            return line.split(separator)
        if name.upper() in _BARE_NAMES:
            return [name.upper(), *line.split(separator)[1:]]
    return [line.strip()] if line.strip() in _BARE_NAMES else None


def _continue(segment: Segment, tail: list[str], separator: str) -> None:
    """Join broken lines to their segment with the line ends that broke them."""
    while tail and not tail[-1]:
        tail.pop()
    if tail:
        segment[-1:] = "\n".join([segment[-1], *tail]).split(separator)
        tail.clear()
