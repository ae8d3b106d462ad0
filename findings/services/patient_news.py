"""News of patients in: what an index or the wards say, as a person could say it on a page.

Only who is known here matters: of anybody else nothing is kept, but for numbers that were merged,
taken apart or changed, under which a report may still come, and that somebody died. Where the news
contradicts the record, or would undo what a person did, a person decides. Older news changes
nothing.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from findings.arrivals import ArrivingNews, HeldReason, NewsKind
from findings.models import (
    Finding,
    IncomingMessage,
    Patient,
    PatientChange,
    PatientUpdate,
    Receipt,
    Sender,
)
from findings.services import one_patient
from findings.services.filed import Filed, nothing
from findings.services.filing import AHEAD_OF_US
from findings.services.identity import (
    MERGED_NOTICE,
    Held,
    Identified,
    IdentityHeld,
    identify,
    recognise,
    survivor,
)
from findings.services.one_patient import says
from findings.services.patient_change import Change, record_change, undo_change
from findings.services.records import ONE_BY_ONE, Records
from findings.services.timeline import database_now

Outcome = Receipt.Outcome
Kind = PatientChange.Kind
Handler = Callable[[Sender, ArrivingNews, IncomingMessage, Records], Filed]
NOT_KNOWN = "The patient is not known here."
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
        words = "Ask the sender to correct its clock: it decides which news holds."
        raise Held(HeldReason.BAD_TIME, "The message comes from the future.", words, "MSH-7")
    if arriving.has_died:
        # Whoever died was not sent home.
        done = _details_only(sender, arriving, message, records)
        return _death(sender, arriving, done)
    done = _HANDLERS[arriving.kind](sender, arriving, message, records)
    _check_lives(arriving, records)
    return done


def _moment(at: datetime | None, place: str) -> datetime:
    """A moment that has passed: a clock that is a little ahead is taken for now."""
    now = database_now()
    assert at is not None
    if at > now + AHEAD_OF_US:
        words = "It is said to have happened in the future."
        raise IdentityHeld(
            HeldReason.BAD_TIME, words, "Find out at the sender when it happened.", place
        )
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
        return nothing(NOT_KNOWN)
    patient = Patient.objects.select_for_update(no_key=True).get(pk=found.patient.pk)
    if MERGED_NOTICE in found.notices:
        return nothing("It describes a record that was merged into another one.", patient)
    records.said_of(patient, arriving.patient, arriving.said_at)
    if patient.described_at is not None and arriving.said_at < patient.described_at:
        return nothing("Newer news of this patient came before it.", patient)
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
        return nothing("Nothing in it is new.", patient)
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
        return nothing("")
    return _HANDLERS[arriving.kind](sender, arriving, message, records)


# --- What became of the patient -------------------------------------------------------------------


def _went(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """Discharged or transferred: asked of whoever holds an open finding of this trust."""
    found = recognise(arriving.patient, records)
    if found is None:
        return nothing(NOT_KNOWN)
    its = Finding.objects.open().filter(examination__patient=found.patient)
    if not its.filter(organisation=sender.organisation_id).exists():
        return nothing("The patient has no open finding here.", found.patient)
    change = Change(
        _CHANGES[arriving.kind],
        _moment(arriving.happened_at, "EVN-2"),
        arriving.whereto,
        sender.organisation,
    )
    if _was_taken_back(found.patient, change, arriving.said_at):
        return nothing("It was taken back since.", found.patient)
    record_change(patient=found.patient, change=change, by=None)
    return Filed(Outcome.PATIENT_CHANGED, patient=found.patient, detail=_in_words(arriving.kind))


def _came_back(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    """The last transfer or discharge that this trust said is taken back."""
    found = recognise(arriving.patient, records)
    if found is None:
        return nothing(NOT_KNOWN)
    said = PatientChange.objects.standing().filter(
        patient__in=found.patient.of_family(),
        kind=_CHANGES[arriving.kind],
        organisation=sender.organisation_id,
        happened_at__lte=arriving.said_at,
    )
    same = said.filter(happened_at=arriving.happened_at or arriving.said_at)
    change = same.first() or said.order_by("-happened_at").first()
    if change is None:
        return nothing("Nothing of that kind is recorded.", found.patient)
    if change.recorded_by is not None:
        raise IdentityHeld(
            HeldReason.NEEDS_DECISION,
            f"A person recorded what the message takes back (ADT^{arriving.event}).",
            ON_CHANGES,
        )
    undo_change(change=change, because=says(arriving), by=None)
    return Filed(Outcome.PATIENT_CHANGED, patient=found.patient, detail=_in_words(arriving.kind))


def _death(sender: Sender, arriving: ArrivingNews, done: Filed) -> Filed:
    """Known here or not: a finding of the dead still matters, and one that comes later."""
    found = identify(arriving.patient)
    at = _moment(arriving.died_at or arriving.happened_at, "PID-29")
    change = Change(Kind.DIED, at, organisation=sender.organisation)
    if _was_taken_back(found.patient, change, arriving.said_at):
        return nothing("The death was taken back since.", found.patient)
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
        raise IdentityHeld(
            HeldReason.NEEDS_DECISION,
            "The patient is said to live (PID-30), and a death is recorded.",
            ON_CHANGES,
            "PID-30",
        )


def _no_news(
    sender: Sender, arriving: ArrivingNews, message: IncomingMessage, records: Records
) -> Filed:
    return nothing(f"Nothing follows from an ADT^{arriving.event} here.")


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
    NewsKind.MERGED: one_patient.merged,
    NewsKind.UNMERGED: one_patient.unmerged,
    NewsKind.RENUMBERED: one_patient.renumbered,
    NewsKind.MOVED: one_patient.moved,
    NewsKind.TRANSFERRED: _went,
    NewsKind.DISCHARGED: _went,
    NewsKind.TRANSFER_CANCELLED: _came_back,
    NewsKind.DISCHARGE_CANCELLED: _came_back,
    NewsKind.NOTHING: _no_news,
}
