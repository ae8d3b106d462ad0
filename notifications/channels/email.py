"""By e-mail: over SMTP, one connection a round.

What the server says decides: 4xx is not now, 5xx is never. A connection that is lost once the text
was on its way is not knowing; before that, not now.
"""

import contextlib
import smtplib
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.core.mail import get_connection

from notifications.channels.base import Outgoing, Permanent, Transient, Unavailable, Unknown
from notifications.channels.mime import Mail

# Waits for the server while a message is claimed: MAIL, RCPT, DATA, the text and RSET.
WAITS = 5
# The server ends the connection.
CLOSING = 421
# Seconds for which a server that has just answered is taken to be there still.
STILL_THERE = 1.0


class Email:
    """Django's SMTP connection, opened when there is something to send."""

    def __init__(self) -> None:
        self._connection: Any = None
        # On time.monotonic(): when the server last took a message.
        self._heard_at = -STILL_THERE
        # Whether this connection has taken a message before.
        self._is_used = False
        # Whether the text of the message in hand may have gone out.
        self._may_have_it = False

    def open(self) -> None:
        """Connected and answering. Refused sign-ins and broken TLS are the server's, too."""
        if self._connection is not None and self._answers():
            return
        self.close()
        self._is_used = False
        self._connection = get_connection(timeout=_longest_wait())
        try:
            self._connection.open()
        except OSError as error:  # every SMTPException is one
            self.close()
            raise Unavailable(type(error).__name__) from error
        if smtp := self._smtp():
            smtp.data = partial(self._hand_over, smtp.data)

    def _smtp(self) -> Any:
        """None: Django was told to use another back end."""
        return getattr(self._connection, "connection", None)

    def _answers(self) -> bool:
        smtp = self._smtp()
        if smtp is None or (smtp.sock and time.monotonic() < self._heard_at + STILL_THERE):
            return True
        try:
            return smtp.noop()[0] == 250
        except OSError:
            return False

    def _hand_over(self, data: Callable[[bytes], object], text: bytes) -> object:
        """What smtplib does once sender and recipient were accepted."""
        self._may_have_it = True
        return data(text)

    def send(self, outgoing: Outgoing) -> None:
        if not outgoing.address.rpartition("@")[0].isascii():
            # Django would write it as an encoded word: an address that nobody has.
            raise Permanent("The name before the @ is not in plain letters.", address_is_bad=True)
        smtp, mail = self._smtp(), _email(outgoing)
        # Of a connection that another back end makes, nobody tells us how far it came.
        self._may_have_it = smtp is None
        try:
            if smtp is None:
                self._connection.send_messages([mail])
            else:
                smtp.sendmail(
                    mail.sender, [mail.recipient], mail.message().as_bytes(linesep="\r\n")
                )
            self._heard_at, self._is_used = time.monotonic(), True
        except smtplib.SMTPRecipientsRefused as error:
            ((code, words),) = error.recipients.values()
            if code == CLOSING:
                raise self._not_now(code, words) from error
            raise _refused(code, words, address_is_bad=True) from error
        except (smtplib.SMTPSenderRefused, smtplib.SMTPHeloError) as error:
            # About us, not about this message: somebody has to set the server right.
            raise self._not_now(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPNotSupportedError, ValueError) as error:
            raise Permanent(f"The message cannot be sent: {type(error).__name__}.") from error
        except OSError as error:
            self.close()
            kind = Unknown if self._may_have_it else Transient
            raise kind(f"No answer: {type(error).__name__}.") from error

    def _not_now(self, code: int, words: bytes | str) -> Transient:
        """Said before the text. A connection that only just began would be refused again."""
        return Transient(_words(code, words), at_once=code == CLOSING and self._is_used)

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None


def _longest_wait() -> float:
    """Seconds for one answer, so that a whole send ends well before its lease does."""
    return min(settings.EMAIL_TIMEOUT, settings.DELIVERY_LEASE_SECONDS * 0.8 / WAITS)


def _email(outgoing: Outgoing) -> Mail:
    headers = {
        "Message-ID": outgoing.message_id,
        "Auto-Submitted": "auto-generated",
        # As Exchange has it: no absence notes, please; what cannot be delivered must come back.
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }
    if outgoing.is_urgent:
        headers |= {"Importance": "high", "X-Priority": "1"}
    email = Mail(outgoing.subject, outgoing.text, to=[outgoing.address], headers=headers)
    email.attach_alternative(outgoing.html, "text/html")
    return email


def _refused(
    code: int, words: bytes | str, *, address_is_bad: bool = False
) -> Transient | Permanent:
    if code >= 500:
        return Permanent(_words(code, words), address_is_bad=address_is_bad)
    return Transient(_words(code, words))


def _words(code: int, words: bytes | str) -> str:
    said = words.decode(errors="replace") if isinstance(words, bytes) else words
    return f"{code} {said}"
