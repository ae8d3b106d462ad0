"""Whether the clocks can be believed: this machine's, and the database's, by which all is judged.

A step that falls due by a clock which went back falls due again only when it has caught up; nothing
is told twice, but what waits is told late by as much. Nobody sees that in the rows, so it is said.
"""

from datetime import datetime, timedelta

from django.db.models.functions import Now

from findings.services.timeline import database_now
from notifications.models import Pulse

# The latest moment that the database's clock has shown; it never goes back.
LATEST = "latest"
MOST_APART = timedelta(seconds=5)


def remember() -> None:
    """That the database's clock has come this far. Called in every round that fires."""
    if Pulse.objects.filter(name=LATEST, at__lt=Now()).update(at=Now()):
        return
    Pulse.objects.get_or_create(name=LATEST, defaults={"at": database_now()})


def gone_back(latest: datetime | None, now: datetime) -> timedelta | None:
    """By how much the database's clock, now at `now`, is behind the latest that it has shown."""
    return latest - now if latest and latest - now > MOST_APART else None


def apart(before: datetime, now: datetime, after: datetime) -> timedelta | None:
    """By how much this machine's clock and the database's differ, where it is too much.

    `before` and `after` are this machine's, around the question; between them, however long the
    answer took, the database's clock showed `now`.
    """
    difference = max(before - now, now - after)
    return difference if difference > MOST_APART else None
