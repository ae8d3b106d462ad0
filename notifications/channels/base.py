"""What every way of telling somebody has in common."""

import re
from dataclasses import dataclass
from typing import Protocol

LONGEST_DETAIL = 300


class Unavailable(Exception):
    """The service behind a channel does not answer. Nothing was tried; everything waits."""


class NotSent(Exception):
    """One message was not sent. Holds the other side's own words, without addresses."""

    def __init__(self, detail: str) -> None:
        self.detail = without_addresses(detail)
        super().__init__(self.detail)


class Transient(NotSent):
    """Not now. The same message may be accepted later, or once more `at_once`: it was not about the
    message."""

    def __init__(self, detail: str, *, at_once: bool = False) -> None:
        super().__init__(detail)
        self.at_once = at_once


class Unknown(NotSent):
    """The connection ended before the answer: the message may have arrived."""


class Permanent(NotSent):
    """Never. Trying again would get the same answer."""

    def __init__(self, detail: str, *, address_is_bad: bool = False) -> None:
        super().__init__(detail)
        self.address_is_bad = address_is_bad


def without_addresses(words: str) -> str:
    """A server's answer in one line, for the timeline: whose address it was stands elsewhere."""
    return re.sub(r"<?[^\s<>]+@[^\s<>]+>?", "the address", " ".join(words.split()))[:LONGEST_DETAIL]


@dataclass(frozen=True)
class Outgoing:
    """One message on its way to one address."""

    address: str
    subject: str
    text: str
    html: str
    # The same in every copy of it.
    message_id: str
    is_urgent: bool


class Sender(Protocol):
    """One channel, kept open for a round."""

    def open(self) -> None:
        """Be ready to send, or raise `Unavailable`. Called before each message is claimed."""

    def send(self, outgoing: Outgoing) -> None:
        """Return when the other side took it over; or raise a `NotSent`."""

    def close(self) -> None:
        """The round is over. Never raises."""
