"""Files, folders, batches and logs to single raw messages, each with its file and line.

Nothing vanishes: what stands between messages and is neither framing, nor a batch header or
trailer, nor the line a logger writes before a message, is a piece of its own and will be held.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from findings.intake.charsets import undo_utf16


@dataclass(frozen=True)
class RawMessage:
    """One message as it came, or something that should have been one."""

    content: bytes
    line: int  # the first is 1
    end: int  # bytes of the file up to here
    file: str = ""

    @property
    def origin(self) -> str:
        """Where a person finds it again."""
        return f"{self.file}:{self.line}" if self.file else f"line {self.line}"


@dataclass(frozen=True)
class FileWarning:
    """Something about a file that its messages do not say: a count that is wrong, no bytes."""

    text: str
    line: int = 0
    file: str = ""


Piece = RawMessage | FileWarning

_MARK = b"\xef\xbb\xbf"
_BLANK = bytes(range(0x21))
_LINE = re.compile(rb"[^\r\n]+")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_HEADER = re.compile(rb"MSH[^A-Za-z0-9\s]")
_ENVELOPE = re.compile(rb"(FHS|BHS|BTS|FTS)(?:([^A-Za-z0-9\s])|\Z)")
_SEGMENT = re.compile(rb"[A-Z][A-Z0-9]{2}([^A-Za-z0-9\s]|\Z)")
# 0x0B where a line begins opens a frame; Word writes it inside texts, too.
_FRAME = re.compile(rb"(?:\A|(?<=[\r\n\x1c]))\x0b")
_FRAME_END = b"\x1c"
# The same marks as a logger spells them.
_SPELLED_FRAME = re.compile(rb"(?m)^<(SB|VT)>(?:\r\n|\r|\n)?")
_SPELLED_END = re.compile(rb"<(?:EB|FS)>(?:<(?:R|CR)>)?")
_SPELLED_CR = re.compile(rb"<(?:R|CR)>(?:\r\n|\r|\n)?")
_LOG_LINE = re.compile(rb"\s*\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
# The field that holds text; a line with more fields is complete and is not continued.
_TEXT_FIELD = {b"OBX": 5, b"NTE": 3}


class _Span(NamedTuple):
    """A stretch of a file: inside a frame, or outside."""

    start: int
    end: int
    framed: bool


def split(raw: bytes) -> Iterator[Piece]:
    """The single messages in a file's bytes, and warnings about its batches."""
    yield from _Splitter(undo_utf16(raw)).pieces()


class _Frames(NamedTuple):
    """The frames in a file and what is between them."""

    spans: list[_Span]
    spelled: bool  # by a logger
    # Where one begins that has no end, although others have: whoever wrote it did not come to it.
    cut_off: int | None


def _frames(data: bytes) -> _Frames:
    spelled = list(_SPELLED_FRAME.finditer(data)) if b"<SB>" in data or b"<VT>" in data else []
    # To look at each byte of a file for what most files have none of is a tenth of their import.
    starts = spelled or (list(_FRAME.finditer(data)) if b"\x0b" in data else [])
    spans: list[_Span] = []
    ended: dict[int, bool] = {}
    position = 0
    limits = [found.start() for found in starts[1:]] + [len(data)]
    for found, limit in zip(starts, limits, strict=False):
        end, after = _frame_end(data, found.end(), limit, bool(spelled))
        spans.append(_Span(position, found.start(), framed=False))
        spans.append(_Span(found.end(), end, framed=True))
        ended[found.start()] = after > end
        position = after
    spans.append(_Span(position, len(data), framed=False))
    spans = [span for span in spans if span.start < span.end]
    cut_off = next((start for start, has_end in ended.items() if not has_end), None)
    return _Frames(spans, bool(spelled), cut_off if any(ended.values()) else None)


def _frame_end(data: bytes, start: int, limit: int, spelled: bool) -> tuple[int, int]:
    """Where a frame's content ends, and where the next thing begins."""
    if spelled:
        found = _SPELLED_END.search(data, start, limit)
        return (found.start(), found.end()) if found else (limit, limit)
    end = data.find(_FRAME_END, start, limit)
    return (end, end + 1) if end >= 0 else (limit, limit)


