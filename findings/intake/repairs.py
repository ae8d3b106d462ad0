"""A message together with what people chose for it; and what it says where they have to choose.

What is chosen is read with the message each time, so that running it again gives the same.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from findings.arrivals import (
    ArrivingOrder,
    ArrivingPatient,
    ArrivingReport,
    Part,
    ReadMessage,
    SenderProfile,
)
from findings.intake import hl7
from findings.intake.orders import Order, groups_of
from findings.intake.statuses import read_status
from findings.models import Repair

_NUMBER = re.compile(r"OBR\[(\d+)\]")


def with_repairs(profile: SenderProfile, repairs: Sequence[Repair]) -> SenderProfile:
    """How this one message is read. Of two choices for the same the later counts."""
    if not repairs:
        return profile
    accessions = {one.examination_number: one.accession for one in repairs if one.accession}
    records = [one.patient_id for one in repairs if one.patient_id]
    return replace(
        profile,
        entered_accessions=tuple(accessions.items()),
        chosen_record=records[-1] if records else None,
    )


def with_records(read: ReadMessage, repairs: Sequence[Repair]) -> ReadMessage:
    """The record that was chosen for one part is that of every part about the same patient."""
    chosen: dict[ArrivingPatient, int] = {}
    for one in repairs:
        if one.patient_id and (named := patient_in(read, one.receipt.part)):
            chosen[named] = one.patient_id
    if not chosen:
        return read
    return replace(read, parts=tuple(_with_record(part, chosen) for part in read.parts))


def patient_in(read: ReadMessage, number: int) -> ArrivingPatient | None:
    """Whom the n-th part names, as a report or an order of an examination."""
    part = read.parts[number - 1] if number <= len(read.parts) else None
    return part.patient if isinstance(part, ArrivingReport | ArrivingOrder) else None


def _with_record(part: Part, chosen: dict[ArrivingPatient, int]) -> Part:
    if isinstance(part, ArrivingReport | ArrivingOrder) and part.patient in chosen:
        return replace(part, patient=replace(part.patient, record=chosen[part.patient]))
    return part


def examination_number(location: str) -> int:
    """ "OBR[2]-3" is about the second examination; "OBR-3" about the only one."""
    found = _NUMBER.match(location)
    return int(found[1]) if found else 1


def unknown_status_in(raw: bytes, number: int, profile: SenderProfile) -> str:
    """The word of the n-th examination that says how finished its report is and that nobody knows;
    empty where there is none."""
    message = hl7.parse(raw, profile.fallback_charset)
    if not isinstance(message, hl7.Message):
        return ""
    orders = [order for group in groups_of(message) for order in group.orders]
    if number > len(orders):
        return ""
    words = dict(profile.status_words)
    said = (message.first(value) for value in _statuses(orders[number - 1]))
    return next((word for word in said if word and read_status(word, words) is None), "")


def _statuses(order: Order) -> list[str]:
    return [hl7.field(order.request, 25), *(hl7.field(line, 11) for line in order.results)]
