"""Feeds in words: for how long they are silent, and what became of a message."""

from collections.abc import Iterable
from datetime import datetime

from findings.measures.feeds import Feed, Silence
from findings.models import IncomingMessage, Receipt, Sender
from findings.presenters.held import reason_words
from findings.words import length, when


def silence_words(feed: Feed, now: datetime) -> str:
    """How long it has been silent, and for how long that would be usual at this hour."""
    if feed.sender and feed.sender.silence == Sender.Silence.ENDED:
        return "It has ended"
    if feed.sender and feed.sender.silence == Sender.Silence.EXPECTED:
        return "It may be silent"
    if feed.silence is None:
        return "Nothing has come yet" if feed.sender else ""
    if feed.silence.allowed is None:
        return "Too new to have a usual"
    usual = f"usual at this hour: up to {length(feed.silence.allowed)}"
    if feed.silence.is_late:
        return f"Silent for {length(now - feed.silence.last_at)}; {usual}"
    return usual.capitalize()


def silent_words(silence: Silence) -> str:
    """For the warning on every page."""
    assert silence.allowed is not None
    return (
        f"{silence.sender.name} has sent nothing since {when(silence.last_at)}; at this hour it is"
        f" not usually silent for more than {length(silence.allowed)}."
    )


def became_words(receipts: Iterable[Receipt]) -> list[str]:
    """What became of each part of a message, in their order; one line where there is none yet."""
    return [_became(receipt) for receipt in receipts] or ["Not filed yet"]


def _became(receipt: Receipt) -> str:
    said = receipt.get_outcome_display()
    if receipt.outcome == Receipt.Outcome.HELD:
        said = "Held" if receipt.is_waiting else "Set aside"
    elif receipt.outcome != Receipt.Outcome.REFUSED:
        return said
    return f"{said}: {reason_words(receipt.reason)[:1].lower()}{reason_words(receipt.reason)[1:]}"


def changed_words(receipts: Iterable[Receipt]) -> str:
    """What running a message again has changed."""
    changed = [_became(receipt) for receipt in receipts]
    return f"{'; '.join(changed)}." if changed else "Nothing has changed."


def message_name(message: IncomingMessage) -> str:
    """ORU^R01, control id 17."""
    number = f", control id {message.control_id}" if message.control_id else ""
    return f"{message.message_type or 'No type'}{number}"
