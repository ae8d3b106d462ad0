"""The timeline in words: every event is a sentence with who and when, newest first.

What one person did in one moment (an acknowledgement stops one clock and starts another) is one
entry: the deed is its title, what followed from it are its lines. Readings in a row by the same
person are one entry too, with every time in it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from findings import words
from findings.models import Event
from findings.presenters.sentences import say

Kind = Event.Kind

SYSTEM = "Imaging Safety"
# More readings than this by one person in a row are counted, not listed.
TIMES_LISTED = 5


@dataclass
class Entry:
    """One entry as templates/components/findings.jinja draws it."""

    title: str
    at: datetime
    by: str
    text: str = ""
    lines: list[str] = field(default_factory=list)
    emphasis: str = ""


def entries(events: Iterable[Event]) -> list[Entry]:
    """All events (with `by` fetched) as entries, newest first."""
    by_number = sorted(events, key=lambda event: event.number)
    made: list[Entry] = []
    for in_a_row, run in groupby(by_number, key=lambda event: _IN_A_ROW.get(event.kind, _deeds)):
        made += in_a_row(list(run))
    return list(reversed(made))


def name_of(event: Event) -> str:
    if event.by is None:
        return SYSTEM
    absent = event.data.get("on_behalf_of")
    return f"{event.by}, on behalf of {absent}" if absent else str(event.by)


def _deeds(run: Sequence[Event]) -> list[Entry]:
    together = groupby(run, key=lambda event: (event.at, event.by_id))
    return [_entry(list(events)) for _, events in together]


def _entry(events: Sequence[Event]) -> Entry:
    said = [say(event) for event in events]
    return Entry(
        title=said[0].sentence,
        at=events[0].at,
        by=name_of(events[0]),
        text=said[0].text,
        lines=[one.whole for one in said[1:]],
        emphasis="late" if any(one.late for one in said) else "",
    )


def _readings(run: Sequence[Event]) -> list[Entry]:
    """One entry a person, in the order in which each read last."""
    by_person: dict[int | None, list[Event]] = {}
    for event in run:
        by_person.setdefault(event.by_id, []).append(event)
    return [
        _reading(events) for events in sorted(by_person.values(), key=lambda own: own[-1].number)
    ]


def _messages(run: Sequence[Event]) -> list[Entry]:
    """Messages sent in a row: one entry, a line a message."""
    if len(run) == 1:
        return _deeds(run)
    lines = [f"{say(event).sentence.rstrip('.')}, {words.when(event.at)}" for event in run]
    title = f"{words.plural(len(run), 'message')} sent"
    return [Entry(title=title, at=run[-1].at, by=name_of(run[-1]), lines=lines)]


# What is gathered when it comes in a row; everything else goes to _deeds.
_IN_A_ROW: dict[str, Callable[[Sequence[Event]], list[Entry]]] = {
    Kind.READ: _readings,
    Kind.SENT: _messages,
}


def _reading(events: Sequence[Event]) -> Entry:
    last = events[-1]
    earlier = [f"Also {words.when(event.at)}" for event in reversed(events[:-1])]
    if len(earlier) > TIMES_LISTED:
        earlier = [f"{len(earlier)} times before, since {words.when(events[0].at)}"]
    title = "Read" if len(events) == 1 else f"Read {len(events)} times"
    return Entry(title=title, at=last.at, by=name_of(last), lines=earlier)
