"""By text message, through GOV.UK Notify.

Its template decides what is shown: ((subject)) and ((text)) are what it may use. Our public id goes
along as the reference, the same in every copy.
"""

import base64
import hashlib
import hmac
import json
import logging
import time

from django.conf import settings

from notifications.channels.base import NotSent, Outgoing, Permanent, Transient
from notifications.channels.http import Answer, OverHttp, Request

log = logging.getLogger(__name__)

PATH = "/v2/notifications/sms"
# A key is name-service-secret; the last two are UUIDs of 36 letters each.
UUID_LENGTH = 36


class Sms(OverHttp):
    """GOV.UK Notify at the address in the settings."""

    def __init__(self) -> None:
        super().__init__(settings.NOTIFY_URL)

    def request(self, outgoing: Outgoing) -> Request:
        signed = token(settings.NOTIFY_API_KEY, int(time.time()))
        return Request(_body(outgoing), {"Authorization": f"Bearer {signed}"}, PATH)

    def judged(self, answer: Answer) -> NotSent | None:
        """Only a telephone number that cannot be one is for good. Any other refusal is about us
        (key, template, allowance), and somebody has to set it right while the message waits."""
        if answer.code == 201:
            return None
        words = f"GOV.UK Notify answered {answer.code}."
        if answer.code == 400 and _blames_the_number(answer.body):
            return Permanent(f"{words} The telephone number is not valid.", address_is_bad=True)
        if answer.code < 500 and answer.code != 429:
            log.error("GOV.UK Notify refuses us", extra={"status": answer.code})
        return Transient(words)


def token(key: str, at: int) -> str:
    """The JSON Web Token (HS256) that Notify asks for, good for half a minute around `at`."""
    secret, service = key[-UUID_LENGTH:], key[-2 * UUID_LENGTH - 1 : -UUID_LENGTH - 1]
    head = _base64(json.dumps({"typ": "JWT", "alg": "HS256"}).encode())
    claims = _base64(json.dumps({"iss": service, "iat": at}).encode())
    said = head + b"." + claims
    signature = hmac.new(secret.encode(), said, hashlib.sha256).digest()
    return (said + b"." + _base64(signature)).decode()


# What one text message holds by itself, and as a part of several: in plain letters (GSM 03.38), and
# once a single sign is none of them.
PLAIN, ANY = (160, 153), (70, 67)
_LETTERS = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_OF_TWO = frozenset("^{}\\[~]|€")


def parts_of(text: str) -> int:
    """How many text messages it is sent, and paid for, as."""
    if set(text) <= _LETTERS | _OF_TWO:
        length, (alone, part) = len(text) + sum(one in _OF_TWO for one in text), PLAIN
    else:
        length, (alone, part) = len(text.encode("utf-16-le")) // 2, ANY
    return 1 if length <= alone else -(-length // part)


def _base64(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def _body(outgoing: Outgoing) -> bytes:
    return json.dumps(
        {
            "phone_number": outgoing.address,
            "template_id": settings.NOTIFY_TEMPLATE_ID,
            "personalisation": {"subject": outgoing.subject, "text": outgoing.text},
            "reference": outgoing.message_id.strip("<>").partition("@")[0],
        }
    ).encode()


def _blames_the_number(body: str) -> bool:
    try:
        errors = json.loads(body)["errors"]
        return any(
            error["error"] in ("ValidationError", "InvalidPhoneError")
            and "phone_number" in error["message"]
            for error in errors
        )
    except (ValueError, KeyError, TypeError):
        return False
