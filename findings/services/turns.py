"""One at a time: two messages about the same patient or accession wait for each other.

A unique constraint alone is not enough: a patient who is new to us is two rows (the person and
the number), and two writers who each made the first row would leave a patient without a number.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from django.db import transaction

from findings.arrivals import ArrivingNews, ArrivingPatient, ArrivingReport
from findings.columns import column
from findings.models import Sender
from findings.prepared import Prepared


class Arriving(Protocol):
    """What is at the door: a report, an order, news of a patient, or an examination of a list."""

    @property
    def accession(self) -> str: ...
    @property
    def patient(self) -> ArrivingPatient: ...


def take_turns(sender: Sender, reports: Iterable[Arriving], *also: str) -> None:
    """Wait until nobody else files for these patients and accessions; until we commit, nobody does.

    Every lock of a message is taken before its first part is filed and in one order, so that two
    messages that name the same two patients cannot wait for each other.
    """
    names = {name for report in reports for name in names_of(sender, report)}
    take_turns_at(names | {f"{sender.pk}|{one}" for one in also})


# Whoever has these keys or numbers, and every record that was merged with theirs.
NAMES = Prepared(
    "names_of_records",
    """
    WITH RECURSIVE named (id) AS (
        SELECT unnest(%(keys)s)
        UNION SELECT id FROM findings_patient WHERE nhs_number = ANY (%(nhs)s)
        UNION SELECT i.patient_id FROM unnest(%(authorities)s, %(numbers)s) n (authority, value)
            JOIN findings_patientidentifier i ON i.authority = n.authority AND i.value = n.value
    ), kin (id) AS (
        SELECT id FROM named
        UNION SELECT near.id FROM kin, LATERAL (
            SELECT merged_into_id FROM findings_patient
            WHERE id = kin.id AND merged_into_id IS NOT NULL
            UNION ALL SELECT id FROM findings_patient WHERE merged_into_id = kin.id
        ) near (id)
    )
    SELECT 'nhs|' || nhs_number FROM findings_patient JOIN kin USING (id)
    WHERE nhs_number IS NOT NULL
    UNION ALL SELECT 'identifier|' || authority || '|' || value
    FROM findings_patientidentifier i JOIN kin ON kin.id = i.patient_id
    """,
    keys="bigint[]",
    nhs="varchar[]",
    authorities="text[]",
    numbers="text[]",
)


def names_of_records(keys: Iterable[int] = (), named: Iterable[ArrivingPatient] = ()) -> set[str]:
    """Every number that leads to the records with these keys, or to those that are known as
    these."""
    named = list(named)
    numbers = {(one.authority, one.value) for who in named for one in who.identifiers}
    rows = NAMES.rows(
        keys=column(keys),
        nhs=column(who.nhs_number for who in named if who.nhs_number),
        authorities=column(authority for authority, _ in numbers),
        numbers=column(value for _, value in numbers),
    )
    return {name for (name,) in rows}


TURNS = Prepared(
    "take_turns",
    "SELECT pg_advisory_xact_lock(key) FROM unnest(%(keys)s) AS turns (key)",
    keys="bigint[]",
)


def take_turns_at(names: Iterable[str]) -> None:
    """Whatever they name, all at once: the order of the array is that in which they are locked."""
    TURNS.rows(keys=column(sorted(map(key_of, names))))


@contextmanager
def in_turn(names: Callable[[], set[str]]) -> Iterator[None]:
    """A transaction in which nobody else files under these names. They are asked for again once it
    is our turn: where there are more by then, it gives back what it has and begins again. Whoever
    took one turn after another could wait for somebody who waits for them."""
    wanted = names()
    while True:
        with transaction.atomic():
            take_turns_at(wanted)
            now = names()
            if now <= wanted:
                yield
                return
            transaction.set_rollback(True)
        wanted |= now


def names_of(sender: Sender, report: Arriving) -> Iterable[str]:
    """What it is about: whoever files about one of them waits for whoever does."""
    if report.accession:
        yield f"accession|{sender.keeper.pk}|{report.accession}"
    for patient in patients_of(report):
        if patient.nhs_number:
            yield f"nhs|{patient.nhs_number}"
        for identifier in patient.identifiers:
            yield f"identifier|{identifier.authority}|{identifier.value}"
    if isinstance(report, ArrivingReport):
        for _, value in report.identifiers:
            yield f"{sender.pk}|named|{value}"


def patients_of(arriving: Arriving) -> list[ArrivingPatient]:
    """Whom it names: news of a patient may name a second one."""
    if isinstance(arriving, ArrivingNews) and arriving.other is not None:
        return [arriving.patient, arriving.other]
    return [arriving.patient]


def key_of(name: str) -> int:
    """The order of these is that in which turns are taken."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
