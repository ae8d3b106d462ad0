"""What a RIS says it has reported, held against what arrived here: the gaps, by accession.

For the morning after an interface was down. It changes nothing: what is missing is sent again by
the RIS, or imported from a file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from findings.models import Examination, Receipt, Sender
from findings.services.table_file import Mistake, Row, read_table

ACCESSION, REPORTED = "accession", "reported_at"
ASKED_AT_ONCE = 1000


class Gap(StrEnum):
    """How a listed report is missing here, the worst first."""

    UNKNOWN = "Nothing of this examination has arrived"
    HELD = "A message about it waits as a held item"
    NO_REPORT = "The examination is known; its report has not arrived"
    OLDER = "Only an older version of its report has arrived"


@dataclass(frozen=True)
class Missing:
    """One listed report that is not here as the list has it."""

    line: int
    accession: str
    gap: Gap


@dataclass(frozen=True)
class Reconciliation:
    """A list held against what arrived."""

    # Different accessions in the list.
    listed: int
    # In the order of the list.
    missing: tuple[Missing, ...]
    # Lines that could not be read, so that nothing is known of them.
    mistakes: tuple[Mistake, ...]

    @property
    def received(self) -> int:
        return self.listed - len(self.missing)

    @property
    def is_whole(self) -> bool:
        """Everything listed is here, and every line could be read."""
        return not self.missing and not self.mistakes


@dataclass(frozen=True)
class _Listed:
    line: int
    accession: str
    # None where the list does not say when it was reported.
    reported_at: datetime | None


def reconcile(raw: bytes, sender: Sender) -> Reconciliation:
    """Hold a CSV list of a sender's reports against what we have of them.

    Columns: `accession`; optionally `reported_at`, as 2026-11-25 21:00 on the sender's wall clock
    or with an offset. Others are ignored. An accession that is listed twice counts once, with its
    latest time.
    """
    rows, mistakes = read_table(raw, [ACCESSION], others=True)
    listed, wrong = _listed(rows, ZoneInfo(sender.zone))
    found = [
        missing
        for start in range(0, len(listed), ASKED_AT_ONCE)
        for missing in _missing(listed[start : start + ASKED_AT_ONCE], sender)
    ]
    return Reconciliation(len(listed), tuple(found), (*mistakes, *wrong))


def _listed(rows: Sequence[Row], zone: ZoneInfo) -> tuple[list[_Listed], list[Mistake]]:
    by_accession: dict[str, _Listed] = {}
    wrong = []
    for row in rows:
        accession, written = row.cells[ACCESSION], row.cells.get(REPORTED, "")
        if not accession:
            wrong.append(Mistake(row.line, "There is no accession."))
            continue
        try:
            at = moment_in(written, zone)
        except ValueError:
            wrong.append(Mistake(row.line, f"{REPORTED} is not a time, such as 2026-11-25 21:00."))
            continue
        before = by_accession.get(accession)
        if before is None:
            by_accession[accession] = _Listed(row.line, accession, at)
        elif at and (before.reported_at is None or at > before.reported_at):
            by_accession[accession] = _Listed(before.line, accession, at)
    return list(by_accession.values()), wrong


def moment_in(written: str, zone: ZoneInfo) -> datetime | None:
    """A time on the wall clock of this zone, or with an offset; None where nothing is written.
    Raises ValueError for what is no time."""
    if not written:
        return None
    at = parse_datetime(written)
    if at is None:
        raise ValueError(written)
    return at if timezone.is_aware(at) else at.replace(tzinfo=zone)


def _missing(listed: Sequence[_Listed], sender: Sender) -> Iterator[Missing]:
    accessions = [one.accession for one in listed]
    # When the newest version that is here was reported; None: none is.
    known = Examination.objects.filter(sender=sender.keeper, accession__in=accessions)
    reported: dict[str, datetime | None] = dict(
        known.values_list("accession", "current_report__reported_at")
    )
    held = set(
        Receipt.objects.waiting()
        .filter(message__sender__in=sender.of_one_numbering(), accession__in=accessions)
        .values_list("accession", flat=True)
    )
    for one in listed:
        if gap := _gap(one, reported, held):
            yield Missing(one.line, one.accession, gap)


def _gap(one: _Listed, reported: dict[str, datetime | None], held: set[str]) -> Gap | None:
    ours = reported.get(one.accession)
    if ours and not (one.reported_at and _minute(ours) < _minute(one.reported_at)):
        return None
    if one.accession in held:
        return Gap.HELD
    if ours:
        return Gap.OLDER
    return Gap.NO_REPORT if one.accession in reported else Gap.UNKNOWN


def _minute(at: datetime) -> datetime:
    """Lists seldom hold seconds."""
    return at.replace(second=0, microsecond=0)
