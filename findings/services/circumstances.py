"""Keeping what messages say of a patient's circumstances: the newest words hold, in whatever order
they come, and the same again changes nothing.

A report says it as news of a patient does: many senders send nothing else. What was said of a
record that is merged stands for the one that is kept, and goes back with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from findings.arrivals import ArrivingPatient, LanguageNeed
from findings.models import Circumstances, Patient
from findings.postcodes import mark

TIMES = ["postcode_at", "language_at"]


@dataclass(frozen=True)
class Said:
    """What a message said of a record, and when."""

    record: int
    patient: ArrivingPatient
    at: datetime

    @property
    def is_something(self) -> bool:
        return bool(self.patient.postcode or self.patient.language_need)


def keep(said: Iterable[Said]) -> None:
    """The caller has taken the turns of these patients, in a transaction."""
    told = [one for one in said if one.is_something]
    if not told:
        return
    records = {one.record for one in told}
    known = Circumstances.objects.select_for_update(no_key=True).filter(said_of__in=records)
    rows = {one.said_of_id: one for one in known.order_by("said_of")}
    before = {key: _values(row) for key, row in rows.items()}
    for one in told:
        row = rows.setdefault(
            one.record, Circumstances(said_of_id=one.record, patient_id=one.record)
        )
        _hear(row, one)
    _write([row for key, row in rows.items() if before.get(key) != _values(row)])
    same = [row for key, row in rows.items() if before.get(key) == _values(row)]
    Circumstances.objects.bulk_update(same, TIMES)


def _values(row: Circumstances) -> tuple[str, str]:
    return row.postcode_mark, row.language_need


def _hear(row: Circumstances, said: Said) -> None:
    postcode, need = said.patient.postcode, said.patient.language_need
    if postcode and (row.postcode_at is None or said.at >= row.postcode_at):
        row.postcode_mark, row.postcode_at = mark(postcode), said.at
    if need and (row.language_at is None or said.at >= row.language_at):
        if not _knows_better(row, need):
            row.language_need, row.language_at = need, said.at


def _knows_better(row: Circumstances, need: LanguageNeed) -> bool:
    """A language alone says less than whether an interpreter is needed."""
    known = LanguageNeed(row.language_need) if row.language_need else None
    return need.is_of_language and known is not None and not known.is_of_language


def _write(rows: list[Circumstances]) -> None:
    """With new numbers: by these, measures know what has changed."""
    Circumstances.objects.filter(pk__in=[row.pk for row in rows if row.pk]).delete()
    for row in rows:
        row.pk = None
    Circumstances.objects.bulk_create(rows)


def stand_for(kept: Patient, merged: Patient) -> None:
    """What was said of `merged`, and stands for it, stands for `kept` from now on."""
    _stand(Circumstances.objects.filter(patient=merged), kept)


def stand_again(merged: Patient, kept: Patient) -> None:
    """What was said of `merged`, and of what had been merged into it, is its own again."""
    _stand(Circumstances.objects.filter(patient=kept, said_of__in=merged.of_family()), merged)


def _stand(rows: Iterable[Circumstances], patient: Patient) -> None:
    moved = list(rows)
    for row in moved:
        row.patient = patient
    _write(moved)
