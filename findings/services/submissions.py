"""Reports whose sender is told at once what became of them: by the JSON API and by FHIR.

Either all that came together is filed, and kept as it came, or its sender hears what is wrong. What
only a person can settle is kept for one, too, with its clock: whoever sent it may not look. What is
wrong in itself is not kept, since it has to be sent again. Conditions ("unless you have it", "if it
is still version 2") are asked after the turn was taken, so that of two at the same moment one wins
and the other hears it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from findings.arrivals import ArrivingReport, HeldReason, Problem
from findings.models import (
    Examination,
    IncomingMessage,
    Receipt,
    Report,
    ReportIdentifier,
    Sender,
)
from findings.services import filed as became
from findings.services.filing import AccessionHeld, Outcome, file_report
from findings.services.hold import settle_receipt
from findings.services.identity import Held
from findings.services.messages import keep_one
from findings.services.policy import PolicyError
from findings.services.receive import hold_part, no_policy, storable
from findings.services.records import Unusual
from findings.services.report_names import check_names, keep_names, known_names, name_report
from findings.services.together import Part, Together
from findings.services.turns import take_turns

# What is wrong with the report itself: nobody here could mend it.
WRONG = (HeldReason.MISSING_PATIENT, HeldReason.MISSING_ACCESSION, HeldReason.BAD_TIME)
BESIDE = Problem(
    HeldReason.NEEDS_DECISION,
    "",
    "It came together with a report that is held, and they are filed together or not at all.",
    "Settle the other one, then run it again: what can be filed then is filed.",
)


@dataclass(frozen=True)
class Known:
    """By which an earlier report of the same sender is found. `system` None: whatever it is."""

    value: str
    system: str | None = None


@dataclass(frozen=True)
class Submission:
    """One report, and what its sender said about the one before it."""

    arriving: ArrivingReport
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


class OtherExamination(AccessionHeld):
    """It names another examination than the report that it is to replace."""


class Overtaken(Exception):
    """The report stands at another version than its sender knows."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.pk)
        self.report = report


def receive_submission(
    *,
    sender: Sender,
    arriving: ArrivingReport,
    body: bytes,
    key: str,
    origin: str,
    may_wait: bool,
) -> tuple[Outcome, Report]:
    """One report, kept as it came if it can be filed, or can wait.

    Raises `Held`, and `KeyReused` when the sender's key for it stands for something else.
    """
    submissions = [Submission(arriving)]
    (filed,) = receive_submissions(
        sender=sender,
        submissions=submissions,
        body=body,
        key=key,
        origin=origin,
        may_wait=may_wait,
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
    may_wait: bool,
    kind: str = "JSON",
) -> list[Filed]:
    """All of them, in one transaction, or none. `may_wait`: a system sends them, and nobody looks
    at its answer for certain.

    Raises `Held` (its `part` says which, from 1, and `kept` is the held item that it became),
    `KeyReused`, `NotOne` and `Overtaken`.
    """
    # Two senders may write the same bytes; each means its own examination.
    fingerprint = hashlib.sha256(b"%d|%b" % (sender.pk, body)).hexdigest()
    with transaction.atomic():
        take_turns(sender, [one.arriving for one in submissions], *_also(submissions, key))
        sent = IncomingMessage.objects.filter(sender=sender, control_id=key)
        if key and sent.exclude(fingerprint=fingerprint).exists():
            raise KeyReused(key)
        row = (sender.pk, storable(key), kind, body, fingerprint, origin[:300])
        kept = _Kept(sender, *keep_one(row))
        try:
            return kept.file(submissions)
        except (Held, PolicyError) as error:
            if before := kept.filed_before():
                return before
            if not may_wait or _is_wrong(error):
                raise
            held = kept.hold(submissions, error)
    raise held


def _is_wrong(error: Exception) -> bool:
    return isinstance(error, OtherExamination) or (
        isinstance(error, Held) and error.reason in WRONG
    )


def sentence_of_kept(item: Receipt) -> str:
    """For whoever sent it: that nothing is lost, and where to ask."""
    if item.is_waiting:
        return f"It is kept here as held item {item.pk}, and somebody here has to look at it."
    return f"It is kept here as held item {item.pk}, which somebody here has set aside."


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
    return [f"key|{key}", *conditions] if key else conditions


