"""One at a time: two messages about the same patient or accession wait for each other.

A unique constraint alone is not enough: a patient who is new to us is two rows (the person and
the number), and two writers who each made the first row would leave a patient without a number.
"""

import hashlib
from collections.abc import Iterable

from django.db import connection

from findings.arrivals import ArrivingReport
from findings.models import Sender


def take_turns(sender: Sender, reports: Iterable[ArrivingReport], also: str = "") -> None:
    """Wait until nobody else files for these patients and accessions; until we commit, nobody does.

    Every lock of a message is taken before its first part is filed and in one order, so that two
    messages that name the same two patients cannot wait for each other.
    """
    keys = {_number(key) for report in reports for key in _keys(sender, report)}
    if also:
        keys.add(_number(f"key|{sender.pk}|{also}"))
    with connection.cursor() as cursor:
        for key in sorted(keys):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def _keys(sender: Sender, report: ArrivingReport) -> Iterable[str]:
    yield f"accession|{sender.pk}|{report.accession}"
    if report.patient.nhs_number:
        yield f"nhs|{report.patient.nhs_number}"
    for identifier in report.patient.identifiers:
        yield f"identifier|{identifier.authority}|{identifier.value}"


def _number(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)
