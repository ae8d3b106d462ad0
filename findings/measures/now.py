"""What is open and late now. Each count is a selection of clocks with its definition in words: a
condition, so that one pass over the clocks counts for all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from findings.measures import telling
from findings.models import Clock, Finding, Person
from findings.states import BY_STATE, ClockKind

Clocks = telling.Clocks


@dataclass(frozen=True)
class Count:
    """One number: its name, what it counts in words, and the clocks that it counts."""

    code: str
    name: str
    definition: str
    which: Callable[[datetime], Q]
    # Its rows show by when somebody was to be told and was, not the limit of the clock.
    is_of_telling: bool = False

    def select(self, clocks: Clocks, now: datetime) -> Clocks:
        return clocks.filter(self.which(now))


def promises_visible_to(person: Person) -> Clocks:
    """The clocks of open findings that this person may see: what every count here is of. What has
    ended is most of them, and is not looked at."""
    return Clock.objects.filter(finding__in=Finding.objects.visible_to(person).open())


def _running(*kinds: ClockKind) -> Q:
    """Without kinds: the one that its state asks for, so that each open finding counts once."""
    return Q(stopped_at__isnull=True, kind__in=kinds or BY_STATE)


def _late(now: datetime, kind: ClockKind) -> Q:
    return _running(kind) & Q(due_at__lte=now)


COUNTS = {
    count.code: count
    for count in (
        Count(
            "open",
            "Open",
            "Findings that are neither closed nor withdrawn.",
            lambda now: _running(),
        ),
        Count(
            "waiting",
            "Not acknowledged",
            "Open findings that nobody has taken on yet.",
            lambda now: _running(ClockKind.ACKNOWLEDGE),
        ),
        Count(
            "late_acknowledgement",
            "Acknowledgement late",
            "Not acknowledged, and the time to acknowledge has passed.",
            lambda now: _late(now, ClockKind.ACKNOWLEDGE),
        ),
        Count(
            "forgotten",
            "Action late",
            "Acknowledged, and the time to act has passed with no action recorded.",
            lambda now: _late(now, ClockKind.ACT),
        ),
        Count(
            "late_result",
            "Result late",
            "The day has passed on which a result, or a recommended examination, was expected.",
            lambda now: _late(now, ClockKind.FOLLOW_UP),
        ),
        Count(
            "patient_late",
            "Patient not told",
            "Open, and the time to tell the patient has passed with nothing recorded.",
            lambda now: _late(now, ClockKind.TELL_PATIENT),
        ),
        Count(
            "reopened",
            "Re-opened",
            "Open, and the report changed after the flag: whoever holds it was asked again.",
            lambda now: _running() & Q(finding__in=Finding.objects.reopened()),
        ),
        Count(
            "owner_left",
            "Owner left",
            "Open, and the person who holds it does not work here any more.",
            lambda now: _running() & Q(finding__in=Finding.objects.owner_left()),
        ),
        Count(
            "told_nobody",
            "Nobody told",
            "Open, and the time that the trust's policy gives to tell somebody has passed without a"
            " message that left for anybody, a telephone call or an acknowledgement.",
            telling.told_nobody,
            is_of_telling=True,
        ),
    )
}
