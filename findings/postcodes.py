"""Postcodes, and the marks by which two can be known as one without saying which it is.

A postcode is shared by some fifteen homes: with a birth date it is a name. What is kept of a
patient is a mark of it, made with the secret of this installation (docs/adr/0053).
"""

import re

from django.conf import settings
from django.utils.crypto import salted_hmac

SALT = "findings.postcode"
_POSTCODE = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}|GIR0AA")
# Said of whoever has no address, or none that is known: they are nowhere.
_PSEUDO = "ZZ99"


def squeezed(written: str) -> str:
    """SW1A1AA, however it was spaced and written; empty where it is no postcode."""
    plain = "".join(written.split()).upper()
    return plain if _POSTCODE.fullmatch(plain) else ""


def is_pseudo(postcode: str) -> bool:
    return postcode.startswith(_PSEUDO)


def mark(postcode: str, secret: str | None = None) -> str:
    """Of a squeezed postcode; nothing where it is none, or stands for no place."""
    if not postcode or is_pseudo(postcode):
        return ""
    made = salted_hmac(SALT, postcode, secret=secret, algorithm="sha256")
    return made.hexdigest()[:32]


def key_mark() -> str:
    """Of no postcode: by it is known later whether marks were made with the same secret."""
    return mark("which secret")


def secrets() -> list[str]:
    """The one that makes marks now, and those that may have made some before."""
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
