"""What the coordinators' desk does: whether a row is still as it was seen, before anything is done
with it. Nothing is overwritten that somebody else did meanwhile."""

from collections.abc import Sequence

from findings.models import Event, Finding, Person
from findings.models.event import EventQuerySet

# What changes nothing that a row of the desk shows.
QUIET = (Event.Kind.READ, Event.Kind.SENT)


def newest_line(events: EventQuerySet) -> EventQuerySet:
    """Of one timeline: the newest line that changes what a row shows."""
    return events.exclude(kind__in=QUIET).order_by("-number")


def done_since(finding: Finding, seen: int) -> Sequence[Event]:
    """What the row did not know of, the earliest first."""
    later = finding.events.filter(number__gt=seen).exclude(kind__in=QUIET)
    return list(later.select_related("by").order_by("number"))


def by_others(events: Sequence[Event], person: Person) -> list[Event]:
    return [event for event in events if event.by_id != person.pk]