@dataclass
class _Kept:
    """What was sent, as it is kept. The caller has taken the turns, in a transaction."""

    sender: Sender
    message: IncomingMessage
    is_new: bool

    def file(self, submissions: Sequence[Submission]) -> list[Filed]:
        """All of them, with a receipt each."""
        if self.is_new and len(submissions) == 1:
            quickly = self._file_quickly(submissions[0])
            if quickly is not None:
                return [quickly]
        with transaction.atomic():
            filed = [self._file_part(one, part) for part, one in enumerate(submissions, 1)]
            if self.is_new:
                Receipt.objects.bulk_create(
                    self._receipt(part, one) for part, one in enumerate(filed, 1)
                )
            for receipt in [] if self.is_new else self._receipts():
                if receipt.is_waiting:
                    settle_receipt(receipt, _as_filed(filed[receipt.part - 1]))
        return filed

    def filed_before(self) -> list[Filed]:
        """What became of these very bytes, where all of it was filed; whatever stands against it
        has come since."""
        reports = [one.report for one in ([] if self.is_new else self._receipts())]
        return [Filed(Outcome.DUPLICATE, one) for one in reports if one] if all(reports) else []

    def hold(self, submissions: Sequence[Submission], error: Held | PolicyError) -> Held:
        """Every one of them waits for a person: they came together. Gives what says so."""
        held = error if isinstance(error, Held) else _policy_missing(error)
        cause = Problem(held.reason, "", held.detail, held.suggestion)
        if self.is_new:
            for part, one in enumerate(submissions, 1):
                problem = cause if part == held.part else BESIDE
                hold_part(self.sender, self.message, part, one.arriving, problem)
        held.kept = self._receipts().get(part=held.part)
        return held

    def _receipts(self) -> QuerySet[Receipt]:
        return self.message.receipts.select_related("report__examination").order_by("part")

    def _file_quickly(self, one: Submission) -> Filed | None:
        """What is asked is read at once, and what follows is written at once; None where it is
        unusual."""
        if (earlier := _earlier(self.sender, one)) is not None:
            filed = Filed(None, earlier)
            self._receipt(1, filed).save(force_insert=True)
            return filed
        _check_replaces(one)
        sender, arriving = self.sender, one.arriving
        known = known_names(sender, arriving.identifiers)
        records = Together([Part(sender, arriving)], [arriving.patient], receipts=1)
        try:
            with records.message():
                filed = Filed(*file_report(sender, arriving, self.message, records=records))
                check_names(arriving.identifiers, known, filed.report.examination)
                records.add(self._receipt(1, filed))
        except Unusual:
            return None
        if filed.outcome != Outcome.DUPLICATE:
            # Its answer says when that was, and would have to ask the database.
            filed.report.received_at = records.now()
        records.write()
        keep_names(sender, arriving.identifiers, known, filed.report.examination)
        return filed

    def _file_part(self, one: Submission, part: int) -> Filed:
        if (earlier := _earlier(self.sender, one)) is not None:
            return Filed(None, earlier)
        try:
            _check_replaces(one)
            outcome, report = file_report(self.sender, one.arriving, self.message)
            name_report(self.sender, one.arriving.identifiers, report.examination)
        except Held as held:
            held.part = part
            raise
        return Filed(outcome, report)

    def _receipt(self, part: int, filed: Filed) -> Receipt:
        return Receipt(message=self.message, part=part, **_as_filed(filed).fields())


def _as_filed(filed: Filed) -> became.Filed:
    return became.Filed(filed.outcome or Outcome.DUPLICATE, filed.report)


def _policy_missing(error: PolicyError) -> Held:
    problem = no_policy(error)
    return Held(problem.reason, problem.detail, problem.suggestion)


def _earlier(sender: Sender, one: Submission) -> Report | None:
    """The report that there is already, where it was to be filed only if there is none."""
    earlier = find_reports(sender, one.unless) if one.unless else []
    if len(earlier) > 1:
        raise NotOne
    return _current(earlier[0]) if earlier else None


def _check_replaces(one: Submission) -> None:
    if one.replaces is None:
        return
    if one.replaces.accession != one.arriving.accession:
        raise OtherExamination(
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
