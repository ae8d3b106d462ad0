"""One POST of JSON, as every channel over HTTP makes it.

Connected before anything is claimed; no redirect is followed; the answer is waited for well below
the lease. A connection that ends before the answer is not knowing whether it arrived.
"""

import contextlib
import http.client
from abc import ABC, abstractmethod
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from notifications.channels.base import NotSent, Outgoing, Transient, Unavailable, Unknown

LONGEST_ANSWER = 10_000
# Waits for the other side while a message is claimed: the request, its answer, and the words.
WAITS = 4


@dataclass(frozen=True)
class Answer:
    """What the other side said."""

    code: int
    body: str


class Post:
    """A connection to one address, opened anew for each message."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._connection: http.client.HTTPConnection | None = None

    def open(self) -> None:
        """A fresh connection for each message: one kept open may be half closed, and then nobody
        knows whether the message on it arrived."""
        self.close()
        kind = (
            http.client.HTTPSConnection
            if self._parts.scheme == "https"
            else http.client.HTTPConnection
        )
        self._connection = kind(
            self._parts.hostname or "", self._parts.port, timeout=_longest_wait()
        )
        try:
            self._connection.connect()
        except OSError as error:
            self.close()
            raise Unavailable(type(error).__name__) from error

    def send(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        if self._connection is None:
            raise Transient("Not connected; nothing was sent.")
        try:
            self._connection.request(
                "POST",
                self._parts.path.rstrip("/") + path,
                body,
                {"Content-Type": "application/json", **headers},
            )
            answer = self._connection.getresponse()
            words = answer.read(LONGEST_ANSWER).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise Unknown(f"No answer: {type(error).__name__}.") from error
        finally:
            self.close()
        return Answer(answer.status, words)

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None


@dataclass(frozen=True)
class Request:
    """What is posted, below the channel's address."""

    body: bytes
    headers: dict[str, str]
    path: str = ""


class OverHttp(ABC):
    """A channel over HTTP: its own are only what it asks and how it reads the answer."""

    def __init__(self, url: str) -> None:
        self._post = Post(url)

    def open(self) -> None:
        self._post.open()

    def send(self, outgoing: Outgoing) -> None:
        asked = self.request(outgoing)
        if error := self.judged(self._post.send(asked.path, asked.body, asked.headers)):
            raise error

    def close(self) -> None:
        self._post.close()

    @abstractmethod
    def request(self, outgoing: Outgoing) -> Request:
        """What this channel posts for a message."""

    @abstractmethod
    def judged(self, answer: Answer) -> NotSent | None:
        """None: the other side took it over."""


def _longest_wait() -> float:
    """Seconds for one answer, so that a whole send ends well before its lease does."""
    return min(10.0, settings.DELIVERY_LEASE_SECONDS * 0.8 / WAITS)
