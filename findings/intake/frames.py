"""MLLP: where one message ends and the next begins in a stream of bytes. Knows no sockets.

A frame is 0x0B, the message, 0x1C 0x0D. Senders are less exact, and whatever they send, no message
may be lost or waited for in silence:

- What stands between frames is skipped and counted.
- 0x1C ends a frame when CR, LF or the next 0x0B follows, or nothing does for a moment (`quiet`).
- 0x0B inside a frame begins another one only where a message header follows: some editors write it
  inside texts. The frame before has lost its end and is given as cut off.
- What is longer than the limit is read to its end and not kept, but for its beginning.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

START, END, CR = b"\x0b", b"\x1c", b"\r"
KEPT_OF_TOO_LARGE = 64 * 1024  # bytes
_END_OR_NEXT = re.compile(rb"\x1c[\r\n\x0b]|\x0bMSH")
_OVERLAP = len(b"\x0bMSH") - 1
_BLANK = b"\x00\t\n\x0b\r\x1c "


class Kind(StrEnum):
    """In what state a frame came."""

    WHOLE = "whole"
    TOO_LARGE = "too_large"
    # Another frame began inside it.
    CUT_OFF = "cut_off"
    # The connection ended inside it: its sender knows that there was no answer.
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it came. Of one that is too large, the beginning."""

    content: bytes
    kind: Kind
    size: int  # bytes that came


def framed(message: bytes) -> bytes:
    """The opposite, for what we send ourselves."""
    return START + message + END + CR


class Framer:
    """Takes bytes as they come, in whatever pieces, and gives the frames that they complete."""

    def __init__(self, limit: int) -> None:
        """`limit`: the most bytes that a message may have."""
        self.limit = limit
        self.skipped = 0  # bytes between frames that are neither blank nor framing
        self.is_open = False
        self._data = bytearray()  # of the open frame, or what was not looked at yet
        self._searched = 0
        self._kept: bytes | None = None  # of a frame that is too large: its beginning
        self._dropped = 0

    @property
    def seems_ended(self) -> bool:
        """Whether the last byte would be the end if nothing followed: ask again after a moment."""
        return self.is_open and self._data.endswith(END)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete with these bytes."""
        self._data += data
        frames: list[Frame] = []
        while self._begin() and (found := _END_OR_NEXT.search(self._data, self._searched)):
            is_end = found[0].startswith(END)
            frame = self._frame(found.start(), Kind.WHOLE if is_end else Kind.CUT_OFF)
            # Another frame's start stays: it is looked for next.
            self._forget(found.start() + (1 if is_end else 0))
            if is_end or frame.content.strip(_BLANK):
                frames.append(frame)
        if self.is_open:
            self._searched = max(0, len(self._data) - _OVERLAP)
            self._drop_too_much()
        return frames

    def quiet(self) -> list[Frame]:
        """Nothing has come for a moment: an end that is still without its CR is an end."""
        if not self.seems_ended:
            return []
        frame = self._frame(len(self._data) - 1, Kind.WHOLE)
        self._forget(len(self._data))
        return [frame]

    def close(self) -> list[Frame]:
        """Nothing more will come."""
        if self.seems_ended:
            return self.quiet()
        frame = self._frame(len(self._data), Kind.UNFINISHED) if self.is_open else None
        self._forget(len(self._data))
        return [frame] if frame and frame.content.strip(_BLANK) else []

    def _begin(self) -> bool:
        """Whether a frame is open; if need be, look for where one begins."""
        if self.is_open:
            return True
        start = self._data.find(START)
        between = self._data if start < 0 else self._data[:start]
        self.skipped += len(between) - sum(between.count(blank) for blank in _BLANK)
        del self._data[: len(between) + 1]
        self.is_open = start >= 0
        return self.is_open

    def _frame(self, end: int, kind: Kind) -> Frame:
        size = self._dropped + end
        if self._kept is None and end <= self.limit:
            return Frame(bytes(self._data[:end]), kind, size)
        kept = self._beginning() if self._kept is None else self._kept
        return Frame(kept, Kind.TOO_LARGE if kind is Kind.WHOLE else kind, size)

    def _beginning(self) -> bytes:
        """Never more than the limit: all of it has come by then, however it was cut."""
        return bytes(self._data[: min(KEPT_OF_TOO_LARGE, self.limit)])

    def _forget(self, count: int) -> None:
        del self._data[:count]
        self.is_open, self._searched, self._kept, self._dropped = False, 0, None, 0

    def _drop_too_much(self) -> None:
        # The last bytes may be of the end, which does not count.
        if self._kept is None and len(self._data) <= self.limit + _OVERLAP:
            return
        if self._kept is None:
            self._kept = self._beginning()
        count = max(0, len(self._data) - _OVERLAP)
        del self._data[:count]
        self._dropped += count
        self._searched = 0
