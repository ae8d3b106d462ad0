"""A real mail server for the tests, which can refuse, put off, hang and hang up."""

import asyncio
import email
import os
import signal
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

TOO_MANY = "451 4.7.1 Too many messages, slow down"
BEFORE, AFTER = "before", "after"
# What a message says of itself when an earlier copy may have arrived; and a text message, which has
# no room for more.
SECOND = "may have had this message before"
SECOND_TEXT = "may have had this before"


@dataclass
class Arrived:
    """One message that the server took over, or had in full before it hung up."""

    to: str
    at: float  # time.time()
    message: EmailMessage
    raw: str

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return body.get_content()

    @property
    def may_be_second(self) -> bool:
        return SECOND in self.text


@dataclass
class MailServer:
    """Listens on a port of its own. What it does to an address is changed while it runs."""

    arrived: list[Arrived] = field(default_factory=list)
    # At RCPT, by address: "550 5.1.1 No such mailbox" or "451 4.2.1 Later".
    answers: dict[str, str] = field(default_factory=dict)
    # After the text, once each: have it all, then close without the 250.
    hang_up_on: set[str] = field(default_factory=set)
    # Kills whoever sends to the address, once: BEFORE it hands over the text, or AFTER, when the
    # text is here and the sender has not heard so. Senders write from sender-PID@….
    kills: dict[str, str] = field(default_factory=dict)
    killed: list[int] = field(default_factory=list)
    # By address, once: called with the text in hand and before the 250.
    before_answering: dict[str, Callable[[], object]] = field(default_factory=dict)
    # Seconds before each message is taken over.
    pause: float = 0.0
    # How many more it takes: "too many" to the rest. None: any number.
    takes: int | None = None
    # Offers STARTTLS, with a certificate of nobody's.
    offers_tls: bool = False
    port: int = 0

    def start(self) -> "MailServer":
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=[ready], daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    def to(self, address: str) -> list[Arrived]:
        return [one for one in self.arrived if one.to == address]

    def _run(self, ready: threading.Event) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._stopped = asyncio.Event()
            runner.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        server = await self._loop.create_server(self._session, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await self._stopped.wait()

    def _session(self) -> SMTP:
        tls = None
        if self.offers_tls:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(Path(__file__).with_name("nobody.pem"))
        return SMTP(self, enable_SMTPUTF8=True, loop=self._loop, tls_context=tls)

    # What aiosmtpd calls.

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        if self.takes is not None:
            if self.takes == 0:
                return TOO_MANY
            self.takes -= 1
        envelope.rcpt_tos.append(address)
        self._kill(address, BEFORE, envelope)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        to = envelope.rcpt_tos[0]
        self._keep(to, envelope)
        self._kill(to, AFTER, envelope)
        self.before_answering.pop(to, lambda: None)()
        await asyncio.sleep(self.pause)
        if to in self.hang_up_on:
            self.hang_up_on.discard(to)
            server.transport.abort()
            return "421 Gone"
        return "250 Kept"

    def _kill(self, address: str, when: str, envelope: Envelope) -> None:
        if self.kills.get(address) == when:
            del self.kills[address]
            pid = int((envelope.mail_from or "").partition("@")[0].removeprefix("sender-"))
            os.kill(pid, signal.SIGKILL)
            self.killed.append(pid)

    def _keep(self, to: str, envelope: Envelope) -> None:
        content = envelope.original_content or b""
        message = email.message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        self.arrived.append(Arrived(to, time.time(), message, content.decode()))


def deliver_to(server: MailServer, settings: Any) -> None:
    """Django's own test runner keeps mail in memory; here it goes over SMTP."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
