"""Held items: run one again once its cause is gone, or set it aside with a reason."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from django.db import transaction

from findings.arrivals import HeldReason, Part, Problem, ReadMessage
from findings.models import IncomingMessage, Person, Receipt, Repair, Sender
from findings.rules import check_can_deal_with_held, check_can_run_again
from findings.services.filed import Filed
from findings.services.identity import names_about
from findings.services.receive import (
    alert_fields,
    file_part,
    held_fields,
    not_filed,
    receive_part,
)
from findings.services.timeline import database_now
from findings.services.turns import in_turn


class NotWaiting(Exception):
    """Somebody was first; the message says who."""


def set_aside(*, receipt: Receipt, by: Person, because: str) -> Receipt:
    """Nothing in it is needed here: a person says why, and it waits no longer."""
    if not because.strip():
        raise ValueError("Setting aside needs a reason.")
    with transaction.atomic():
        receipt = _lock(receipt)
        check_can_deal_with_held(by, receipt)
        check_waits(receipt)
        _resolve(receipt, by, f"Set aside: {because.strip()}")
        receipt.save()
    return receipt


def run_again(
    *,
    receipt: Receipt,
    by: Person,
    read: ReadMessage,
    sender: Sender | None,
    repair: Repair | None = None,
) -> Receipt:
    """Apply the message again, as it is read now, for every part of it that still waits.

    `read` comes from the stored bytes, and from the repair, which is kept with what becomes of it.
    What was filed before stays as it is, so running twice changes nothing. Gives the receipt back:
    resolved, or still held, with what is wrong today.
    """
    with _in_turn(read, sender):
        receipts = _receipts(receipt.message)
        check_can_deal_with_held(by, receipts[receipt.part])
        check_waits(receipts[receipt.part])
        if repair is not None:
            check_same_reason(receipts[receipt.part], repair.reason)
            repair.save(force_insert=True)
        _file_what_waits(receipt.message, receipts, by, read, sender)
    return receipts[receipt.part]


def replay(
    *, message: IncomingMessage, by: Person | None, read: ReadMessage, sender: Sender | None
) -> list[Receipt]:
    """The same of any message that has its receipts: gives those that are not what they were.

    What was applied, set aside or refused stays so: the sender of what was refused was told to act,
    and may have. `by` None: only to see what would become of it.
    """
    with _in_turn(read, sender):
        receipts = _receipts(message)
        if by is not None:
            check_can_run_again(by, message)
        if any(one.outcome == Receipt.Outcome.REFUSED for one in receipts.values()):
            return []
        before = {number: _state(one) for number, one in receipts.items()}
        _file_what_waits(message, receipts, by, read, sender)
    after = (receipts[number] for number in sorted(receipts))
    return [one for one in after if before.get(one.part) != _state(one)]


def _in_turn(read: ReadMessage, sender: Sender | None) -> AbstractContextManager[None]:
    """The turns come before the receipts: whoever sends the message again takes them so, too."""
    return in_turn(lambda: names_about(sender, read.parts))


def _receipts(message: IncomingMessage) -> dict[int, Receipt]:
    return {one.part: one for one in message.receipts.select_for_update().order_by("pk")}


def _state(receipt: Receipt) -> tuple[str, str, str]:
    return receipt.outcome, receipt.reason, receipt.location


def _file_what_waits(
    message: IncomingMessage,
    receipts: dict[int, Receipt],
    by: Person | None,
    read: ReadMessage,
    sender: Sender | None,
) -> None:
    for number, part in enumerate(read.parts, start=1):
        if number not in receipts:
            receipts[number] = receive_part(sender, message, number, part)
        elif receipts[number].is_waiting:
            _file_again(receipts[number], sender, part, by)


def may_be_gone(receipt: Receipt) -> bool:
    """Whether what kept it from being filed was never a person's to settle: its sender was refused,
    or an error of ours came between."""
    ours = receipt.is_waiting and receipt.reason == HeldReason.OUR_FAULT
    return ours or receipt.outcome == Receipt.Outcome.REFUSED


def sent_again(
    message: IncomingMessage, sender: Sender | None, parts: Sequence[Part]
) -> list[Receipt]:
    """Its sender has sent it again: file what is not filed for what `may_be_gone`. The caller has
    taken its turns in a transaction."""
    receipts = _receipts(message)
    for number, part in enumerate(parts, start=1):
        if number not in receipts:
            receipts[number] = receive_part(sender, message, number, part)
        elif may_be_gone(receipts[number]):
            _file_again(receipts[number], sender, part, by=None)
    return [receipts[number] for number in sorted(receipts)]


def _file_again(receipt: Receipt, sender: Sender | None, part: Part, by: Person | None) -> None:
    filed = file_part(sender, receipt.message, part)
    if isinstance(filed, Problem):
        filed = replace(filed, accession=filed.accession or receipt.accession)
        receipt.outcome = not_filed(filed)
        # An alert code that was seen once, and its limit, stay.
        seen = {} if receipt.alert else alert_fields(filed, receipt.message, sender)
        for name, value in {**held_fields(filed), **seen}.items():
            setattr(receipt, name, value)
        receipt.save()
    else:
        settle_receipt(receipt, filed, by)


def settle_receipt(receipt: Receipt, filed: Filed, by: Person | None = None) -> None:
    """It is filed now. What was wrong with it stays on record."""
    for name, found in filed.fields().items():
        setattr(receipt, name, found or getattr(receipt, name))
    if by:
        _resolve(receipt, by, f"Run again: {Receipt.Outcome(receipt.outcome).label.lower()}.")
    receipt.save()


def _lock(receipt: Receipt) -> Receipt:
    return Receipt.objects.select_for_update().get(pk=receipt.pk)


def check_waits(receipt: Receipt) -> None:
    if not receipt.is_waiting:
        who = f" by {receipt.resolved_by}" if receipt.resolved_by else ""
        raise NotWaiting(f"This item has been dealt with already{who}.")


def check_same_reason(receipt: Receipt, reason: str) -> None:
    """A repair is of what was seen to be wrong."""
    if receipt.reason != reason:
        raise NotWaiting("Somebody has changed something meanwhile: it is held for another reason.")


def _resolve(receipt: Receipt, by: Person, how: str) -> None:
    receipt.resolved_at, receipt.resolved_by = database_now(), by
    receipt.resolution = how[:300]
