"""What senders call the state of a report: HL7 codes, and the words some send instead."""

from collections.abc import Iterable, Mapping

from findings.arrivals import ArrivingStatus

_PRELIMINARY = (
    "p", "r", "i", "s", "preliminary", "prelim", "provisional", "interim", "partial", "draft",
    "dictated", "transcribed", "unverified", "unsigned", "wet read", "pending", "in progress",
)  # fmt: skip
_FINAL = (
    "f", "u", "final", "finalised", "finalized", "final report", "verified", "authorised",
    "authorized", "approved", "signed", "complete", "completed",
)  # fmt: skip
# "A" is "some results" in the table and an addendum in radiology: changed after it was final.
_CORRECTED = (
    "c", "a", "b", "corrected", "correction", "amended", "amendment", "addendum", "addended",
    "appended", "revised",
)  # fmt: skip
_WITHDRAWN = (
    "x", "d", "w", "cancelled", "canceled", "deleted", "withdrawn", "retracted", "wrong",
    "entered in error",
)  # fmt: skip
_WORDS: dict[str, ArrivingStatus] = {
    **dict.fromkeys(_PRELIMINARY, ArrivingStatus.PRELIMINARY),
    **dict.fromkeys(_FINAL, ArrivingStatus.FINAL),
    **dict.fromkeys(_CORRECTED, ArrivingStatus.CORRECTED),
    **dict.fromkeys(_WITHDRAWN, ArrivingStatus.WITHDRAWN),
}


def fold(word: str) -> str:
    """'Wet-Read ' and 'WET READ' are one word."""
    return " ".join(word.replace("-", " ").replace("_", " ").split()).casefold()


def read_status(
    word: str, own_words: Mapping[str, ArrivingStatus] | None = None
) -> ArrivingStatus | None:
    """The status, by the sender's own words first; None for a word that nobody knows."""
    folded = fold(word)
    own = {fold(known): status for known, status in (own_words or {}).items()}
    found = own.get(folded) or _WORDS.get(folded)
    return ArrivingStatus(found) if found else None


def least_finished(statuses: Iterable[ArrivingStatus]) -> ArrivingStatus:
    """The status of a whole whose lines differ: it is withdrawn only when all of it is."""
    found = set(statuses)
    if found == {ArrivingStatus.WITHDRAWN}:
        return ArrivingStatus.WITHDRAWN
    for status in (ArrivingStatus.PRELIMINARY, ArrivingStatus.CORRECTED):
        if status in found:
            return status
    return ArrivingStatus.FINAL
