"""News of patients in: what an index or the wards say, as a person could say it on a page.

Only who is known here matters: of anybody else nothing is kept, but for numbers that were merged,
taken apart or changed, under which a report may still come, and that somebody died. Where the news
contradicts the record, or would undo what a person did, a person decides. Older news changes
nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from findings.arrivals import ArrivingNews, ArrivingPatient, HeldReason, NewsKind
from findings.models import (
    Examination,
    Finding,
    IncomingMessage,
    Patient,
    PatientChange,
    PatientMerge,
    PatientUpdate,
    Receipt,
    Sender,
    ToldApart,
)
from findings.rules import NotAllowed
from findings.services.filed import Filed
from findings.services.filing import AHEAD_OF_US
from findings.services.identity import (
    MERGED_NOTICE,
    Held,
    Identified,
    IdentityHeld,
    contradicts,
    identify,
    known_patients,
    numbers_of,
    recognise,
    survivor,
)
from findings.services.merge import came_since, merge_patients, sent_under_merged, undo_merge
from findings.services.patient_change import Change, record_change, undo_change
from findings.services.records import ONE_BY_ONE, Records
from findings.services.timeline import database_now

Outcome = Receipt.Outcome
Kind = PatientChange.Kind
Handler = Callable[[Sender, ArrivingNews, IncomingMessage, Records], Filed]
NOT_KNOWN = "The patient is not known here."
MOST_NAMED = 3
ON_MERGES = "Compare the two records, then merge them on the page of merges, or set this aside."
ON_CHANGES = (
    "If it was a mistake, take it back on the page of patients who died, were discharged or"
    " transferred; else set this aside."
)


def file_news(
    sender: Sender,
    arriving: ArrivingNews,
    message: IncomingMessage,
    records: Records = ONE_BY_ONE,
) -> Filed:
    """Do what it says, and keep that the patient died if it says so. The caller has taken its turn
    in a transaction. Raises `Held` where a person has to look first."""
    if arriving.said_at > records.now() + AHEAD_OF_US:
        raise _held(HeldReason.BAD_TIME, "The message comes from the future.", "Ask the sender to"
                    " correct its clock: it decides which news holds.", "MSH-7")  # fmt: skip
    if arriving.has_died:
        # Whoever died was not sent home.
        done = _details_only(sender, arriving, message, records)
        return _death(sender, arriving, done)
    done = _HANDLERS[arriving.kind](sender, arriving, message, records)
    _check_lives(arriving, records)
    return done


def _held(reason: HeldReason, detail: str, suggestion: str, location: str = "PID-3") -> Held:
    return Held(reason, detail, suggestion, location)


def _nothing(detail: str, patient: Patient | None = None) -> Filed:
    return Filed(Outcome.NOTHING, patient=patient, detail=detail)


def _says(arriving: ArrivingNews) -> str:
    return f"Another system says so (ADT^{arriving.event})."


def _moment(at: datetime | None, place: str) -> datetime:
    """A moment that has passed: a clock that is a little ahead is taken for now."""
    now = database_now()
    assert at is not None
    if at > now + AHEAD_OF_US:
        words = "It is said to have happened in the future."
        raise _held(HeldReason.BAD_TIME, words, "Find out at the sender when it happened.", place)
    return min(at, now)


# --- Who it is ------------------------------------------------------------------------------------


def _who(arriving: ArrivingNews, records: Records) -> Identified | None:
    """Whoever is known here; and whoever died, for a report that comes later: it would promise a
    letter to the dead."""
    who = identify if arriving.has_died else recognise
    return who(arriving.patient, records)


def _details(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """Name, birth date and sex as they are now, of a record that is kept."""
    found = _who(arriving, records)
    if found is None:
        return _nothing(NOT_KNOWN)
    patient = Patient.objects.select_for_update(no_key=True).get(pk=found.patient.pk)
    if MERGED_NOTICE in found.notices:
        return _nothing("It describes a record that was merged into another one.", patient)
    if patient.described_at is not None and arriving.said_at < patient.described_at:
        return _nothing("Newer news of this patient came before it.", patient)
    sent = arriving.patient
    said = {
        "family_name": sent.family_name[:120],
        "given_name": sent.given_name[:120],
        "birth_date": sent.birth_date,
        "sex": sent.sex
        if sent.sex in Patient.Sex.values and sent.sex != Patient.Sex.UNKNOWN
        else "",
    }
    new = {name: value for name, value in said.items() if value and value != getattr(patient, name)}
    before = {name: getattr(patient, name) for name in new}
    for name, value in new.items():
        setattr(patient, name, value)
    patient.described_at = arriving.said_at
    patient.save(update_fields=[*new, "described_at"])
    if not new:
        return _nothing("Nothing in it is new.", patient)
    PatientUpdate.objects.create(
        patient=patient, message=message, before=_written(before), after=_written(new)
    )
    fields = ", ".join(name.replace("_", " ") for name in new)
    return Filed(Outcome.PATIENT_CHANGED, patient=patient, detail=f"Changed: {fields}.")


def _written(values: Mapping[str, object]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in values.items()}


def _details_only(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    if arriving.kind in (NewsKind.TRANSFERRED, NewsKind.DISCHARGED):
        return _nothing("")
    return _HANDLERS[arriving.kind](sender, arriving, message, records)


# --- One record or two ----------------------------------------------------------------------------


def _merged(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """Whoever is not known yet is kept with the number, so that a report under it finds its way."""
    keeps, goes = _told_apart(arriving)
    if not _numbers(goes) or not _numbers(keeps):
        return _nothing("It names the same numbers twice.")
    keep, merged = identify(keeps).patient, _record_of(goes)
    if keep.pk == survivor(merged).pk:
        return _nothing("Both numbers lead to the same record already.", keep)
    families = keep.family(), survivor(merged).family()
    apart = PatientMerge.objects.filter(
        _between(*families, "kept", "merged"), undone_at__isnull=False
    )
    told = ToldApart.objects.filter(_between(*families, "one", "other"))
    if _was_taken_apart(told, apart, arriving.said_at):
        return _nothing("The two were taken apart since.", keep)
    if apart.filter(undone_by__isnull=False).exists():
        raise _held(
            HeldReason.NEEDS_DECISION,
            "A person took the two records apart; the message says that they are one.",
            ON_MERGES,
        )
    if contradicts(keep, survivor(merged)):
        raise _held(
            HeldReason.IDENTITY_CONFLICT,
            "The two records have other names and other birth dates.",
            ON_MERGES,
        )
    merge_patients(
        keep=keep, merged=merged, because=_says(arriving), by=None, said_at=arriving.said_at
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


def _unmerged(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """The merge that another system asked for is undone; what came since goes with the number
    under which it was sent."""
    assert arriving.other is not None
    merge = _merge_between(known_patients(arriving.patient), known_patients(arriving.other))
    if merge is None:
        return _stay_two(arriving, message)
    if merge.merged_by is not None:
        raise _held(
            HeldReason.NEEDS_DECISION,
            "A person merged the two records; the message says that they are two patients.",
            "If they are, take the merge back on the page of merges; else set this aside.",
        )
    if merge.said_at is not None and arriving.said_at < merge.said_at:
        return _nothing("They were merged since.", merge.kept)
    going = sent_under_merged(came_since(merge))
    if going and merge.kept.family() - merge.merged.family() - {merge.kept_id}:
        raise _held(
            HeldReason.NEEDS_DECISION,
            "Other records were merged into the same one, and an examination came since under the"
            " number of one of them.",
            "Take the merge back on the page of merges: it asks whose that examination is.",
        )
    try:
        undo_merge(
            merge=merge, because=_says(arriving), by=None, also=going, said_at=arriving.said_at
        )
    except NotAllowed as refused:
        raise _held(HeldReason.NEEDS_DECISION, str(refused), ON_MERGES) from refused
    return Filed(Outcome.UNMERGED, patient=merge.kept)


def _stay_two(arriving: ArrivingNews, message: IncomingMessage) -> Filed:
    """They are not merged, or not yet: what asks for it may come after what takes it back."""
    keeps, goes = _told_apart(arriving)
    if not _numbers(goes) or not _numbers(keeps):
        return _nothing("It names the same numbers twice.")
    one, other = survivor(_record_of(keeps)), survivor(_record_of(goes))
    if one.pk == other.pk:
        raise _held(
            HeldReason.NEEDS_DECISION,
            "The two are one record here, and no merge of these two has made it so.",
            "If it came by way of a third record, take those merges back on the page of merges;"
            " else ask the sender whose each examination is.",
        )
    ToldApart.objects.create(one=one, other=other, said_at=arriving.said_at, message=message)
    return _nothing("The two are two records here, whatever older message comes yet.", one)


def _merge_between(some: list[Patient], others: list[Patient]) -> PatientMerge | None:
    one, other = ([patient.pk for patient in them] for them in (some, others))
    standing = PatientMerge.objects.filter(undone_at__isnull=True)
    return (
        standing.filter(merged__in=one, kept__in=other).first()
        or standing.filter(merged__in=other, kept__in=one).first()
    )


def _renumbered(
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
    return _merged(sender, replace(arriving, patient=new), message, records)


def _moved(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """Which examinations belong to a visit is not known here, so somebody has to look."""
    assert arriving.other is not None
    theirs = {survivor(patient).pk for patient in known_patients(arriving.other)}
    ours = {survivor(patient).pk for patient in known_patients(arriving.patient)}
    concerned = Examination.objects.filter(patient__in=theirs - ours).order_by("-pk")
    named = list(concerned.values_list("accession", flat=True)[:MOST_NAMED])
    if not named:
        return _nothing("There is no examination here that it could be about.")
    raise _held(
        HeldReason.NEEDS_DECISION,
        "A visit or a number was moved to another patient: an examination may stand under the wrong"
        " one here.",
        "Find out whether one of these is meant, the newest first, and ask its sender to withdraw"
        f" it and to send it again under the right patient: {', '.join(named)}.",
    )


# --- What became of the patient -------------------------------------------------------------------


def _went(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """Discharged or transferred: asked of whoever holds an open finding of this trust."""
    found = recognise(arriving.patient, records)
    if found is None:
        return _nothing(NOT_KNOWN)
    its = Finding.objects.open().filter(examination__patient=found.patient)
    if not its.filter(organisation=sender.organisation_id).exists():
        return _nothing("The patient has no open finding here.", found.patient)
    change = Change(
        _CHANGES[arriving.kind],
        _moment(arriving.happened_at, "EVN-2"),
        arriving.whereto,
        sender.organisation,
    )
    if _was_taken_back(found.patient, change, arriving.said_at):
        return _nothing("It was taken back since.", found.patient)
    record_change(patient=found.patient, change=change, by=None)
    return Filed(Outcome.PATIENT_CHANGED, patient=found.patient, detail=_in_words(arriving.kind))


def _came_back(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """The last transfer or discharge that this trust said is taken back."""
    found = recognise(arriving.patient, records)
    if found is None:
        return _nothing(NOT_KNOWN)
    said = PatientChange.objects.standing().filter(
        patient__in=found.patient.of_family(),
        kind=_CHANGES[arriving.kind],
        organisation=sender.organisation_id,
        happened_at__lte=arriving.said_at,
    )
    same = said.filter(happened_at=arriving.happened_at or arriving.said_at)
    change = same.first() or said.order_by("-happened_at").first()
    if change is None:
        return _nothing("Nothing of that kind is recorded.", found.patient)
    if change.recorded_by is not None:
        raise _held(
            HeldReason.NEEDS_DECISION,
            f"A person recorded what the message takes back (ADT^{arriving.event}).",
            ON_CHANGES,
        )
    undo_change(change=change, because=_says(arriving), by=None)
    return Filed(Outcome.PATIENT_CHANGED, patient=found.patient, detail=_in_words(arriving.kind))


def _death(sender: Sender, arriving: ArrivingNews, done: Filed) -> Filed:
    """Known here or not: a finding of the dead still matters, and one that comes later."""
    found = identify(arriving.patient)
    at = _moment(arriving.died_at or arriving.happened_at, "PID-29")
    change = Change(Kind.DIED, at, organisation=sender.organisation)
    if _was_taken_back(found.patient, change, arriving.said_at):
        return _nothing("The death was taken back since.", found.patient)
    record_change(patient=found.patient, change=change, by=None)
    words = f"Died. {done.detail}" if done.outcome != Outcome.NOTHING else "Died."
    outcome = Outcome.PATIENT_CHANGED if done.outcome == Outcome.NOTHING else done.outcome
    return Filed(outcome, patient=survivor(found.patient), detail=words.strip())


def _was_taken_back(patient: Patient, change: Change, said_at: datetime) -> bool:
    """Whether this very change was undone since it was said. Of a death any moment is the same."""
    undone = PatientChange.objects.filter(
        patient__in=patient.of_family(), kind=change.kind, undone_at__gte=said_at
    )
    if change.kind != Kind.DIED:
        undone = undone.filter(happened_at=change.happened_at, organisation=change.organisation)
    return undone.exists()


def _check_lives(arriving: ArrivingNews, records: Records) -> None:
    """Said to live after a death was recorded: one of the two is a mistake."""
    if arriving.has_died is not False:
        return
    found = recognise(arriving.patient, records)
    death = found.patient.death() if found else None
    if death is not None and arriving.said_at > death.recorded_at:
        raise _held(
            HeldReason.NEEDS_DECISION,
            "The patient is said to live (PID-30), and a death is recorded.",
            ON_CHANGES,
            "PID-30",
        )


def _no_news(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    return _nothing(f"Nothing follows from an ADT^{arriving.event} here.")


def _in_words(kind: NewsKind) -> str:
    return f"{kind.replace('_', ' ').capitalize()}."


_CHANGES = {
    NewsKind.TRANSFERRED: Kind.TRANSFERRED,
    NewsKind.TRANSFER_CANCELLED: Kind.TRANSFERRED,
    NewsKind.DISCHARGED: Kind.DISCHARGED,
    NewsKind.DISCHARGE_CANCELLED: Kind.DISCHARGED,
}
_HANDLERS: dict[NewsKind, Handler] = {
    NewsKind.DETAILS: _details,
    NewsKind.MERGED: _merged,
    NewsKind.UNMERGED: _unmerged,
    NewsKind.RENUMBERED: _renumbered,
    NewsKind.MOVED: _moved,
    NewsKind.TRANSFERRED: _went,
    NewsKind.DISCHARGED: _went,
    NewsKind.TRANSFER_CANCELLED: _came_back,
    NewsKind.DISCHARGE_CANCELLED: _came_back,
    NewsKind.NOTHING: _no_news,
}
