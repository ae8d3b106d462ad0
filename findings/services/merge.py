"""Merging two records of one patient, and taking that back.

Whatever hangs on an examination goes with it: reports, findings, clocks, steps, timelines. No due
time moves, since none depends on the patient. Numbers stay with the record to which they were
given; whoever asks for one follows the chain to the record that is kept (`identity.py`).
"""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Min, Q, QuerySet

from findings.models import (
    Event,
    Examination,
    Finding,
    Patient,
    PatientIdentifier,
    PatientMerge,
    Person,
    Receipt,
    Report,
)
from findings.models.folding import Squeezed
from findings.rules import NotAllowed
from findings.services.circumstances import stand_again, stand_for
from findings.services.clocks import tell_owner_now
from findings.services.flag import reopen_finding
from findings.services.follow_up import propose_matches
from findings.services.identity import MERGED_NOTICE, kept_in_turn, survivor
from findings.services.patient_change import settle_letters
from findings.services.timeline import lock, moment, record
from findings.states import State

TAKEN_APART = "its patient's records were taken apart"
WAS_ANOTHERS = "It was answered while it stood under another patient's record."


def merge_patients(
    *,
    keep: Patient,
    merged: Patient,
    because: str,
    by: Person | None,
    said_at: datetime | None = None,
    at: datetime | None = None,
) -> PatientMerge:
    """Everything of `merged` is `keep`'s from now on. `by` None: another system said so, at
    `said_at` by its clock.

    Records that were merged before stand for the one that was kept then. Raises `NotAllowed`
    where both are one already.
    """
    if not because.strip():
        raise ValueError("Merging needs a reason.")
    with kept_in_turn(keep, merged) as (keep, merged):
        if keep.pk == merged.pk:
            raise NotAllowed("Both numbers already lead to the same record.")
        moved = _move(keep, Examination.objects.filter(patient=merged))
        at = at or _moment_of(keep)
        Patient.objects.filter(pk=merged.pk).update(merged_into=keep)
        stand_for(keep, merged)
        made = PatientMerge.objects.create(
            kept=keep,
            merged=merged,
            because=because.strip(),
            examinations=moved,
            merged_at=at,
            merged_by=by,
            said_at=said_at,
        )
        _say(made, Event.Kind.PATIENT_MERGED, made.because, at, by)
        # What one record waited for may stand on the other.
        for examination in Examination.objects.filter(patient=keep).order_by("pk"):
            propose_matches(examination)
        settle_letters(keep, at, by)
    return made


def undo_merge(
    *,
    merge: PatientMerge,
    because: str,
    by: Person | None,
    also: Collection[int] = (),
    said_at: datetime | None = None,
    at: datetime | None = None,
) -> PatientMerge:
    """What moved goes back. What came since stays with the record that was kept, but for the
    examinations (ids) in `also`: a person says whose they are. Raises `NotAllowed` while a later
    merge stands on this one, and ValueError for `also` that did not come since."""
    if not because.strip():
        raise ValueError("Undoing a merge needs a reason.")
    with kept_in_turn(merge.kept, merge.merged):
        merge = PatientMerge.objects.select_for_update(no_key=True).get(pk=merge.pk)
        if merge.undone_at is not None:
            raise NotAllowed("This merge has been undone already.")
        if survivor(merge.kept).pk != merge.kept_id:
            raise NotAllowed("The record that was kept has since been merged: undo that first.")
        since = set(came_since(merge).values_list("pk", flat=True))
        if set(also) - since:
            raise ValueError("Only an examination that came since the merge can go with it.")
        Patient.objects.filter(pk=merge.merged_id).update(merged_into=None)
        stand_again(merge.merged, merge.kept)
        going = Q(pk__in=merge.examinations) | Q(pk__in=also)
        _move(merge.merged, Examination.objects.filter(going, patient=merge.kept_id))
        at = at or _moment_of(merge.kept, merge.merged)
        merge.undone_at, merge.undone_by, merge.undone_because = at, by, because.strip()
        merge.undone_said_at = said_at
        merge.save()
        _say(merge, Event.Kind.MERGE_UNDONE, merge.undone_because, at, by, more=also)
        _ask_again(merge, also, at, by)
        _say_that_it_stays(merge, since - set(also), at, by)
        for patient in (merge.kept, merge.merged):
            settle_letters(patient, at, by)
    return merge


