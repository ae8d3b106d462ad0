"""Meetings to learn in, their agenda and who came; and what is shared with everybody afterwards.

Every writer of a meeting locks it first. Once its record is closed the database refuses the rest.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max

from findings.learning_rules import (
    check_can_keep_meeting,
    check_can_keep_meetings,
    check_can_read_point,
    check_can_share_points,
)
from findings.models import (
    Attendance,
    Case,
    LearningPoint,
    Meeting,
    Person,
    ReadReceipt,
    Review,
    Role,
)
from findings.services.timeline import database_now


class RecordClosed(Exception):
    """Somebody was first. The message is a sentence that says who."""


@transaction.atomic
def call_meeting(
    *,
    by: Person,
    kind: Meeting.Kind,
    held_at: datetime,
    place: str = "",
    cases: Sequence[Review] = (),
) -> Meeting:
    """Plan one, with the cases that are on its agenda."""
    check_can_keep_meetings(by)
    meeting = Meeting.objects.create(
        organisation_id=by.organisation_id,
        kind=kind,
        held_at=held_at,
        place=place.strip(),
        called_by=by,
    )
    for review in cases:
        add_case(meeting=meeting, by=by, review=review)
    return meeting


@transaction.atomic
def add_case(*, meeting: Meeting, by: Person, review: Review) -> Case:
    """Put a review on the agenda, last."""
    meeting = _lock_open(meeting, by)
    if review.organisation_id != meeting.organisation_id:
        raise ValueError("This review is of another trust.")
    standing = meeting.cases.standing()
    if standing.filter(review=review).exists():
        raise ValueError(f"{review.reference} is on the agenda already.")
    last = standing.aggregate(last=Max("position"))["last"] or 0
    return Case.objects.create(
        meeting=meeting, review=review, position=last + 1, brought_by=_radiologist(review)
    )


@transaction.atomic
def take_off(*, case: Case, by: Person) -> None:
    """Off the agenda again; that it stood there is kept."""
    _lock_open(case.meeting, by)
    Case.objects.standing().filter(pk=case.pk).update(undone_at=database_now(), undone_by=by)


@transaction.atomic
def prepare_case(*, case: Case, by: Person, sheet: str, brought_by: Person | None) -> Case:
    """The words of its sheet, which name nobody; and who brought it, which no sheet says."""
    _lock_open(case.meeting, by)
    case = Case.objects.get(pk=case.pk)
    if case.undone_at:
        raise ValueError("This case was taken off the agenda.")
    case.sheet, case.brought_by = sheet.strip(), brought_by
    case.save(update_fields=["sheet", "brought_by"])
    return case


@transaction.atomic
def record_attendance(*, meeting: Meeting, by: Person, people: Collection[Person]) -> None:
    """Just these were there: who is new is added, and who was ticked by mistake undone."""
    meeting = _lock_open(meeting, by)
    standing = {one.person_id: one for one in meeting.attendances.standing()}
    came = {person.pk for person in people}
    gone = [one.pk for pk, one in standing.items() if pk not in came]
    Attendance.objects.filter(pk__in=gone).update(undone_at=database_now(), undone_by=by)
    Attendance.objects.bulk_create(
        Attendance(meeting=meeting, person_id=pk, recorded_by=by)
        for pk in sorted(came - standing.keys())
    )


@transaction.atomic
def close_record(*, meeting: Meeting, by: Person, summary: str) -> Meeting:
    """It was held, and this is what came of it. Nothing of it changes from then on."""
    meeting = _lock_open(meeting, by)
    at = database_now()
    if meeting.held_at > at:
        raise ValueError("It has not been held yet.")
    if not meeting.attendances.standing().exists():
        raise ValueError("Record first who was there.")
    meeting.ended_at, meeting.ended_by, meeting.summary = at, by, summary.strip()
    meeting.save(update_fields=["ended_at", "ended_by", "summary"])
    return meeting


def share_point(
    *,
    by: Person,
    title: str,
    text: str,
    roles: Sequence[str],
    meeting: Meeting | None = None,
    review: Review | None = None,
) -> LearningPoint:
    """Everybody of the trust with one of these roles finds it among what they are to read."""
    check_can_share_points(by)
    if not roles:
        raise ValueError("Choose at least one role.")
    return LearningPoint.objects.create(
        organisation_id=by.organisation_id,
        title=title.strip(),
        text=text.strip(),
        roles=[role for role in Role.values if role in roles],
        meeting=meeting,
        review=review,
        shared_by=by,
    )


@transaction.atomic
def withdraw_point(*, point: LearningPoint, by: Person, because: str) -> None:
    """Nobody is to read it any more, and why; once."""
    check_can_share_points(by)
    point = LearningPoint.objects.select_for_update().get(pk=point.pk)
    if point.undone_at:
        raise RecordClosed(f"{point.undone_by} has withdrawn it already.")
    point.undone_at = max(database_now(), point.shared_at)
    point.undone_by, point.undone_because = by, because.strip()
    point.save(update_fields=["undone_at", "undone_by", "undone_because"])


def say_read(*, point: LearningPoint, by: Person) -> bool:
    """I have read this. False: they had said so before."""
    check_can_read_point(by, point)
    try:
        with transaction.atomic():
            ReadReceipt.objects.create(point=point, person=by)
    except IntegrityError:
        return False
    return True


def _lock_open(meeting: Meeting, by: Person) -> Meeting:
    meeting = Meeting.objects.select_for_update(of=("self",)).get(pk=meeting.pk)
    check_can_keep_meeting(by, meeting)
    if meeting.ended_at:
        raise RecordClosed(f"{meeting.ended_by} has closed the record of this meeting.")
    return meeting


def _radiologist(review: Review) -> Person | None:
    """Whoever raised it, where a radiologist did: they brought the case."""
    by = review.opened_by
    return by if by and by.has_role(Role.RADIOLOGIST) else None
