"""Our e-mail as bytes: two texts that say the same, and headers that we write ourselves.

Python's own writer takes two thirds of a sender's time for a whole message, since it folds, encodes
and searches whatever anybody may write. Ours are plain: an address, a subject, our own lines.
What is not ASCII is encoded, and Django's check of an address is asked as ever.
"""

import secrets
from base64 import encodebytes
from collections.abc import Mapping
from email.header import Header
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import sanitize_address

# A longer line is not allowed by RFC 5322; one that is shorter needs no folding.
LONGEST_LINE, SHORT_LINE = 998, 78 - len("Subject: ")

checked = lru_cache(maxsize=1024)(sanitize_address)


class Mail(EmailMultiAlternatives):
    """For any of Django's back ends."""

    @property
    def sender(self) -> str:
        return checked(self.from_email, "utf-8")

    @property
    def recipient(self) -> str:
        return checked(self.to[0], "utf-8")

    def message(self, *, policy: Any = None) -> "Written":  # type: ignore[override]
        headers = {
            "Subject": _encoded(str(self.subject)),
            "From": self.sender,
            "To": self.recipient,
            "Date": formatdate(),
            **self.extra_headers,
        }
        html = [("html", str(content)) for content, _kind in self.alternatives]
        return Written(_written(headers, [("plain", str(self.body)), *html]))


class Written:
    """What Django's back ends ask of a message."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def as_bytes(self, unixfrom: bool = False, linesep: str = "\n") -> bytes:
        return self.raw.replace(b"\n", linesep.encode())

    def get_charset(self) -> None:
        """It has none of its own; its parts say theirs."""


def _encoded(subject: str) -> str:
    is_plain = subject.isascii() and len(subject) <= SHORT_LINE
    return subject if is_plain else Header(subject, None if subject.isascii() else "utf-8").encode()


def _written(headers: Mapping[str, str], parts: list[tuple[str, str]]) -> bytes:
    boundary = f"=_{secrets.token_hex(16)}"
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if any("\n" in value.replace("\n ", "") or "\r" in value for value in headers.values()):
        raise ValueError("A header has a line break.")
    lines += [
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "",
    ]
    for kind, text in parts:
        encoding, body = _body(text)
        lines += [
            f"--{boundary}",
            f'Content-Type: text/{kind}; charset="utf-8"',
            f"Content-Transfer-Encoding: {encoding}",
            "",
            body,
        ]
    lines += [f"--{boundary}--", ""]
    return "\n".join(lines).encode("ascii")


def _body(text: str) -> tuple[str, str]:
    text = "\n".join(text.splitlines())
    if text.isascii() and all(len(line) <= LONGEST_LINE for line in text.split("\n")):
        return "7bit", text
    return "base64", encodebytes(text.replace("\n", "\r\n").encode()).decode("ascii").rstrip("\n")
