"""Documents as HL7 carries them: base64 or hex in an ED, or a MIME message spread over lines."""

import base64
import binascii
import email
import re

_SPACE = re.compile(r"\s+")
# Component 4 of an ED, folded: "a" is no encoding at all.
ENCODINGS = frozenset({"a", "hex", "base64"})


def decoded(encoding: str, data: str) -> bytes:
    """The bytes of an ED's data (its component 5). Empty: they cannot be had."""
    encoding, compact = encoding.strip().lower(), _SPACE.sub("", data)
    try:
        if encoding == "a":
            return data.encode()
        if encoding == "hex":
            return bytes.fromhex(compact)
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (ValueError, binascii.Error):
        return b""


def plain_text(content: bytes) -> str:
    """A text, where these bytes are nothing else. Empty: they are not."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    is_text = all(sign.isprintable() or sign in "\r\n\t\f" for sign in text)
    return text.replace("\f", "\n") if is_text and not text.lstrip().startswith("<") else ""


def from_mime(lines: list[str]) -> bytes:
    """The first document of a MIME message, or of base64 lines without a header. Empty: none."""
    found = email.message_from_string("\n".join(lines))
    for part in found.walk():
        if part.is_multipart():
            continue
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes) and payload.strip():
            named = part.get("Content-Transfer-Encoding") is not None
            return payload if named else decoded("base64", payload.decode("latin-1"))
    return b""
