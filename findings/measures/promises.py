"""The measures. Each is a selection of clocks with its definition in words: a condition, so that
one pass over the clocks counts for all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q

from findings.measures import telling
from findings.models import Clock, Finding, Person
from findings.states import BY_STATE, ClockKind

Clocks = telling.Clocks

# The window of the measures that look back, in days up to now.
WINDOW_DAYS = 90


@dataclass(frozen=True)
class Measure:
    """One number: its name, what it counts in words, and the clocks that it counts."""

    code: str
    name: str
    definition: str
    which: Callable[[datetime], Q]
    # Shown as a share of this measure, where it is one.
    of: str = ""
    # Its rows show by when somebody was to be told and was, not the limit of the clock.
    is_of_telling: bool = False

    def select(self, clocks: Clocks, now: datetime) -> Clocks:
        return clocks.filter(self.which(now))


def promises_visible_to(person: Person) -> Clocks:
    """The clocks of findings that this person may see."""
    return Clock.objects.filter(finding__in=Finding.objects.visible_to(person))


def _running(*kinds: ClockKind) -> Q:
    """Without kinds: the one that its state asks for, so that each open finding counts once."""
    return Q(stopped_at__isnull=True, kind__in=kinds or BY_STATE)


def _late(now: datetime, kind: ClockKind) -> Q:
    return _running(kind) & Q(due_at__lte=now)


def _fell_due(now: datetime, kind: ClockKind) -> Q:
    """Those whose limit lies in the window, but for promises that ended before their limit
    without an answer being owed any more (withdrawn, corrected, handed over)."""
    since = now - timedelta(days=WINDOW_DAYS)
    was_owed = Q(stopped_at__isnull=True) | Q(stopped_at__gte=F("due_at")) | _ANSWERED
    return Q(kind=kind, due_at__gt=since, due_at__lte=now) & was_owed


def _in_time(now: datetime, kind: ClockKind) -> Q:
    return _fell_due(now, kind) & _ANSWERED & Q(stopped_at__lte=F("due_at"))


_ANSWERED = Q(stopped_because=Clock.StoppedBecause.ANSWERED)
_WINDOW = f"in the last {WINDOW_DAYS} days"

MEASURES = {
    measure.code: measure
    for measure in (
        Measure(
            "open",
            "Open",
            "Findings that are neither closed nor withdrawn.",
            lambda now: _running(),
        ),
        Measure(
            "waiting",
            "Not acknowledged",
            "Open findings that nobody has taken on yet.",
            lambda now: _running(ClockKind.ACKNOWLEDGE),
        ),
        Measure(
            "late_acknowledgement",
            "Acknowledgement late",
            "Not acknowledged, and the time to acknowledge has passed.",
            lambda now: _late(now, ClockKind.ACKNOWLEDGE),
        ),
        Measure(
            "forgotten",
            "Action late",
            "Acknowledged, and the time to act has passed with no action recorded.",
            lambda now: _late(now, ClockKind.ACT),
        ),
        Measure(
            "late_result",
            "Result late",
            "The day has passed on which a result, or a recommended examination, was expected.",
            lambda now: _late(now, ClockKind.FOLLOW_UP),
        ),
        Measure(
            "patient_late",
            "Patient not told",
            "Open, and the time to tell the patient has passed with nothing recorded.",
            lambda now: _late(now, ClockKind.TELL_PATIENT),
        ),
        Measure(
            "reopened",
            "Re-opened",
            "Open, and the report changed after the flag: whoever holds it was asked again.",
            lambda now: _running() & Q(finding__in=Finding.objects.reopened()),
        ),
        Measure(
            "owner_left",
            "Owner left",
            "Open, and the person who holds it does not work here any more.",
            lambda now: _running() & Q(finding__in=Finding.objects.owner_left()),
        ),
        Measure(
            "told_nobody",
            "Nobody told",
            "Open, and the time that the trust's policy gives to tell somebody has passed without a"
            " message that left for anybody, a telephone call or an acknowledgement.",
            telling.told_nobody,
            is_of_telling=True,
        ),
        Measure(
            "telling_due",
            "Tellings due",
            f"Findings whose time to tell somebody ended {_WINDOW}. Left out: those withdrawn"
            " before, those of a category for which the trust's policy gives no such time, and"
            " those flagged before it was kept here.",
            lambda now: telling.fell_due(now, WINDOW_DAYS),
            is_of_telling=True,
        ),
        Measure(
            "told_in_time",
            "Told in time",
            f"Of the findings whose time to tell somebody, as the trust's policy has it for their"
            f" category, ended {_WINDOW}: those of which somebody was told by then. Counts from"
            " the flag to the first message that left by e-mail, text message or the trust's"
            " messaging and did not come back, the first telephone call, or an acknowledgement."
            " What is only shown in this application does not count.",
            lambda now: telling.told_in_time(now, WINDOW_DAYS),
            of="telling_due",
            is_of_telling=True,
        ),
        Measure(
            "acknowledgement_due",
            "Acknowledgements due",
            f"Promises to acknowledge whose limit fell {_WINDOW}, answered or not. Left out: those"
            " withdrawn, corrected or handed over before their limit.",
            lambda now: _fell_due(now, ClockKind.ACKNOWLEDGE),
        ),
        Measure(
            "acknowledged_in_time",
            "Acknowledged in time",
            f"Of the acknowledgements that fell due {_WINDOW}: those answered by their limit."
            " One that is still waiting counts as not in time.",
            lambda now: _in_time(now, ClockKind.ACKNOWLEDGE),
            of="acknowledgement_due",
        ),
        Measure(
            "action_due",
            "Actions due",
            f"Promises to act whose limit fell {_WINDOW}, kept or not. Left out: those withdrawn,"
            " corrected or handed over before their limit.",
            lambda now: _fell_due(now, ClockKind.ACT),
        ),
        Measure(
            "acted_in_time",
            "Acted on in time",
            f"Of the actions that fell due {_WINDOW}: those recorded by their limit. One that is"
            " still waiting counts as not in time.",
            lambda now: _in_time(now, ClockKind.ACT),
            of="action_due",
        ),
    )
}
