"""Why something stands on the coordinators' desk: one object a reason, in the order of harm.

What nobody has heard of who could act comes before what was promised and not kept, and that before
what waits for a word (docs/adr/0036). What somebody was telephoned about today comes last.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from operator import attrgetter
from typing import Any

from findings.measures import desk
from findings.measures.desk import Query, Standing


class Harm(IntEnum):
    """How bad it is that nobody has seen to it."""

    UNHEARD = 1  # nobody who could act knows of it
    BROKEN = 2  # somebody was told, and what was promised is not kept
    WAITS = 3  # somebody holds it, and something about it is due
    RUNG = 4  # somebody was telephoned today; nothing has happened since


class Of(StrEnum):
    """What a row is."""

    FINDING = "finding"
    HELD = "held"
    PROPOSAL = "proposal"
    WAIT = "wait"
    FEED = "feed"


@dataclass(frozen=True)
class Does:
    """The one thing that clears a row: what it is called, and the name of its page."""

    label: str
    page: str
    # It is a telephone call: it does not end what was wrong, but somebody knows.
    is_call: bool = False


GIVE = Does("Give it to somebody else", "hand-over")
RING = Does("Record what was said", "call", is_call=True)
DEAL = Does("Deal with the held item", "held-item")
CONFIRM = Does("Open the report", "report")
FOLLOW = Does("Open the examination", "wait")
FEED = Does("See what it has sent", "feed")


@dataclass(frozen=True)
class Reason:
    """One reason: what is said of it, where its rows come from, and what clears them."""

    code: str
    of: Of
    harm: Harm
    title: str
    # As a count says it: 3 that nobody can be told of.
    counted: str
    does: Does
    # None: of feeds, which are measured and not asked for.
    query: Query | None


_UNHEARD, _BROKEN, _WAITS = Harm.UNHEARD, Harm.BROKEN, Harm.WAITS
RUNG = "rung"
SILENT = "silent"

# In the order in which they are counted; of two that are equally bad the first is the headline.
_EVERY = (
    Reason(
        "unroutable",
        Of.FINDING,
        _UNHEARD,
        "Nobody can be told",
        "of which nobody can be told",
        GIVE,
        desk.unroutable,
    ),
    Reason(
        "ladder_end",
        Of.FINDING,
        _UNHEARD,
        "Everybody on the ladder was told, and nobody has answered",
        "up the whole ladder unanswered",
        RING,
        desk.ladder_at_its_end,
    ),
    Reason(
        "held_alert",
        Of.HELD,
        _UNHEARD,
        "Held, and somebody may have to act",
        "held with an alert",
        DEAL,
        desk.held,
    ),
    Reason(
        "owner_left",
        Of.FINDING,
        _UNHEARD,
        "Whoever holds it has left",
        "held by somebody who has left",
        GIVE,
        desk.owner_left,
    ),
    Reason(
        "bounced",
        Of.FINDING,
        _UNHEARD,
        "A message did not arrive",
        "with a message that did not arrive",
        RING,
        desk.bounced,
    ),
    Reason(
        "unroutable_wait",
        Of.WAIT,
        _UNHEARD,
        "Nobody can be told that its report has not come",
        "without a report, of which nobody can be told",
        FOLLOW,
        desk.unroutable_wait,
    ),
    Reason(SILENT, Of.FEED, _UNHEARD, "A feed is silent", "silent feeds", FEED, None),
    Reason(
        "declined_twice",
        Of.FINDING,
        _BROKEN,
        "Two have said that it is not theirs",
        "declined twice",
        GIVE,
        desk.declined_twice,
    ),
    Reason(
        "late_unread",
        Of.FINDING,
        _BROKEN,
        "Late, and nobody who holds it has opened it",
        "late and not opened",
        RING,
        desk.late,
    ),
    Reason(
        "late_read",
        Of.FINDING,
        _BROKEN,
        "Late: opened, and not answered",
        "late, opened and not answered",
        RING,
        desk.late,
    ),
    Reason(
        "forgotten",
        Of.FINDING,
        _BROKEN,
        "Taken on, and the time to act has passed",
        "taken on, time to act has passed",
        RING,
        desk.late,
    ),
    Reason(
        "to_confirm",
        Of.PROPOSAL,
        _BROKEN,
        "An alert code that no radiologist has answered",
        "to confirm, near the limit",
        CONFIRM,
        desk.to_confirm,
    ),
    Reason(
        "wait_end",
        Of.WAIT,
        _BROKEN,
        "No report, and everybody on the ladder was told",
        "without a report, up the whole ladder",
        FOLLOW,
        desk.wait_at_its_end,
    ),
    Reason(
        "wait_no_team",
        Of.WAIT,
        _BROKEN,
        "The report is late, and no reporting team hears of it",
        "without a report in time, where no reporting team is",
        FOLLOW,
        desk.wait_without_team,
    ),
    Reason(
        "result_late",
        Of.FINDING,
        _WAITS,
        "The result has not been recorded in time",
        "result late",
        RING,
        desk.late,
    ),
    Reason(
        "patient_not_told",
        Of.FINDING,
        _WAITS,
        "The patient was not told in time",
        "patient not told in time",
        RING,
        desk.late,
    ),
    Reason(
        "question",
        Of.FINDING,
        _WAITS,
        "A question that nobody has answered",
        "with a question that waits too long",
        RING,
        desk.question_unanswered,
    ),
    Reason(
        "offer",
        Of.FINDING,
        _WAITS,
        "An offer that nobody has answered",
        "with an offer of an earlier day",
        RING,
        desk.offer_unanswered,
    ),
    Reason("held", Of.HELD, _WAITS, "Held: it could not be filed", "held items", DEAL, desk.held),
    Reason(
        RUNG,
        Of.FINDING,
        Harm.RUNG,
        "Telephoned today, and nothing has happened since",
        "telephoned today, and not answered yet",
        RING,
        desk.rung,
    ),
)
REASONS = {one.code: one for one in _EVERY}
_PLACE = {code: place for place, code in enumerate(REASONS)}
QUERIES = {one.code: one.query for one in _EVERY if one.query}


@dataclass
class Row:
    """One thing on the desk, and why: the worst reason first. What it shows is read later
    (presenters/desk.py)."""

    of: Of
    pk: int
    priority: int
    since: datetime
    reasons: list[Reason]
    shown: Any = field(default=None, repr=False)

    @property
    def harm(self) -> int:
        return self.reasons[0].harm

    @property
    def can_be_ticked(self) -> bool:
        """Whether it can be dealt with together with others."""
        return self.of in (Of.FINDING, Of.HELD)

    @property
    def key(self) -> str:
        """finding-17: in addresses and forms."""
        return f"{self.of}-{self.pk}"


# Harm, then how severe its category is, then how long it has stood; then whichever.
ORDER = ("harm", "priority", "since", "of", "pk")


def in_order(found: Iterable[Standing]) -> list[Row]:
    """Everything that stands, one row a thing, the most harmful first."""
    together: dict[tuple[Of, int], list[Standing]] = {}
    for one in found:
        together.setdefault((REASONS[one.reason].of, one.pk), []).append(one)
    rows = (_row(of, pk, every) for (of, pk), every in together.items())
    return sorted((row for row in rows if row), key=attrgetter(*ORDER))


def _row(of: Of, pk: int, every: Sequence[Standing]) -> Row | None:
    since: dict[str, datetime] = {}
    for one in every:
        since[one.reason] = min(one.since, since.get(one.reason, one.since))
    codes = sorted(_left_after_calls(set(since)), key=_how_bad)
    if not codes:
        return None
    return Row(of, pk, every[0].priority, since[codes[0]], [REASONS[code] for code in codes])


def _how_bad(code: str) -> tuple[int, int]:
    return REASONS[code].harm, _PLACE[code]


def _left_after_calls(codes: set[str]) -> set[str]:
    """Whatever asked for a call has had it; a call about nothing that asked for one is no row."""
    if RUNG not in codes:
        return codes
    others = {code for code in codes if not REASONS[code].does.is_call}
    return others or (codes & {RUNG} if len(codes) > 1 else set())


def counts(rows: Iterable[Row]) -> Iterator[tuple[Reason, int]]:
    """Of each reason how many rows it stands for, where there are any."""
    number = Counter(reason.code for row in rows for reason in row.reasons)
    return ((reason, number[code]) for code, reason in REASONS.items() if number[code])
