"""What whoever answered for a finding thought of the flag: for its radiologist, and to count."""

from datetime import datetime

from django.db import transaction

from findings.models import Event, Finding, Person, Rating
from findings.rules import check_can_rate
from findings.services.timeline import lock, moment, record


def rate_finding(
    *,
    finding: Finding,
    by: Person,
    useful: Rating.Useful,
    note: str = "",
    at: datetime | None = None,
) -> Rating:
    """Say how useful the flag was. Said again, the last word counts and the others stay readable.
    It is no answer: no clock stops or moves, and nobody is told."""
    with transaction.atomic():
        finding = lock(finding)
        check_can_rate(by, finding)
        at = at or moment(finding)
        rating = Rating.objects.create(
            finding=finding, useful=useful, note=note.strip(), rated_by=by, rated_at=at
        )
        record(
            finding=finding, kind=Event.Kind.RATED, by=by, at=at, useful=useful, note=rating.note
        )
    return rating