@dataclass
class _Counts:
    """What batch headers and trailers promise, and what came."""

    messages: int = 0
    batches: int = 0
    all_messages: int = 0
    open_file: int = 0  # the line of the FHS that waits for its FTS
    open_batch: int = 0

    def message(self) -> None:
        self.messages += 1
        self.all_messages += 1

    def envelope(self, name: bytes, number: str, line: int) -> Iterator[FileWarning]:
        """Take note of FHS, BHS, BTS or FTS."""
        if name == b"FHS":
            self.open_file, self.batches, self.all_messages = line, 0, 0
        elif name == b"BHS":
            yield from self._unfinished_batch()
            self.open_batch, self.messages = line, 0
        elif name == b"BTS":
            self.open_batch = 0
            self.batches += 1
            yield from _compare(number, (self.messages,), "batch", "message", line)
            self.messages = 0
        else:
            self.open_file = 0
            # Without BHS all is one batch; some senders count messages here.
            came = (self.batches or min(self.all_messages, 1), self.all_messages)
            yield from _compare(number, came, "file", "batch", line)

    def end(self) -> Iterator[FileWarning]:
        """What is missing at the end of the file."""
        yield from self._unfinished_batch()
        if self.open_file:
            text = "The file has a beginning (FHS) and no end (FTS); it may have been cut off."
            yield FileWarning(text, self.open_file)

    def _unfinished_batch(self) -> Iterator[FileWarning]:
        if self.open_batch:
            text = "The batch has a beginning (BHS) and no end (BTS); it may have been cut off."
            yield FileWarning(text, self.open_batch)


def _compare(
    number: str, came: tuple[int, ...], whole: str, part: str, line: int
) -> Iterator[FileWarning]:
    if not number:
        return
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        yield FileWarning(f"The count at the end of the {whole} is not a number.", line)
    elif int(number) not in came:
        promised, difference = int(number), int(number) - came[0]
        which = "missing" if difference > 0 else "more than it says"
        yield FileWarning(
            f"The {whole} says {_many(promised, part)} and holds {came[0]}: "
            f"{_many(abs(difference), part)} {which}.",
            line,
        )


def _many(count: int, thing: str) -> str:
    plural = {"batch": "batches"}.get(thing, thing + "s")
    return f"{count} {thing if count == 1 else plural}"


@dataclass
class _Open:
    """The message being collected, or, without a separator, what is no message."""

    start: int
    end: int
    separator: bytes = b""
    last: tuple[int, int] = (0, 0)  # the last line that was a segment
    tail: int = -1  # where lines begin that are no segments
    tail_after_blank: bool = False
    tail_has_separator: bool = False