def came_since(merge: PatientMerge) -> QuerySet[Examination]:
    """Examinations of the record that was kept whose first report came after the merge: under
    which number, only their reports' notices tell. The earliest first; and those without a report,
    of which nobody knows when they came."""
    there = Examination.objects.filter(patient=merge.kept_id).exclude(pk__in=merge.examinations)
    first = there.annotate(came_at=Min("reports__received_at"))
    since = Q(came_at__gt=merge.merged_at) | Q(came_at__isnull=True)
    return first.filter(since).order_by("came_at", "pk")


def sent_under_merged(examinations: QuerySet[Examination]) -> set[int]:
    """Those (ids) of which a report or an order came under a number of a record that had been
    merged."""
    of_them = Q(examination__in=examinations.values("pk"))
    reports = Report.objects.filter(of_them, notices__contains=[MERGED_NOTICE])
    orders = Receipt.objects.filter(of_them, detail__contains=MERGED_NOTICE)
    return set(reports.values_list("examination", flat=True)).union(
        orders.values_list("examination", flat=True)
    )


def _say_that_it_stays(
    merge: PatientMerge, examinations: Collection[int], at: datetime, by: Person | None
) -> None:
    """Whoever holds a finding there should know that whose it is was in doubt."""
    for row in Finding.objects.filter(examination__in=examinations).order_by("pk"):
        finding = lock(row)
        record(
            finding=finding,
            kind=Event.Kind.MERGE_UNDONE,
            by=by,
            at=at,
            merge=merge.pk,
            because=merge.undone_because,
            stays=True,
        )
        if finding.is_open:
            tell_owner_now(finding=finding, words=TAKEN_APART, at=at)


def _ask_again(merge: PatientMerge, also: Collection[int], at: datetime, by: Person | None) -> None:
    """Of what went back: whoever answered since the merge saw the other patient, and may have told
    them."""
    moved = [*merge.examinations, *also]
    for row in Finding.objects.filter(examination__in=moved).order_by("pk"):
        finding = lock(row)
        answers = finding.acknowledged_at, finding.patient_told_at, finding.closed_at
        if finding.state == State.WITHDRAWN:
            continue
        if any(answer and answer >= merge.merged_at for answer in answers):
            reopen_finding(
                finding=finding, because=WAS_ANOTHERS, at=at, by=by, report_changed=False
            )
        elif finding.is_open:
            tell_owner_now(finding=finding, words=TAKEN_APART, at=at)


def _move(target: Patient, rows: QuerySet[Examination]) -> list[int]:
    """Locks in the order of filing: the examination first, then its findings."""
    moved = list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    for finding in Finding.objects.filter(examination__in=moved).order_by("pk"):
        lock(finding)
    Examination.objects.filter(pk__in=moved).update(patient=target)
    return moved


def _moment_of(*patients: Patient) -> datetime:
    """This moment in the timelines of all their findings, which are ours until we commit."""
    findings = Finding.objects.filter(examination__patient__in=patients).order_by("pk")
    return moment(*(lock(finding) for finding in findings))


def _say(
    merge: PatientMerge,
    kind: Event.Kind,
    because: str,
    at: datetime,
    by: Person | None,
    *,
    more: Collection[int] = (),
) -> None:
    """In the timeline of each finding that moved; the names of the two stand on the merge."""
    moved = [*merge.examinations, *more]
    for finding in Finding.objects.filter(examination__in=moved).order_by("pk"):
        record(finding=finding, kind=kind, by=by, at=at, merge=merge.pk, because=because)


def records_with(number: str, person: Person) -> list[Patient]:
    """The records of this person's trust that an NHS number or hospital number leads to."""
    squeezed = "".join(char for char in number.upper() if char.isalnum())
    named = PatientIdentifier.objects.annotate(squeezed=Squeezed("value"))
    rows = Patient.objects.filter(
        Q(nhs_number=squeezed) | Q(identifiers__in=named.filter(squeezed=squeezed))
    )
    found = {survivor(patient).pk for patient in rows}
    return list(records_of(person).filter(pk__in=found))


def records_of(person: Person) -> QuerySet[Patient]:
    """The records of this person's trust, and those of nobody's."""
    own = Q(examinations__site__organisation=person.organisation_id) | Q(examinations=None)
    return Patient.objects.filter(own).distinct().order_by("pk")


def merges_of(person: Person) -> QuerySet[PatientMerge]:
    """The merges of records that this person's trust has examinations of, the newest first."""
    own = Examination.objects.filter(site__organisation=person.organisation_id)
    either = Q(kept__in=own.values("patient")) | Q(merged__in=own.values("patient"))
    return PatientMerge.objects.filter(either).select_related("kept", "merged", "merged_by")
