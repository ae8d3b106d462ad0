"""Escape sequences: what stands for a delimiter, a line end or a character, and back.

What is none stays as it was sent. Some engines escape every escape once more, and so \\\\.br\\\\ is
read as if there were one on either side.
"""

import re
from typing import NamedTuple

CONTROL_TABLE: dict[int, str | None] = {
    **dict.fromkeys([*range(0x09), *range(0x0E, 0x20), *range(0x7F, 0xA0)]),
    **dict.fromkeys([0x0B, 0x0C, 0x85], "\n"),
}
_MOST_LINES = 50  # that one \.sp\ may ask for
_LONGEST = 40  # characters of a sequence that was escaped twice


class Delimiters(NamedTuple):
    """MSH-1 and MSH-2. An empty string: the sender has no such delimiter."""

    field: str = "|"
    component: str = "^"
    repeat: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"


_LETTERS = {"F": 0, "S": 1, "R": 2, "E": 3, "T": 4}
_NO_OUTPUT = frozenset({"H", "N"})
_LOCAL = ("Z", "C", "M")  # local or character-set escapes: shown as they are
_HEX = re.compile(r"[0-9A-Fa-f]*")
_FORMAT = re.compile(r"\.(br|sp|ce|in|ti|fi|nf|sk)\s*([+-]?\d*)", re.IGNORECASE)


def unescape(value: str, delimiters: Delimiters, charset: str = "cp1252") -> str:
    """Decode escape sequences once; what is none stays as it was sent."""
    escape = delimiters.escape
    done: list[str] = []
    codes: list[bytes] = []  # hex escapes in a row are one string of bytes
    position = 0
    while (start := value.find(escape, position)) >= 0:
        end = value.find(escape, start + 1)
        if end < 0:
            break
        if start > position:
            _flush(codes, done, charset)
            done.append(value[position:start])
        sequence = value[start + 1 : end]
        position = end + 1
        if not sequence and (twice := _escaped_twice(value, position, delimiters)):
            sequence = twice
            position += len(twice) + 2
        if (code := _hex(sequence)) is not None:
            codes.append(code)
            continue
        _flush(codes, done, charset)
        meaning = _meaning(sequence, delimiters) if sequence else None
        if meaning is not None:
            done.append(meaning)
        elif sequence.startswith(_LOCAL):
            done.append(value[start:position])
        else:
            # Not an escape: its end may be the beginning of one.
            done.append(value[start:end])
            position = end
    _flush(codes, done, charset)
    done.append(value[position:])
    return "".join(done)


def _escaped_twice(value: str, position: int, delimiters: Delimiters) -> str:
    """The sequence that begins here and ends with two escapes; empty where there is none."""
    end = value.find(delimiters.escape * 2, position, position + _LONGEST)
    sequence = value[position:end] if end > position else ""
    if sequence and _hex(sequence) is None and _meaning(sequence, delimiters) is None:
        return ""
    return sequence


def _meaning(sequence: str, delimiters: Delimiters) -> str | None:
    if sequence in _LETTERS:
        return delimiters[_LETTERS[sequence]]
    if sequence in _NO_OUTPUT:
        return ""
    if sequence == "P":  # the truncation character of 2.7
        return "#"
    found = _FORMAT.fullmatch(sequence)
    if found is None:
        return None
    command, number = found[1].lower(), found[2]
    size = min(int(number), _MOST_LINES) if number.isdecimal() and len(number) < 9 else 1
    if command in ("br", "ce"):
        return "\n"
    if command == "sp":
        return "\n" * max(size, 1)
    return " " * size if command == "sk" else ""


def _hex(sequence: str) -> bytes | None:
    """The bytes of X0D0A; None when it is not one."""
    if sequence[:1] not in ("X", "x") or len(sequence) < 2 or not _HEX.fullmatch(sequence, 1):
        return None
    digits = sequence[1:]
    return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)


def _flush(codes: list[bytes], done: list[str], charset: str) -> None:
    if codes:
        text = _characters(codes, charset).replace("\r\n", "\n").replace("\r", "\n")
        done.append(text.translate(CONTROL_TABLE))
        codes.clear()


def _characters(codes: list[bytes], charset: str) -> str:
    if all(map(_is_wide, codes)):
        return b"".join(codes).decode("utf-16-be", "replace")
    joined = b"".join(codes)
    for codec in ("utf-8", charset):
        try:
            return joined.decode(codec)
        except UnicodeError:
            continue
    return joined.decode("latin-1")


def _is_wide(code: bytes) -> bool:
    """00E9 and 2019 are one character of two bytes; 0D0A is two characters."""
    if len(code) != 2:
        return False
    return code[0] == 0 or any(byte < 0x20 and byte not in b"\t\n\r" for byte in code)


def escape(text: str, delimiters: Delimiters = Delimiters()) -> str:  # noqa: B008 - immutable
    """The opposite of `unescape`, for what we write ourselves."""
    mark = delimiters.escape
    if not mark:
        return text
    letters = {delimiters[place]: letter for letter, place in _LETTERS.items()}
    table = {ord(sign): f"{mark}{letter}{mark}" for sign, letter in letters.items() if sign}
    return text.translate(table | {ord("\n"): f"{mark}.br{mark}", ord("\r"): f"{mark}X0D{mark}"})