class _Splitter:
    """Walks through the lines of a file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.counts = _Counts()
        self.open: _Open | None = None
        self._counted_to = 0
        self._line = 1

    def pieces(self) -> Iterator[Piece]:
        spans, spelled, cut_off = _frames(self.data)
        for span in spans:
            for piece in self._span(span, spelled):
                yield _as_sent(piece) if spelled and span.framed else piece
        if cut_off is not None:
            text = "A message has the mark of its beginning and not of its end; it may be cut off."
            yield FileWarning(text, 1 + len(_LINE_END.findall(self.data[:cut_off])))
        yield from self.counts.end()

    def _span(self, span: _Span, spelled: bool) -> Iterator[Piece]:
        is_log = spelled and not span.framed
        before = span.start
        for found in _LINE.finditer(self.data, span.start, span.end):
            line = found.group().lstrip(_BLANK + _MARK)
            after_blank = len(_LINE_END.findall(self.data, before, found.start())) > 1
            before = found.end()
            if not line or (is_log and _LOG_LINE.match(line)):
                continue
            yield from self._take(found, line, after_blank)
        yield from self._close(framed=span.framed)

    def _take(self, found: re.Match[bytes], line: bytes, after_blank: bool) -> Iterator[Piece]:
        start, end = found.span()
        if _HEADER.match(line):
            yield from self._close()
            self.counts.message()
            self.open = _Open(start, end, line[3:4], (start, end))
        elif envelope := _ENVELOPE.match(line):
            yield from self._close()
            number = _first_field(line, envelope[2])
            yield from self.counts.envelope(envelope[1], number, self._line_at(start))
        elif self.open is None:
            self.open = _Open(start, end)
        else:
            self._extend(self.open, line, (start, end), after_blank)

    def _extend(
        self, current: _Open, line: bytes, place: tuple[int, int], after_blank: bool
    ) -> None:
        current.end = place[1]
        if not current.separator:
            return
        found = _SEGMENT.match(line)
        if found and found[1] in (current.separator, b""):
            current.last, current.tail, current.tail_has_separator = place, -1, False
            return
        if current.tail < 0:
            current.tail, current.tail_after_blank = place[0], after_blank
        current.tail_has_separator = current.tail_has_separator or current.separator in line

    def _close(self, framed: bool = False) -> Iterator[Piece]:
        """Hand out what was collected; a tail that cannot be report text goes by itself."""
        current, self.open = self.open, None
        if current is None:
            return
        if current.tail < 0 or framed or not self._is_junk(current):
            yield self._piece(current.start, current.end)
            return
        yield self._piece(current.start, current.tail)
        yield self._piece(current.tail, current.end)

    def _is_junk(self, current: _Open) -> bool:
        """Whether the lines after the last segment cannot be the rest of its text."""
        if current.tail_has_separator:
            return False
        segment = self.data[slice(*current.last)].lstrip(_BLANK + _MARK)
        number = _TEXT_FIELD.get(segment[:3])
        if number is None or current.tail_after_blank:
            return True
        return segment.count(current.separator) > number

    def _piece(self, start: int, end: int) -> RawMessage:
        return RawMessage(self.data[start:end], self._line_at(start), end)

    def _line_at(self, position: int) -> int:
        """The line number of a place; places come in order, so each byte is counted once."""
        passed = self.data[self._counted_to : position]
        # A CRLF that straddles two calls cannot be: every place is the beginning of a line.
        self._line += passed.count(b"\n") + passed.count(b"\r") - passed.count(b"\r\n")
        self._counted_to = max(self._counted_to, position)
        return self._line


def _as_sent(piece: Piece) -> Piece:
    """Undo how a logger spells line ends."""
    if isinstance(piece, FileWarning):
        return piece
    return replace(piece, content=_SPELLED_CR.sub(b"\r", piece.content))


def _first_field(line: bytes, separator: bytes | None) -> str:
    fields = line.split(separator) if separator else [line]
    # A logger may spell the line end: "3<R>".
    return fields[1].partition(b"<")[0].decode("latin-1").strip() if len(fields) > 1 else ""


@dataclass
class Walk:
    """The files found under some paths; iterating reads them one after another."""

    files: list[tuple[Path, int]] = field(default_factory=list)
    warnings: list[FileWarning] = field(default_factory=list)
    done_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        return sum(size for _, size in self.files)

    def __iter__(self) -> Iterator[Piece]:
        self.done_bytes = 0
        yield from self.warnings
        for path, size in self.files:
            before = self.done_bytes
            for piece in _read(path):
                if isinstance(piece, RawMessage):
                    self.done_bytes = before + min(piece.end, size)
                yield piece
            self.done_bytes = before + size


def walk(paths: Iterable[str | Path]) -> Walk:
    """Find the files of these paths: folders in natural order, hidden files left out."""
    found = Walk()
    seen: set[Path] = set()
    for path in map(Path, paths):
        for file in _files(path, found.warnings):
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                found.files.append((file, _size(file)))
    return found


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _files(path: Path, warnings: list[FileWarning]) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif not path.is_dir():
        warnings.append(FileWarning("There is no such file or folder.", file=str(path)))
    else:
        yield from _folder(path, warnings)


def _folder(folder: Path, warnings: list[FileWarning]) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        text = "The folder could not be opened; ask for the right to read it."
        warnings.append(FileWarning(text, file=str(error.filename)))

    inside: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=refused):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside += [Path(parent, name) for name in names if not name.startswith(".")]
    yield from sorted((f for f in inside if f.is_file()), key=natural)


def natural(path: Path) -> list[tuple[int, int, str]]:
    """day2 before day10."""
    pieces = re.split(r"(\d+)", str(path).casefold(), flags=re.ASCII)
    return [(0, int(p), p) if p.isdigit() and p.isascii() else (1, 0, p) for p in pieces]


def _read(path: Path) -> Iterator[Piece]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        yield FileWarning(f"The file could not be read: {reason}.", file=str(path))
        return
    is_empty = True
    for piece in split(raw):
        is_empty = False
        yield replace(piece, file=str(path))
    if is_empty:
        text = "The file is empty." if not raw else "The file holds nothing but blanks."
        yield FileWarning(text, file=str(path))
