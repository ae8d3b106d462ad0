"""What a link from a RIS is made of. Pure: docs/ris-link.md says the same for whoever builds one.

It names a report by a digest that only holders of the secret can make, so that no accession number
stands in an address, and it is signed with the moment at which it was made.
"""

import hmac
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode

# From when the RIS made it until the report is open here, with a sign-in in between.
LIVES = timedelta(minutes=10)
# By how much the clock of a RIS may be ahead of ours.
AHEAD = timedelta(minutes=2)


class LinkRefused(Exception):
    """A link that leads nowhere. The message is a sentence for whoever followed it."""


class NotValid(LinkRefused):
    """Not made by a RIS that holds a key, or changed since."""


class TooOld(LinkRefused):
    """Made too long ago, or by a clock that is wrong."""


@dataclass(frozen=True)
class Link:
    """The four values of a link."""

    key: int
    # Seconds since 1970, UTC.
    issued: int
    examination: str
    signature: str

    @property
    def query(self) -> str:
        return urlencode(vars(self))


def make(secret: str, key: int, accession: str, at: datetime) -> Link:
    examination = _hmac(secret, squeezed(accession))
    issued = int(at.timestamp())
    return Link(key, issued, examination, _hmac(secret, _signed(key, issued, examination)))


def read(given: Mapping[str, str]) -> Link:
    """As it stands in an address; `NotValid` where it cannot be one."""
    numbers = [given.get(name, "") for name in ("key", "issued")]
    digests = [given.get(name, "").lower() for name in ("examination", "signature")]
    if not all(one.isascii() and one.isdecimal() and len(one) < 12 for one in numbers):
        raise NotValid
    if not all(len(one) == 64 and set(one) <= set("0123456789abcdef") for one in digests):
        raise NotValid
    return Link(int(numbers[0]), int(numbers[1]), *digests)


def check(link: Link, secret: str, now: datetime) -> None:
    """Raises `NotValid` or `TooOld`."""
    expected = _hmac(secret, _signed(link.key, link.issued, link.examination))
    if not hmac.compare_digest(expected, link.signature):
        raise NotValid
    age = now.timestamp() - link.issued
    if not -AHEAD.total_seconds() <= age <= LIVES.total_seconds():
        raise TooOld


def squeezed(accession: str) -> str:
    """Capital letters and figures only, as `findings_squeezed` has them in the database."""
    narrow = unicodedata.normalize("NFKC", accession)
    return "".join(one for one in narrow if one.isascii() and one.isalnum()).upper()


def _signed(key: int, issued: int, examination: str) -> str:
    return f"{key}.{issued}.{examination}"


def _hmac(secret: str, said: str) -> str:
    return hmac.new(secret.encode(), said.encode(), sha256).hexdigest()
