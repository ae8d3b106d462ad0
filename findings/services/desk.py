"""What the coordinators' desk does with many rows: each by itself and as it was seen. A row that
somebody changed meanwhile is left out and named, and one that is refused undoes no other."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from findings.models import Event, Finding, Person
from findings.models.event import EventQuerySet
from findings.rules import Refused
from findings.services.timeline import lock

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


@dataclass(frozen=True)
class Seen:
    """One finding as a row showed it: with the newest line of its timeline then."""

    finding: Finding
    number: int


@dataclass
class Done:
    """What became of many: those of which it was done, those that had changed, and those that were
    refused, each with why."""

    done: list[Finding] = field(default_factory=list)
    changed: list[tuple[Finding, Sequence[Event]]] = field(default_factory=list)
    refused: list[tuple[Finding, str]] = field(default_factory=list)


def do_with_each(rows: Iterable[Seen], do: Callable[[Finding], object]) -> Done:
    """Each in a transaction of its own, so that it stands in its own timeline or nowhere."""
    became = Done()
    for row in rows:
        try:
            with transaction.atomic():
                finding = lock(row.finding)
                since = done_since(finding, row.number)
                if not since:
                    do(finding)
        except (*Refused, ValueError) as refused:
            became.refused.append((row.finding, str(refused)))
        else:
            if since:
                became.changed.append((row.finding, since))
            else:
                became.done.append(row.finding)
    return became
