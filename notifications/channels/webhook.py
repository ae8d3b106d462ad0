"""By the trust's own messaging: JSON to its address, signed so that it knows who sent it.

The signature is the HMAC-SHA256, in hex, of "id.timestamp.body" under the shared secret.
"""

import hashlib
import hmac
import json
import time

from django.conf import settings

from notifications.channels.base import NotSent, Outgoing, Permanent, Transient
from notifications.channels.http import Answer, OverHttp, Request

# About us or about now, not about this message: an address or a secret that somebody has to set
# right, or a service that is busy.
NOT_NOW = (401, 403, 404, 408, 429)


class Webhook(OverHttp):
    """The address in the settings; whom it is for stands in the message."""

    def __init__(self) -> None:
        super().__init__(settings.WEBHOOK_URL)

    def request(self, outgoing: Outgoing) -> Request:
        body = _body(outgoing)
        return Request(body, signed(outgoing.message_id, body))

    def judged(self, answer: Answer) -> NotSent | None:
        """Only the number is repeated: the words may be a page."""
        code = answer.code
        if 200 <= code < 300:
            return None
        words = f"The messaging service answered {code}."
        if 400 <= code < 500 and code not in NOT_NOW:
            return Permanent(words, address_is_bad=code == 410)
        return Transient(words)


def signed(message_id: str, body: bytes, *, at: int | None = None) -> dict[str, str]:
    """The headers by which the other side knows a copy, an old one, and a forged one."""
    stamp = str(at if at is not None else int(time.time()))
    said = b".".join([message_id.encode(), stamp.encode(), body])
    signature = hmac.new(settings.WEBHOOK_SECRET.encode(), said, hashlib.sha256).hexdigest()
    return {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": stamp,
        "Webhook-Signature": f"sha256={signature}",
    }


def _body(outgoing: Outgoing) -> bytes:
    """The words of the e-mail, and nothing else."""
    return json.dumps(
        {
            "id": outgoing.message_id,
            "to": outgoing.address,
            "subject": outgoing.subject,
            "text": outgoing.text,
            "urgent": outgoing.is_urgent,
        }
    ).encode()
