"""Steps of which the same people would be told, asked about once.

A trust has thousands of open findings and few answers. Who is told follows from who holds a
finding, its team, who flagged it and the trust that watches it; from the audience; and from the
stretch of time, in which nobody comes or goes. The database gathers what is alike in all of that,
so that looking ahead costs as much as there are answers, and not as there are findings
(docs/adr/0050).
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from django.contrib.postgres.aggregates import ArrayAgg
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import (
    BigIntegerField,
    Case,
    DateTimeField,
    F,
    Func,
    IntegerField,
    Value,
    When,
)

from findings import reach
from findings.models import Audience, Organisation, Person, Team
from findings.models.clock import StepQuerySet
from findings.models.finding import FindingQuerySet
from findings.reach import Look, StepPreview, Subject
from findings.shifts import ZONE
from findings.states import ClockKind
from findings.timetable import PlannedStep


class Whose(NamedTuple):
    """What a finding has that says who is told of it, by id: as `reach.Subject`."""

    owner_person: int | None
    owner_team: int | None
    team: int
    flagged_by: int
    organisation: int


# Who these are does not depend on the finding itself; of any other audience each is asked about.
BY_WHOSE = (
    Audience.OWNER,
    Audience.RESPONSIBLE,
    Audience.TEAM,
    Audience.DEPARTMENT,
    Audience.RADIOLOGIST,
    Audience.COORDINATOR,
    Audience.GOVERNANCE,
)
# Whoever watches over the trust is the same for all of its findings, and the holders of a duty for
# all of their team.
OF_TRUST = (Audience.COORDINATOR, Audience.GOVERNANCE)
OF_TEAM = (Audience.RESPONSIBLE, Audience.TEAM, Audience.DEPARTMENT)


class Kind(NamedTuple):
    """What steps have in common that tell the same people."""

    whose: Whose
    audience: str
    # When: it begins with this moment, and ends where the next stretch begins.
    since: datetime
    # The finding, where it has to be asked about itself.
    finding: int | None = None


class Alike(NamedTuple):
    """The findings (ids) that have such a step: one as often as it has one."""

    kind: Kind
    findings: Sequence[int]
    # It is no step: whoever holds them could be told now.
    is_held: bool


# Where leave begins and ends with a day, and shifts at any moment.
COMES_OR_GOES = """
    SELECT starts_at FROM findings_rotaentry WHERE removed_at IS NULL AND ends_at > %(since)s
    UNION
    SELECT ends_at FROM findings_rotaentry WHERE removed_at IS NULL AND ends_at > %(since)s
    UNION
    SELECT first_on::timestamp AT TIME ZONE %(zone)s FROM findings_leave WHERE cancelled_at IS NULL
    UNION
    SELECT (last_on + 1)::timestamp AT TIME ZONE %(zone)s FROM findings_leave
        WHERE cancelled_at IS NULL
"""


class Stretches:
    """The time ahead, cut wherever somebody comes or goes."""

    def __init__(self, since: datetime, more: Iterable[datetime] = ()) -> None:
        with connection.cursor() as cursor:
            cursor.execute(COMES_OR_GOES, {"since": since, "zone": ZONE})
            cuts = {at for (at,) in cursor.fetchall()} | set(more)
        self.starts = [since, *sorted(at for at in cuts if at > since)]

    def start(self, at: datetime) -> datetime:
        """Of the stretch in which this moment lies; what is overdue would be told at once."""
        return self.starts[max(bisect_right(self.starts, at), 1) - 1]


def alike(steps: StepQuerySet, held: FindingQuerySet, stretches: Stretches) -> list[Alike]:
    """The unfired steps among these, by what they have in common; and whoever holds `held`, who
    could be told now."""
    coming = steps.unfired().of_running_clocks().exclude(clock__kind=ClockKind.CONFIRM)
    stretch = Func(
        F("falls_at"),
        Value(stretches.starts, ArrayField(DateTimeField())),
        function="width_bucket",
        output_field=IntegerField(),
    )
    itself = Case(
        When(audience__in=BY_WHOSE, then=None), default=F("finding"), output_field=BigIntegerField()
    )
    whose = [f"finding__{name}" for name in Whose._fields]
    of_steps = coming.order_by().values_list(*whose, "audience")
    of_steps = of_steps.annotate(stretch=stretch, itself=itself, every=ArrayAgg("finding"))
    of_holders = (
        held.order_by()
        .values_list(*Whose._fields)
        .annotate(
            to=Value(Audience.OWNER.value),
            stretch=Value(-1),
            itself=Value(None, BigIntegerField()),
            every=ArrayAgg("pk"),
        )
    )
    rows = of_steps.union(of_holders, all=True)
    return [
        Alike(
            Kind(Whose(*whose), audience, stretches.starts[max(number, 1) - 1], finding),
            every,
            number < 0,
        )
        for *whose, audience, number, finding, every in rows
    ]


Told = tuple[Person, ...]


class Seen(NamedTuple):
    """By kind those whom it reaches, the answers to what else was asked, and the look that saw it.
    Why somebody is not reached is asked of the step itself: a sentence may name its moment."""

    told: dict[Kind, Told]
    others: list[list[StepPreview]]
    look: Look


def see(kinds: Iterable[Kind], others: Sequence[reach.Ask] = (), look: Look | None = None) -> Seen:
    """By a look of its own, or once more by one that was taken for the same."""
    every = list(kinds)
    first: dict[object, Kind] = {}
    for kind in every:
        first.setdefault(_depends_on(kind), kind)
    asks = [*others, *map(_ask, first.values())]
    seen = look or reach.look(asks)
    answers = look.again(asks) if look else seen.answers
    shown = answers[len(others) :]
    told = {on: reach.told(step) for on, (step,) in zip(first, shown, strict=True)}
    return Seen({kind: told[_depends_on(kind)] for kind in every}, answers[: len(others)], seen)


def _depends_on(kind: Kind) -> object:
    whose, audience = kind.whose, kind.audience
    if kind.finding is not None:
        parts: object = kind.finding
    elif audience in OF_TRUST:
        parts = whose.organisation
    elif audience in OF_TEAM:
        parts = whose.team
    elif audience == Audience.RADIOLOGIST:
        parts = whose.flagged_by
    else:
        parts = whose[:3]
    return audience, parts, kind.since


def _ask(kind: Kind) -> reach.Ask:
    return _subject(kind), [PlannedStep(0, kind.since, kind.audience, "")]


def _subject(kind: Kind) -> Subject:
    """By its ids alone, which say who is told; nobody reads its names."""
    owner, owner_team, team, flagged_by, organisation = kind.whose
    return Subject(
        _person(owner) if owner else None,
        _team(owner_team) if owner_team else None,
        _team(team),
        _person(flagged_by),
        _organisation(organisation),
        kind.finding,
    )


# A row costs more to make than to compare.
@cache
def _person(pk: int) -> Person:
    return Person(pk=pk)


@cache
def _team(pk: int) -> Team:
    return Team(pk=pk)


@cache
def _organisation(pk: int) -> Organisation:
    return Organisation(pk=pk)
