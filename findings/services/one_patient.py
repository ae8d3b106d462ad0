"""News of who is one patient, and under which numbers: merged, taken apart, renumbered, moved.

Numbers that were merged, taken apart or changed are kept of whoever is not known yet, too: a report
may still come under them. What a person did only a person undoes.
"""

from dataclasses import replace
from datetime import datetime

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from findings.arrivals import ArrivingNews, ArrivingPatient, HeldReason
from findings.models import (
    Examination,
    IncomingMessage,
    Patient,
    PatientMerge,
    Receipt,
    Sender,
    ToldApart,
)
from findings.rules import NotAllowed
from findings.services.filed import Filed, nothing
from findings.services.identity import (
    IdentityHeld,
    contradicts,
    identify,
    known_patients,
    numbers_of,
    survivor,
)
from findings.services.merge import came_since, merge_patients, sent_under_merged, undo_merge
from findings.services.records import Records

Outcome = Receipt.Outcome
MOST_NAMED = 3
ON_MERGES = "Compare the two records, then merge them on the page of merges, or set this aside."


def says(arriving: ArrivingNews) -> str:
    """Why, in a timeline."""
    return f"Another system says so (ADT^{arriving.event})."


def merged(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """Whoever is not known yet is kept with the number, so that a report under it finds its way."""
    keeps, goes = _told_apart(arriving)
    if not _numbers(goes) or not _numbers(keeps):
        return nothing("It names the same numbers twice.")
    keep, gone = identify(keeps).patient, _record_of(goes)
    if keep.pk == survivor(gone).pk:
        return nothing("Both numbers lead to the same record already.", keep)
    families = keep.family(), survivor(gone).family()
    apart = PatientMerge.objects.filter(
        _between(*families, "kept", "merged"), undone_at__isnull=False
    )
    told = ToldApart.objects.filter(_between(*families, "one", "other"))
    if _was_taken_apart(told, apart, arriving.said_at):
        return nothing("The two were taken apart since.", keep)
    if apart.filter(undone_by__isnull=False).exists():
        raise IdentityHeld(
            HeldReason.NEEDS_DECISION,
            "A person took the two records apart; the message says that they are one.",
            ON_MERGES,
        )
    if contradicts(keep, survivor(gone)):
        raise IdentityHeld(
            HeldReason.IDENTITY_CONFLICT,
            "The two records have other names and other birth dates.",
            ON_MERGES,
        )
    merge_patients(
        keep=keep, merged=gone, because=says(arriving), by=None, said_at=arriving.said_at
    )
    return Filed(Outcome.MERGED, patient=keep)


def _was_taken_apart(
    told: QuerySet[ToldApart], undone: QuerySet[PatientMerge], said_at: datetime
) -> bool:
    """Whether a person, or newer news, undid this very merge, perhaps before it came: an old
    message, or one that is run again, must not make it anew."""
    told = told.filter(said_at__gte=said_at)
    since = Coalesce("undone_said_at", "undone_at")
    return told.exists() or undone.annotate(since=since).filter(since__gte=said_at).exists()


def _between(these: set[int], those: set[int], first: str, second: str) -> Q:
    """Rows about a record of these and one of those, in either order."""
    return Q(**{f"{first}__in": these, f"{second}__in": those}) | Q(
        **{f"{first}__in": those, f"{second}__in": these}
    )


def _told_apart(arriving: ArrivingNews) -> tuple[ArrivingPatient, ArrivingPatient]:
    """The two patients, each with the numbers that are only its own: senders repeat the NHS number
    in both, or list the merged number beside the one that is kept."""
    keeps, goes = arriving.patient, arriving.other
    assert goes is not None
    own = _without(goes, keeps)
    if _numbers(own):
        return keeps, own
    return _without(keeps, goes), goes


def _without(one: ArrivingPatient, other: ArrivingPatient) -> ArrivingPatient:
    there = {(each.authority, each.value) for each in other.identifiers}
    return ArrivingPatient(
        family_name=one.family_name,
        given_name=one.given_name,
        birth_date=one.birth_date,
        sex=one.sex,
        nhs_number="" if one.nhs_number == other.nhs_number else one.nhs_number,
        identifiers=tuple(
            each for each in one.identifiers if (each.authority, each.value) not in there
        ),
    )


def _numbers(patient: ArrivingPatient) -> bool:
    return bool(patient.nhs_number or patient.identifiers)


def _record_of(named: ArrivingPatient) -> Patient:
    """The record with these numbers, by the numbers alone: its name may be an old one."""
    known = {survivor(patient).pk: patient for patient in known_patients(named)}
    if len(known) > 1:
        raise IdentityHeld(
            HeldReason.IDENTITY_CONFLICT,
            "Numbers that it gives to one record belong to different patients.",
            ON_MERGES,
            "MRG-1",
        )
    return next(iter(known.values()), None) or identify(named).patient


def unmerged(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """The merge that another system asked for is undone; what came since goes with the number
    under which it was sent."""
    assert arriving.other is not None
    merge = _merge_between(known_patients(arriving.patient), known_patients(arriving.other))
    if merge is None:
        return _stay_two(arriving, message)
    if merge.merged_by is not None:
        raise IdentityHeld(
            HeldReason.NEEDS_DECISION,
            "A person merged the two records; the message says that they are two patients.",
            "If they are, take the merge back on the page of merges; else set this aside.",
        )
    if merge.said_at is not None and arriving.said_at < merge.said_at:
        return nothing("They were merged since.", merge.kept)
    going = sent_under_merged(came_since(merge))
    if going and merge.kept.family() - merge.merged.family() - {merge.kept_id}:
        raise IdentityHeld(
            HeldReason.NEEDS_DECISION,
            "Other records were merged into the same one, and an examination came since under the"
            " number of one of them.",
            "Take the merge back on the page of merges: it asks whose that examination is.",
        )
    try:
        undo_merge(
            merge=merge, because=says(arriving), by=None, also=going, said_at=arriving.said_at
        )
    except NotAllowed as refused:
        raise IdentityHeld(HeldReason.NEEDS_DECISION, str(refused), ON_MERGES) from refused
    return Filed(Outcome.UNMERGED, patient=merge.kept)


def _stay_two(arriving: ArrivingNews, message: IncomingMessage) -> Filed:
    """They are not merged, or not yet: what asks for it may come after what takes it back."""
    keeps, goes = _told_apart(arriving)
    if not _numbers(goes) or not _numbers(keeps):
        return nothing("It names the same numbers twice.")
    one, other = survivor(_record_of(keeps)), survivor(_record_of(goes))
    if one.pk == other.pk:
        raise IdentityHeld(
            HeldReason.NEEDS_DECISION,
            "The two are one record here, and no merge of these two has made it so.",
            "If it came by way of a third record, take those merges back on the page of merges;"
            " else ask the sender whose each examination is.",
        )
    ToldApart.objects.create(one=one, other=other, said_at=arriving.said_at, message=message)
    return nothing("The two are two records here, whatever older message comes yet.", one)


def _merge_between(some: list[Patient], others: list[Patient]) -> PatientMerge | None:
    one, other = ([patient.pk for patient in them] for them in (some, others))
    standing = PatientMerge.objects.filter(undone_at__isnull=True)
    return (
        standing.filter(merged__in=one, kept__in=other).first()
        or standing.filter(merged__in=other, kept__in=one).first()
    )


def renumbered(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """The same patient under other numbers; the old ones lead to the record, too."""
    assert arriving.other is not None
    old, new = arriving.other, arriving.patient
    if old.nhs_number and new.nhs_number not in ("", old.nhs_number):
        return _with_new_nhs_number(sender, arriving, message, records)
    both = ArrivingPatient(
        family_name=new.family_name,
        given_name=new.given_name,
        birth_date=new.birth_date,
        sex=new.sex,
        nhs_number=new.nhs_number or old.nhs_number,
        identifiers=tuple(dict.fromkeys([*new.identifiers, *old.identifiers])),
    )
    return Filed(Outcome.PATIENT_CHANGED, patient=identify(both).patient, detail="New numbers.")


def _with_new_nhs_number(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """A record has one NHS number: the old one leads to it as that of a record that was merged."""
    assert arriving.other is not None
    theirs = {
        (one.authority, one.value)
        for patient in known_patients(arriving.other)
        for one in numbers_of(survivor(patient))
    }
    own = (one for one in arriving.patient.identifiers if (one.authority, one.value) not in theirs)
    new = replace(arriving.patient, identifiers=tuple(own))
    return merged(sender, replace(arriving, patient=new), message, records)


def moved(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """Which examinations belong to a visit is not known here, so somebody has to look."""
    assert arriving.other is not None
    theirs = {survivor(patient).pk for patient in known_patients(arriving.other)}
    ours = {survivor(patient).pk for patient in known_patients(arriving.patient)}
    concerned = Examination.objects.filter(patient__in=theirs - ours).order_by("-pk")
    named = list(concerned.values_list("accession", flat=True)[:MOST_NAMED])
    if not named:
        return nothing("There is no examination here that it could be about.")
    raise IdentityHeld(
        HeldReason.NEEDS_DECISION,
        "A visit or a number was moved to another patient: an examination may stand under the wrong"
        " one here.",
        "Find out whether one of these is meant, the newest first, and ask its sender to withdraw"
        f" it and to send it again under the right patient: {', '.join(named)}.",
    )
