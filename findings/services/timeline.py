"""Events: what every other service writes beside the change it makes, in the same transaction."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.core.serializers.json import DjangoJSONEncoder as Json
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from findings.columns import columns
from findings.models import Event, Examination, Finding, Improvement, Person, Viewing
from findings.models.about import About
from findings.models.cover import covered_by
from findings.states import Move, State, after


def database_now() -> datetime:
    """This moment (UTC) by the database's clock. Ask once, after the lock, and pass it on.

    Not the transaction's start: whoever waited for a lock would write a time from before what
    the other one did.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


# A clock that goes back by more is not believed in either place: the database refuses the answer.
WENT_BACK_AT_MOST = 3600  # seconds
MOMENT = """
    SELECT greatest(clock_timestamp(), (
        SELECT max(at) FROM unnest(%s::bigint[]) AS one (finding), LATERAL (
            SELECT at FROM findings_event WHERE finding_id = finding ORDER BY number DESC LIMIT 20
        ) AS newest WHERE at < clock_timestamp() + %s * interval '1 second'))
"""


def moment(*findings: Finding) -> datetime:
    """This moment (UTC) in the timelines of these findings, which never run backwards: where the
    database's clock went back, that of their newest lines. Ask after the locks, and pass it on.

    An answer that came after the flag could not be kept otherwise.
    """
    with connection.cursor() as cursor:
        cursor.execute(MOMENT, [[finding.pk for finding in findings], WENT_BACK_AT_MOST])
        return cursor.fetchone()[0]


Subject = TypeVar("Subject", bound="Finding | Examination | Improvement")


def lock(subject: Subject) -> Subject:
    """The finding as it is now, nobody else's until this transaction ends; or the examination, or
    the improvement.

    Every writer takes this lock first, the engine too; so no two can wait for each other.
    """
    rows: QuerySet = type(subject)._default_manager.select_for_update(no_key=True)
    return rows.get(pk=subject.pk)


def lock_if_free(about: About) -> Finding | Examination | Improvement | None:
    """As `lock`; None where it is somebody else's now."""
    of: dict[str, type[Finding | Examination | Improvement]] = {
        "finding": Finding,
        "examination": Examination,
        "improvement": Improvement,
    }
    ((name, pk),) = ((name, pk) for name, pk in about._asdict().items() if pk)
    free = of[name]._default_manager.select_for_update(no_key=True, skip_locked=True)
    return free.filter(pk=pk).first()


def record(
    *, finding: Finding, kind: Event.Kind, by: Person | None, at: datetime, **data: Any
) -> Event:
    """Append one line to the finding's timeline. `by` None: the system itself.

    What a deputy does while its owner is away says for whom. Record it before the owner changes,
    or pass on what `on_behalf_of` said then.
    """
    if kind in ON_BEHALF and "on_behalf_of" not in data:
        data["on_behalf_of"] = on_behalf_of(finding.owner_person, by)
    if not data.get("on_behalf_of"):
        data.pop("on_behalf_of", None)
    return Event.objects.create(finding=finding, kind=kind, by=by, at=at, data=data)


# What can be done on behalf of somebody: answers, not readings and not what the system does.
ON_BEHALF = {
    Event.Kind.ACKNOWLEDGED,
    Event.Kind.ANSWERED_LATE,
    Event.Kind.DECLINED,
    Event.Kind.OFFERED,
    Event.Kind.OFFER_ENDED,
    Event.Kind.ASKED,
    Event.Kind.ACTED,
    Event.Kind.PATIENT_TOLD,
    Event.Kind.LETTER_SENT,
    Event.Kind.MATCH_REFUSED,
    Event.Kind.FOLLOWED_UP,
    Event.Kind.CONFIRMED,
    Event.Kind.PAUSED,
    Event.Kind.PAUSE_ENDED,
    Event.Kind.RATED,
    Event.Kind.CLOSED,
    Event.Kind.NOTE,
}


def on_behalf_of(absent: Person | None, by: Person | None) -> str:
    """The name of somebody on leave for whom `by` stands in now; empty when they do not."""
    if by is None or absent is None or by.pk == absent.pk:
        return ""
    return str(absent) if absent.pk in covered_by(by, timezone.localdate()) else ""


class Line(NamedTuple):
    """One line of the timeline of one finding, written by the system itself."""

    finding_id: int
    kind: Event.Kind
    data: dict[str, Any]


# One for all lines: to make it takes as long as it needs for one.
_dumps = Json().encode

# Rows by the ten thousand: as objects they would take longer than all the rest.
RECORD_ALL = """
    INSERT INTO findings_event (finding_id, number, kind, at, data, previous_hash, hash)
    SELECT finding, 0, kind, %s, data, '', ''
    FROM unnest(%s::bigint[], %s::text[], %s::jsonb[]) WITH ORDINALITY
        AS l (finding, kind, data, place) ORDER BY place
"""


def record_all(lines: Iterable[Line], *, at: datetime) -> None:
    """Append lines to any number of timelines, in this order."""
    rows = [(one.finding_id, one.kind.value, _dumps(one.data)) for one in lines]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(RECORD_ALL, [at, *columns(rows)])


def move(finding: Finding, what: Move) -> None:
    """Set the state that follows, or raise `MoveRefused`. The caller saves."""
    finding.state = after(State(finding.state), what)


def record_reading(*, finding: Finding, by: Person, page: str) -> None:
    """Somebody read the finding. Reading is not acknowledging: no clock hears of it."""
    record(finding=finding, kind=Event.Kind.READ, by=by, at=moment(finding), page=page)


def record_viewing(*, by: Person, page: str, patients: list[int]) -> None:
    """Somebody saw data of these patients (ids) on this page."""
    if patients:
        Viewing.objects.create(person=by, page=page, patients=sorted(set(patients)))


def add_note(*, finding: Finding, by: Person, text: str) -> Event:
    """A remark for everybody who follows the finding."""
    from findings.rules import check_can_note

    with transaction.atomic():
        finding = lock(finding)
        check_can_note(by, finding)
        return record(
            finding=finding, kind=Event.Kind.NOTE, by=by, at=moment(finding), text=text.strip()
        )
