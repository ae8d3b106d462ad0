"""Delivery status notifications (RFC 3464): what a mail server writes about a message of ours."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage, Message

from notifications.models import DeliveryReceipt

Outcome = DeliveryReceipt.Outcome
OURS = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@imaging-safety>")
# "relayed" and "expanded" say that it left their sight; nobody knows more.
ACTIONS = {
    "failed": Outcome.FAILED,
    "delayed": Outcome.DELAYED,
    "delivered": Outcome.DELIVERED,
}


@dataclass(frozen=True)
class Bounce:
    """What it says of one message."""

    public_id: str
    outcome: DeliveryReceipt.Outcome
    detail: str


def read(raw: bytes) -> Bounce | None:
    """None: this is no delivery status of a message of ours, but an absence note or somebody's
    reply."""
    message = message_from_bytes(raw, policy=policy.default)
    if message.get_content_type() != "multipart/report":
        return None
    public_id = _which(message)
    blocks = [block for part in _parts(message, "message/delivery-status") for block in part]
    for block in blocks:
        action = str(block.get("Action", "")).strip().lower()
        if public_id and action in ACTIONS:
            return Bounce(public_id, ACTIONS[action], _words(block))
    return None


def _which(message: EmailMessage) -> str:
    """Our id, from the headers of the message that is returned: never from what somebody quotes."""
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            headers = "".join(str(one.get("Message-ID", "")) for one in _messages_in(part))
        elif kind in ("text/rfc822-headers", "message/global-headers"):
            headers = _header(part.get_payload(decode=True))
        else:
            continue
        if found := OURS.search(headers):
            return found[1]
    return ""


def _header(payload: object) -> str:
    raw = payload if isinstance(payload, bytes) else b""
    return str(message_from_bytes(raw, policy=policy.default).get("Message-ID", ""))


def _parts(message: EmailMessage, kind: str) -> Iterator[list[Message]]:
    for part in message.walk():
        if part.get_content_type() == kind:
            yield _messages_in(part)


def _messages_in(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _words(block: Message) -> str:
    """Its status and the other server's own words: "5.1.1 550 No such mailbox"."""
    said = str(block.get("Diagnostic-Code", "")).partition(";")[2]
    return " ".join(f"{block.get('Status', '')} {said}".split())
