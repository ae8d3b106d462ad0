"""Documents inside reports: what they are, by what they begin with and not by what they are called.

Nothing here opens one. Knows no database.
"""

import hashlib
from typing import NamedTuple

# What is larger stays in the message as it was sent, and the report says so.
LARGEST = 10 * 1024 * 1024
# How the line of a report's text begins where a document stood.
PLACE = "[attached document"
# A PDF may have this much before its header; others begin with theirs.
_LEADING_SPACE = b"\xef\xbb\xbf\r\n\t \x00"


class Kind(NamedTuple):
    """What a document is: for a browser, for a file name and for a person."""

    media_type: str
    ending: str
    words: str


_BY_BEGINNING = (
    (b"%PDF-", Kind("application/pdf", "pdf", "PDF")),
    (b"\xff\xd8\xff", Kind("image/jpeg", "jpg", "JPEG image")),
    (b"\x89PNG\r\n\x1a\n", Kind("image/png", "png", "PNG image")),
    (b"II*\x00", Kind("image/tiff", "tif", "TIFF image")),
    (b"MM\x00*", Kind("image/tiff", "tif", "TIFF image")),
    (b"{\\rtf", Kind("application/rtf", "rtf", "RTF text")),
)
# Whatever else it is (a page, a script, a program) is handed over as bytes and as nothing more.
UNKNOWN = Kind("application/octet-stream", "bin", "file of unknown kind")
KINDS = {kind.media_type: kind for _, kind in _BY_BEGINNING} | {UNKNOWN.media_type: UNKNOWN}


def kind_of(content: bytes) -> Kind:
    """What a document is, as far as its first bytes say."""
    start = content[:64].lstrip(_LEADING_SPACE)
    return next((kind for sign, kind in _BY_BEGINNING if start.startswith(sign)), UNKNOWN)


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def is_only_documents(text: str) -> bool:
    """Whether a report says nothing in words: each of its lines stands for a document."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return bool(lines) and all(line.startswith(PLACE) for line in lines)
