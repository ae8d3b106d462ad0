"""What one shift hands to the next, in words: what stands on the desk, what was done and by whom,
and what falls due. It is kept as it is said here, so that it reads the same when all has changed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from findings import words
from findings.models import Clock, Event, Patient, Person, Receipt, Role
from findings.models.event import BY_HAND
from findings.presenters.cards import Card
from findings.presenters.desk import Desk
from findings.presenters.finding import PROMISES
from findings.presenters.reasons import Row, counts
from findings.presenters.sentences import say
from findings.states import OWED_BY_OTHERS, ClockKind

# More is not read by anybody at the change of a shift. How many more there are is said.
MOST_ROWS, MOST_LINES = 40, 60


@dataclass(frozen=True)
class Open:
    """One row of the desk."""

    name: str
    why: Sequence[str]
    since: str
    patient: str
    what: str
    where: str
    ring: Sequence[str]
    note: str


@dataclass(frozen=True)
class Line:
    """One thing that was done, or that falls due: when, about what, and what of it."""

    at: str
    about: str
    said: str
    who: str


@dataclass(frozen=True)
class Sheet:
    """All of it, with the patients (ids) who are named."""

    total: int
    counts: Sequence[str]
    rows: Sequence[Open]
    done: Sequence[Line]
    more_done: int
    due: Sequence[Line]
    more_due: int
    patients: Sequence[int]

    @property
    def more_rows(self) -> int:
        return self.total - len(self.rows)

    @property
    def content(self) -> dict[str, Any]:
        """As it is kept, without who the patients are to us."""
        kept = asdict(self)
        del kept["patients"]
        return kept | {"more_rows": self.more_rows}


def sheet_of(person: Person, began_at: datetime, now: datetime, until_at: datetime) -> Sheet:
    """Of the trust that this person coordinates, as it is now."""
    sitting = Desk(person, now, is_kept=True)
    every = sitting.standing()
    rows = sitting.fill(every[:MOST_ROWS])
    done, all_done = _done(person, began_at, now)
    due, all_due = _due(person, now, until_at)
    return Sheet(
        total=len(every),
        counts=[f"{number} {reason.counted}" for reason, number in counts(every)],
        rows=[_open(row) for row in rows],
        done=done,
        more_done=all_done - len(done),
        due=due,
        more_due=all_due - len(due),
        patients=sorted({row.shown.patient.pk for row in rows if row.shown.patient}),
    )


def _open(row: Row) -> Open:
    card: Card = row.shown
    return Open(
        name=card.name,
        why=[f"{one.title}. {one.more}".removesuffix(" ") for one in card.said],
        since=_since(row, card),
        patient=_named(card.patient) if card.patient else "",
        what=card.what,
        where=card.where,
        ring=[f"{one.person}, {one.why}: {one.phone or 'no telephone known'}" for one in card.ring],
        note=card.note,
    )


def _since(row: Row, card: Card) -> str:
    due = card.due_at
    return f"Due {words.until(due)}" if due else f"Since {words.when(row.since)}"


def _named(patient: Patient) -> str:
    born = f", born {words.day(patient.birth_date)}" if patient.birth_date else ""
    number = f", NHS number {words.nhs_number(patient.nhs_number)}" if patient.nhs_number else ""
    return f"{patient.display_name}{born}{number}"


# --- What was done --------------------------------------------------------------------------------


def _done(person: Person, began_at: datetime, now: datetime) -> tuple[list[Line], int]:
    """By coordinators of the trust: the newest of it in its order, and how much there was."""
    colleagues = Person.objects.filter(organisation=person.organisation_id).with_role(
        Role.COORDINATOR
    )
    deeds = Event.objects.filter(by__in=colleagues, kind__in=BY_HAND)
    deeds = deeds.filter(
        at__gte=began_at, at__lte=now, finding__organisation=person.organisation_id
    )
    dealt = Receipt.objects.visible_to(person).filter(resolved_by__in=colleagues)
    dealt = dealt.filter(resolved_at__gte=began_at, resolved_at__lte=now)
    said = deeds.select_related("finding", "by").only(*_OF_A_DEED)
    newest = _first(said.order_by("-at", "-pk"))
    done = dealt.select_related("resolved_by").only(*_OF_AN_ITEM)
    last = _first(done.order_by("-resolved_at", "-pk"))
    lines = sorted([*map(_deed, newest), *map(_dealt, last)], key=lambda one: one[0])
    every = _number(newest, deeds) + _number(last, dealt)
    return [line for _, line in lines[-MOST_LINES:]], every


def _name(of: str) -> list[str]:
    return [f"{of}__{part}" for part in ("title", "given_name", "family_name")]


# Of each the words of a line: they are many rows of many columns.
_OF_A_DEED = ("kind", "at", "data", "finding__reference", *_name("by"))
_OF_AN_ITEM = ("resolved_at", "resolution", *_name("resolved_by"))


def _first(rows: QuerySet[Any]) -> list[Any]:
    return list(rows[:MOST_LINES])


def _number(first: Sequence[object], rows: QuerySet[Any]) -> int:
    """Asked for only where there may be more than was read."""
    return rows.count() if len(first) == MOST_LINES else len(first)


def _deed(event: Event) -> tuple[datetime, Line]:
    said = say(event)
    text = said.whole
    return event.at, Line(words.when(event.at), event.finding.reference, text, str(event.by))


def _dealt(item: Receipt) -> tuple[datetime, Line]:
    assert item.resolved_at is not None
    when, by = words.when(item.resolved_at), str(item.resolved_by)
    return item.resolved_at, Line(when, f"Held item {item.pk}", item.resolution, by)


# --- What falls due -------------------------------------------------------------------------------


def _due(person: Person, now: datetime, until_at: datetime) -> tuple[list[Line], int]:
    """Limits of the trust within the next shift, the earliest first; and how many there are."""
    trust = person.organisation_id
    ours = Q(finding__organisation=trust) | Q(examination__site__organisation=trust)
    clocks = Clock.objects.running().exclude(kind__in=OWED_BY_OTHERS).filter(ours)
    soon = clocks.filter(due_at__gt=now, due_at__lte=until_at).order_by("due_at", "pk")
    first = _first(soon.select_related(*_READ).only(*_OF_A_LIMIT))
    return list(_limits(first)), _number(first, soon)


_READ = ("finding__owner_person", "finding__owner_team", "finding__category", "examination__site")
_OF_A_LIMIT = (
    "kind",
    "due_at",
    "finding__reference",
    "finding__category__name",
    *_name("finding__owner_person"),
    "finding__owner_team__name",
    "examination__public_id",
    "examination__accession",
    "examination__site__name",
)


def _limits(clocks: Iterable[Clock]) -> Iterable[Line]:
    for clock in clocks:
        promise, at = PROMISES[ClockKind(clock.kind)], words.until(clock.due_at)
        if finding := clock.finding:
            about = f"{finding.category.name} {finding.reference}"
            yield Line(at, about, promise, str(finding.owner))
        elif examination := clock.examination:
            about = f"Examination {examination.reference}"
            yield Line(at, about, promise, examination.site.name)
