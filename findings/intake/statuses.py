"""What senders call the state of a report or of an order, and where a patient is: HL7 codes, and
the words some send instead."""

from collections.abc import Iterable, Mapping

from findings.arrivals import ArrivingStatus, OrderStep, fold

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


# --- Orders -----------------------------------------------------------------------------------

# ORC-1: asked to cancel, cancelled, discontinued; by whichever side.
_CANCELS = frozenset({"ca", "oc", "cr", "dc", "od", "dr"})
# ORC-1: replaced, by the order (RO) that comes with it.
_REPLACED = frozenset({"rp", "ru", "rq"})
# ORC-1: the other side could not, or asks for nothing that matters here.
_ASKS_NOTHING = frozenset(
    {
        *("ua", "uf", "uh", "ur", "ux", "de", "nr", "oh", "hd", "hr", "rl"),
        *("oe", "or", "li", "lk", "ul", "mc", "pr", "rr", "ss", "sq", "df", "fu", "ox"),
    }
)
# ORC-1: an order, a change of one, or its state; that it could not be cancelled or replaced; and a
# replacement without another order, which is a change.
_ORDERS = frozenset(
    {
        *("uc", "ud", "um", *_REPLACED),
        *("nw", "sn", "na", "ok", "xo", "xx", "xr", "ro", "pa", "ch", "cn", "rf", "re", "sc", "sr"),
        "",
    }
)
# ORC-5 (table 0038) and OBR-25 (table 0123).
_STATES: dict[str, OrderStep] = {
    **dict.fromkeys(("ca", "dc", "rp", "cancelled", "canceled"), OrderStep.CANCELLED),
    **dict.fromkeys(("cm", "a", "completed", "complete", "performed"), OrderStep.PERFORMED),
    **dict.fromkeys(("ip", "sc", "hd", "er", "scheduled", "arrived"), OrderStep.PLACED),
}
_RESULT_STATES: dict[str, OrderStep] = {
    # The words for a report: there is one, or there was.
    **{
        word: OrderStep.CANCELLED if status is ArrivingStatus.WITHDRAWN else OrderStep.PERFORMED
        for word, status in _WORDS.items()
    },
    **_STATES,
    "x": OrderStep.CANCELLED,
    **dict.fromkeys(("r", "p", "f", "c", "a"), OrderStep.PERFORMED),
    **dict.fromkeys(("o", "i", "s", "y", "z"), OrderStep.PLACED),
}


class UnknownCode(Exception):
    """A code that neither HL7 nor the sender's settings know."""


def read_step(
    control: str,
    order: str,
    result: str,
    own_words: Mapping[str, OrderStep] | None = None,
    *,
    has_replacement: bool = False,
) -> OrderStep | None:
    """How far an order has come, by ORC-1, ORC-5 and OBR-25; None where it asks for nothing.

    `has_replacement`: another order of the message takes its place. The sender's own words count
    first, whichever of the three they stand in. Raises `UnknownCode` with the name of the field.
    """
    own = {fold(word): step for word, step in (own_words or {}).items()}
    sent = {"ORC-1": fold(control), "ORC-5": fold(order), "OBR-25": fold(result)}
    for code in reversed(sent.values()):
        if code in own:
            return OrderStep(own[code])
    if sent["ORC-1"] in (_CANCELS | _REPLACED if has_replacement else _CANCELS):
        return OrderStep.CANCELLED
    if sent["ORC-1"] in _ASKS_NOTHING:
        return None
    if sent["ORC-1"] not in _ORDERS:
        raise UnknownCode("ORC-1")
    states = [
        _state("ORC-5", sent["ORC-5"], _STATES),
        _state("OBR-25", sent["OBR-25"], _RESULT_STATES),
    ]
    for step in (OrderStep.CANCELLED, OrderStep.PERFORMED):
        if step in states:
            return step
    return OrderStep.PLACED


def _state(place: str, code: str, known: Mapping[str, OrderStep]) -> OrderStep | None:
    if code and code not in known:
        raise UnknownCode(place)
    return known.get(code)


# --- Where a patient is -------------------------------------------------------------------------

# PV1-2 (table 0004), and the words some send instead.
_SETTINGS = {
    **dict.fromkeys(("I", "IN", "IP", "INPATIENT", "B"), "inpatient"),
    **dict.fromkeys(("E", "ED", "ER", "EMERGENCY", "A&E"), "emergency"),
    **dict.fromkeys(("O", "OP", "OUT", "OUTPATIENT", "R", "P"), "outpatient"),
    **dict.fromkeys(("G", "GP", "PRIMARY CARE", "GENERAL PRACTICE"), "gp"),
}


def setting_of(patient_class: str) -> str:
    """In-patient, out-patient, emergency or general practice; empty for any other class."""
    return _SETTINGS.get(patient_class.strip().upper().replace("-", ""), "")
