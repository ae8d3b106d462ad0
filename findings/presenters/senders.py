"""Settings of a sender in words, and what a change of them changed."""

from typing import Any

from findings.models import Sender, SenderChange

EMPTY = "Empty"
NAMES = {
    "accessions_of": "Whose accession numbers",
    "name": "Name",
    "zone": "Time zone",
    "fallback_charset": "Character set",
    "number_authority": "Whose hospital numbers",
    "nhs_words": "Names of the NHS number",
    "nhs_position": "Place of the NHS number",
    "accession_fields": "Accession number",
    "referrer_fields": "Who asked",
    "location_fields": "Requesting location",
    "imaging_sections": "Services that are imaging",
    "takes_tests": "Takes what is marked as a test",
    "status_words": "Words for a status",
    "order_words": "Codes for an order",
    "trigger_words": "Alert codes",
    "flags_at_once": "Flags at once",
    "silence": "When nothing comes",
    "link_keys": "Keys of its links",
}

_WORDS: dict[Any, str] = dict(Sender.Silence.choices)


def changes_of(change: SenderChange) -> list[tuple[str, str, str]]:
    """What was changed, from what, to what."""
    return [
        (NAMES[name], in_words(change.before.get(name)), in_words(after))
        for name, after in change.after.items()
    ]


def in_words(value: Any) -> str:
    """A value as the form shows it; "Empty" where there is none."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, dict):
        return "; ".join(f"{word} = {meaning}" for word, meaning in value.items()) or EMPTY
    if isinstance(value, list):
        return ", ".join(value) or EMPTY
    return _WORDS.get(value, str(value or EMPTY))
