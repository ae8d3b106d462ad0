"""Where other systems say what became of a message: GOV.UK Notify, and the trust's messaging.

Nobody signs in here. Notify is known by its bearer token, the trust's messaging by its signature.
An answer of 204 means: heard, whether or not it was about a message of ours.
"""

import hmac
import json
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from notifications.channels.webhook import signed
from notifications.models import DeliveryReceipt
from notifications.receipts import NotYet, Told, take_receipt

Outcome = DeliveryReceipt.Outcome
LARGEST = 20_000
# Seconds between their clock and ours.
STAMP_LASTS = 300
NOTIFY = {
    "delivered": (Outcome.DELIVERED, ""),
    "permanent-failure": (Outcome.FAILED, "The network says that the number is wrong."),
    "temporary-failure": (Outcome.FAILED, "The telephone could not be reached for three days."),
    "technical-failure": (Outcome.FAILED, "GOV.UK Notify could not send it."),
}
WEBHOOK = {"delivered": Outcome.DELIVERED, "delayed": Outcome.DELAYED, "failed": Outcome.FAILED}


@csrf_exempt
@login_not_required
@require_POST
def notify(request: HttpRequest) -> HttpResponse:
    """What GOV.UK Notify calls when it knows more of a text message."""
    if not settings.NOTIFY_CALLBACK_TOKEN:
        raise Http404
    given = request.headers.get("Authorization", "")
    if not _same(given, f"Bearer {settings.NOTIFY_CALLBACK_TOKEN}"):
        return HttpResponse(status=401)
    return _take(request, _from_notify)


@csrf_exempt
@login_not_required
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """The trust's messaging, signed with the secret by which we sign what we send."""
    if not settings.WEBHOOK_SECRET:
        raise Http404
    if not _is_signed(request):
        return HttpResponse(status=401)
    return _take(request, _from_webhook)


def _is_signed(request: HttpRequest) -> bool:
    stamp = request.headers.get("Webhook-Timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        return False
    if abs(time.time() - int(stamp)) > STAMP_LASTS:
        return False
    message_id = request.headers.get("Webhook-Id", "")
    wanted = signed(message_id, request.body, at=int(stamp))["Webhook-Signature"]
    return _same(request.headers.get("Webhook-Signature", ""), wanted)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _take(request: HttpRequest, read: Callable[[dict[str, Any]], Told | None]) -> HttpResponse:
    if len(request.body) > LARGEST:
        return HttpResponse(status=413)
    try:
        said = json.loads(request.body)
        told = read(said) if isinstance(said, dict) else None
    except (ValueError, UnicodeDecodeError):
        return HttpResponse(status=400)
    if told is not None:
        try:
            take_receipt(told)
        except NotYet:
            return HttpResponse(status=503, headers={"Retry-After": "60"})
    return HttpResponse(status=204)


def _from_notify(said: dict[str, Any]) -> Told | None:
    """Statuses that are not final, and references that are not ours, say nothing."""
    status, public_id = str(said.get("status")), _public_id(said.get("reference"))
    if status not in NOTIFY or not public_id:
        return None
    outcome, detail = NOTIFY[status]
    when = _when(said.get("completed_at") or said.get("sent_at"))
    return Told(public_id, outcome, detail, when, address_is_bad=status == "permanent-failure")


def _from_webhook(said: dict[str, Any]) -> Told | None:
    status = str(said.get("status"))
    public_id = _public_id(str(said.get("id", "")).strip("<>").partition("@")[0])
    if status not in WEBHOOK or not public_id:
        return None
    is_bad = said.get("address_is_bad") is True
    detail = str(said.get("reason") or "")
    return Told(public_id, WEBHOOK[status], detail, _when(said.get("at")), address_is_bad=is_bad)


def _public_id(given: Any) -> str:
    try:
        return str(uuid.UUID(str(given)))
    except ValueError:
        return ""


def _when(given: Any) -> datetime | None:
    try:
        found = parse_datetime(str(given)) if given else None
    except ValueError:
        return None
    return None if found is None or is_naive(found) else found
