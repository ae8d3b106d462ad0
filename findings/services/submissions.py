"""Reports whose sender is told at once what became of them: by the JSON API and by FHIR.

Nothing of them is held: either all that came together is filed, and kept as it came, or its sender
hears what is wrong. Conditions ("unless you have it", "if it is still version 2") are asked after
the turn was taken, so that of two at the same moment one wins and the other hears it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from findings.arrivals import ArrivingReport, HeldReason
from findings.models import (
    Examination,
    IncomingMessage,
    Receipt,
    Report,
    ReportIdentifier,
    Sender,
)
from findings.services.filing import AccessionHeld, Outcome, file_report
from findings.services.identity import Held
from findings.services.receive import storable
from findings.services.turns import take_turns

LONGEST_IDENTIFIER = 200


@dataclass(frozen=True)
class Known:
    """By which an earlier report of the same sender is found. `system` None: whatever it is."""

    value: str
    system: str | None = None


@dataclass(frozen=True)
class Submission:
    """One report, and what its sender said about the one before it."""

    arriving: ArrivingReport
    # System and value, as it will be asked for later.
    identifiers: tuple[tuple[str, str], ...] = ()
    # Filed only if no earlier report has this.
    unless: Known | None = None
    # Filed only as the next version of this examination, and if that stands at this version.
    replaces: Examination | None = None
    version: int | None = None


@dataclass(frozen=True)
class Filed:
    """What became of it; `outcome` None: there was one already, and it was left alone."""

    outcome: Outcome | None
    report: Report


class KeyReused(Exception):
    """The sender used this key for other content before."""


class NotOne(Exception):
    """More than one earlier report has what was asked for."""


class Overtaken(Exception):
    """The report stands at another version than its sender knows."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.pk)
        self.report = report


def receive_submission(
    *, sender: Sender, arriving: ArrivingReport, body: bytes, key: str, origin: str
) -> tuple[Outcome, Report]:
    """One report, kept as it came if it can be filed.

    Raises `Held`, and `KeyReused` when the sender's key for it stands for something else.
    """
    submissions = [Submission(arriving)]
    (filed,) = receive_submissions(
        sender=sender, submissions=submissions, body=body, key=key, origin=origin
    )
    assert filed.outcome is not None, "it was not conditional"
    return filed.outcome, filed.report


def receive_submissions(
    *,
    sender: Sender,
    submissions: Sequence[Submission],
    body: bytes,
    key: str,
    origin: str,
    kind: str = "JSON",
) -> list[Filed]:
    """All of them, in one transaction, or none.

    Raises `Held` (its `part` says which, from 1), `KeyReused`, `NotOne` and `Overtaken`.
    """
    # Two senders may write the same bytes; each means its own examination.
    fingerprint = hashlib.sha256(b"%d|%b" % (sender.pk, body)).hexdigest()
    with transaction.atomic():
        take_turns(sender, [one.arriving for one in submissions], *_also(submissions, key))
        sent = IncomingMessage.objects.filter(sender=sender, control_id=key)
        if key and sent.exclude(fingerprint=fingerprint).exists():
            raise KeyReused(key)
        message, created = IncomingMessage.objects.get_or_create(
            fingerprint=fingerprint,
            defaults={
                "sender": sender,
                "control_id": storable(key),
                "message_type": kind,
                "body": body,
                "origin": origin[:300],
            },
        )
        filed = [_file_part(sender, one, message, part) for part, one in enumerate(submissions, 1)]
        if created:
            _write_receipts(message, filed)
    return filed


def find_reports(sender: Sender, known: Known) -> list[Examination]:
    """Examinations of this sender with a report that has this identifier, or this accession."""
    named = ReportIdentifier.objects.filter(sender=sender, value=known.value)
    if known.system is not None:
        named = named.filter(system=known.system)
    by_name = Q(pk__in=named.values("examination"))
    # An accession has no system of the sender's that we would know of.
    by_accession = Q(accession=known.value) if known.system is None else Q(pk__in=[])
    found = Examination.objects.filter(by_name | by_accession, sender=sender.keeper)
    return list(found.exclude(current_report=None).select_related("current_report").order_by("pk"))


def _also(submissions: Sequence[Submission], key: str) -> list[str]:
    conditions = [f"named|{one.unless.value}" for one in submissions if one.unless]
    identifiers = [f"named|{value}" for one in submissions for _, value in one.identifiers]
    return [f"key|{key}", *conditions, *identifiers] if key else [*conditions, *identifiers]


def _file_part(sender: Sender, one: Submission, message: IncomingMessage, part: int) -> Filed:
    earlier = find_reports(sender, one.unless) if one.unless else []
    if len(earlier) > 1:
        raise NotOne
    if earlier:
        return Filed(None, _current(earlier[0]))
    try:
        _check_replaces(one)
        outcome, report = file_report(sender, one.arriving, message)
        _keep_identifiers(sender, report.examination, one.identifiers)
    except Held as held:
        held.part = part
        raise
    return Filed(outcome, report)


def _check_replaces(one: Submission) -> None:
    if one.replaces is None:
        return
    if one.replaces.accession != one.arriving.accession:
        raise AccessionHeld(
            HeldReason.ACCESSION_CONFLICT,
            "It names another examination than the report that it is to replace.",
            "Send it as a report of its own.",
        )
    examination = Examination.objects.select_related("current_report").get(pk=one.replaces.pk)
    current = _current(examination)
    if one.version is not None and current.version != one.version:
        raise Overtaken(current)


def _current(examination: Examination) -> Report:
    assert examination.current_report is not None, "only those with a report are found"
    return examination.current_report


def _keep_identifiers(
    sender: Sender, examination: Examination, identifiers: Sequence[tuple[str, str]]
) -> None:
    """The turn by each of their values is ours: nobody else writes them meanwhile."""
    wanted = dict.fromkeys(identifiers)
    if not wanted:
        return
    if max(len(part) for one in wanted for part in one) > LONGEST_IDENTIFIER:
        raise Held(
            HeldReason.MISSING_ACCESSION,
            f"An identifier of the report is longer than {LONGEST_IDENTIFIER} characters.",
            "Ask the sender what its identifiers look like.",
        )
    values = [value for _, value in wanted]
    rows = ReportIdentifier.objects.filter(sender=sender, value__in=values)
    known = {(row.system, row.value): row.examination_id for row in rows}
    if {known[one] for one in wanted if one in known} - {examination.pk}:
        raise AccessionHeld(
            HeldReason.ACCESSION_CONFLICT,
            "An identifier of this report was used for the report of another examination.",
            "Find out at the sender which of the two it belongs to.",
        )
    ReportIdentifier.objects.bulk_create(
        ReportIdentifier(sender=sender, system=system, value=value, examination=examination)
        for system, value in wanted
        if (system, value) not in known
    )


def _write_receipts(message: IncomingMessage, filed: Sequence[Filed]) -> None:
    Receipt.objects.bulk_create(
        Receipt(
            message=message,
            part=part,
            outcome=one.outcome or Outcome.DUPLICATE,
            report=one.report,
            accession=one.report.examination.accession,
        )
        for part, one in enumerate(filed, 1)
    )
