"""Bytes to text: what MSH-18 says, what is really there, and what to do when they differ.

A report is never lost to a character set: in the end every byte becomes some character, and
a notice says that the text should be looked at.
"""

import re
from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

# HL7 table 0211 and what senders write instead, folded by `_folded`.
_CODECS = {
    "ASCII": "ascii",
    "USASCII": "ascii",
    "UTF8": "utf-8",
    "UNICODEUTF8": "utf-8",
    "UNICODE": "utf-8",
    "UNICODEUTF16": "utf-8",  # by the time we read a message UTF-16 has been undone
    "UNICODEUTF32": "utf-8",
    "UTF16": "utf-8",
    "ISOIR14": "iso2022_jp",
    "ISOIR87": "iso2022_jp",
    "ISOIR159": "iso2022_jp_2",
    "GB180302000": "gb18030",
    "GB18030": "gb18030",
    "BIG5": "big5",
    "KSX1001": "euc_kr",
    "LATIN1": "iso8859-1",
    "ANSI": "cp1252",
}
# DICOM's names (CS 0008,0005), which makers of PACS write here, too: ISO_IR 100.
_DICOM = {
    "6": "ascii",
    "100": "iso8859-1",
    "101": "iso8859-2",
    "109": "iso8859-3",
    "110": "iso8859-4",
    "144": "iso8859-5",
    "127": "iso8859-6",
    "126": "iso8859-7",
    "138": "iso8859-8",
    "148": "iso8859-9",
    "192": "utf-8",
    "203": "iso8859-15",
}
_ISO_IR = re.compile(r"^ISO(?:2022)?IR(\d{1,3})$")
_ISO_8859 = re.compile(r"^(?:ISO|ISOIEC)?8859(\d{1,2})$")
_WINDOWS = re.compile(r"^(?:WINDOWS|CP|WIN)(125\d|437|850)$")
# Bytes that are letters in windows-1252 and control characters in ISO 8859-1.
_C1 = re.compile(rb"[\x80-\x9f]")
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_HEADER_WITHIN = 64
_HEADERS = {b"M\x00S\x00H\x00": "utf-16-le", b"\x00M\x00S\x00H": "utf-16-be"}


class Decoded(NamedTuple):
    """Text, and what a person should know about how it was read."""

    text: str
    notices: tuple[str, ...] = ()


def codec_for(name: str) -> str:
    """Python's name for a character set as HL7 people write it; empty when unknown."""
    folded = re.sub(r"[\s_/\-().]", "", name).upper()
    if folded in _CODECS:
        return _CODECS[folded]
    if found := _ISO_IR.match(folded):
        return _DICOM.get(found[1], "")
    if found := _ISO_8859.match(folded):
        number = int(found[1])
        return f"iso8859-{number}" if 1 <= number <= 16 and number != 12 else ""
    if found := _WINDOWS.match(folded):
        return f"cp{found[1]}"
    return ""


def undo_utf16(raw: bytes) -> bytes:
    """UTF-16 as UTF-8; anything else as it is. Known by its mark or by how MSH looks in it."""
    codec = _MARKS.get(raw[:2]) or next(filter(None, (_by_header(raw, h) for h in _HEADERS)), "")
    if not codec:
        return raw
    start = 2 if raw[:2] in _MARKS else 0
    return raw[start:].decode(codec, "replace").encode("utf-8")


def _by_header(raw: bytes, header: bytes) -> str:
    """The codec in which MSH looks so, where it does. Each looks like the other from one byte on,
    and a character begins at an even one."""
    place = raw[:_HEADER_WITHIN].find(header)
    return _HEADERS[header] if place >= 0 and place % 2 == 0 else ""


def decode(raw: bytes, declared: Iterable[str], fallback: str) -> Decoded:
    """The text of a message whose MSH-18 says `declared` (its repeats, maybe none)."""
    if raw.isascii() and b"\x1b" not in raw:
        return Decoded(raw.decode("ascii"))
    names = [name for name in declared if name.strip()]
    codecs = [codec for codec in map(codec_for, names) if codec]
    notices: tuple[str, ...] = ()
    if len(codecs) < len(names):
        notices = ("MSH-18 names a character set that is not known here.",)
    decoded = _as_declared(raw, codecs) or _as_guessed(raw, fallback, bool(codecs))
    return Decoded(decoded.text, notices + decoded.notices)


def _as_declared(raw: bytes, codecs: list[str]) -> Decoded | None:
    if not codecs:
        return None
    # Text in a one-byte set is hardly ever valid UTF-8 by chance, so UTF-8 is what it is.
    if (text := _strict(raw, "utf-8")) is not None and not codecs[0].startswith("iso2022"):
        if "utf-8" in codecs:
            return Decoded(text)
        return Decoded(
            text, ("The message is in UTF-8 although MSH-18 says otherwise; read as UTF-8.",)
        )
    for codec in codecs:
        if (text := _strict(raw, _superset(raw, codec))) is not None:
            return Decoded(text)
    return None


def _superset(raw: bytes, codec: str) -> str:
    """Who says ISO 8859-1 and sends typographic quotes means windows-1252."""
    if codec == "iso8859-1" and _C1.search(raw) and _strict(raw, "cp1252") is not None:
        return "cp1252"
    return codec


def _as_guessed(raw: bytes, fallback: str, declared: bool) -> Decoded:
    if (text := _strict(raw, "utf-8")) is not None:
        return Decoded(text)
    codec = codec_for(fallback) or "cp1252"
    why = "does not fit the bytes" if declared else "is not named in MSH-18"
    notice = f"The character set {why}; accents and symbols may be wrong (read as {codec})."
    lines = [_line(line, codec) for line in raw.splitlines(keepends=True)]
    text = "".join(line.text for line in lines)
    return Decoded(text, (notice, *dict.fromkeys(chain(*(line.notices for line in lines)))))


def _line(line: bytes, codec: str) -> Decoded:
    """A line by itself: the systems whose words meet in a message may each write their own set."""
    for one in ("utf-8", codec):
        if (text := _strict(line, one)) is not None:
            return Decoded(text)
    lost = "Some characters could not be read; they are shown as \N{REPLACEMENT CHARACTER}."
    return Decoded(line.decode(codec, "replace"), (lost,))


def _strict(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeError:
        return None
