"""What stands on the coordinators' desk: for each reason the rows of which it is true now.

Nothing is kept: a row leaves the desk once what it says is no longer true (docs/adr/0036). Each
question gives the key of a row, the priority of its category and since when it stands; `standing`
asks them all in one statement. presenters/reasons.py says what they are called, and in which order.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from findings.measures.feeds import Silence, silent_feeds
from findings.models import (
    Category,
    Clock,
    Event,
    Examination,
    Finding,
    HandOver,
    Membership,
    Person,
    PhoneCall,
    Proposal,
    Question,
    Receipt,
    Step,
    Team,
    Unroutable,
)
from findings.states import BY_STATE, OPEN, ClockKind, State
from findings.words import PRESSING, local

# Of what has no category: after every category.
NO_CATEGORY = 9
OF_FINDING = F("finding__category__priority")

Kind = Event.Kind
# After a call these say that it has not helped, or that somebody else has to be rung.
NEWS = (
    Kind.STEP_FIRED,
    Kind.STEP_UNREACHABLE,
    Kind.SEND_FAILED,
    Kind.DECLINED,
    Kind.HANDED_OVER,
    Kind.REOPENED,
    Kind.CATEGORY_CHANGED,
)
# What settles whose it is.
SETTLES = (Kind.HANDED_OVER, Kind.ACKNOWLEDGED, Kind.REOPENED)


@dataclass(frozen=True)
class Asked:
    """By whom and when, and of which open findings: those of the trust whose coordinator asks, or
    fewer."""

    person: Person
    now: datetime
    # By the fields of a finding.
    only: Mapping[str, Any] = field(default_factory=dict)

    def open(self, of: str = "finding__") -> Q:
        """A condition on what the rows belong to: a join where a list of findings would be read for
        each reason."""
        trust = self.person.organisation_id
        here = {"organisation": trust, "state__in": OPEN, **self.only}
        return Q(**{f"{of}{name}": value for name, value in here.items()})

    @property
    def today(self) -> datetime:
        """When this day began. No guidance says how long an offer, a question or a telephone call
        may wait: where the trust has made no number of it, what is of an earlier day is on the
        desk, and a call of an earlier day puts nothing last."""
        return local(self.now).replace(hour=0, minute=0, second=0, microsecond=0)


class Standing(NamedTuple):
    """One reason that is true of one row now."""

    reason: str
    # Of a finding, a receipt, a proposal, an examination or a sender: the reason says of which.
    pk: int
    priority: int
    since: datetime


Query = Callable[[Asked], "QuerySet[Any]"]


def standing(queries: Mapping[str, Query], asked: Asked) -> list[Standing]:
    """Every row of every reason, in one statement. A question that several reasons share is asked
    once, and says itself of which each row is."""
    shared: dict[Query, list[str]] = {}
    for code, query in queries.items():
        shared.setdefault(query, []).append(code)
    parts = [_named(codes, query(asked)) for query, codes in shared.items()]
    return [Standing(*row) for row in parts[0].union(*parts[1:], all=True)]


def _named(codes: Sequence[str], rows: "QuerySet[Any]") -> "QuerySet[Any]":
    rows = rows.order_by()
    if len(codes) == 1:
        rows = rows.annotate(code=Value(codes[0], output_field=CharField()))
    return rows.values_list("code", "row", "priority", "since")


def _rows(
    rows: "QuerySet[Any]", row: str, since: str | Combinable, priority: Any = OF_FINDING
) -> "QuerySet[Any]":
    since = F(since) if isinstance(since, str) else since
    return rows.annotate(row=F(row), priority=priority, since=since)


def _no_category() -> Value:
    return Value(NO_CATEGORY, output_field=IntegerField())


# --- Findings -----------------------------------------------------------------------------------


def unroutable(asked: Asked) -> "QuerySet[Any]":
    """The last check found that nobody can be told."""
    queued = Unroutable.objects.standing().filter(asked.open())
    return _rows(queued, "finding_id", "since_at")


def ladder_at_its_end(asked: Asked) -> "QuerySet[Any]":
    """Everybody whom the ladder names was told, and nobody has answered."""
    clocks = _at_their_end(Clock.objects.running(*BY_STATE).filter(asked.open()))
    return _rows(clocks, "finding_id", "due_at")


def _at_their_end(clocks: "QuerySet[Clock]") -> "QuerySet[Clock]":
    return clocks.filter(~Exists(Step.objects.unfired().filter(clock=OuterRef("pk"))))


def owner_left(asked: Asked) -> "QuerySet[Any]":
    since = Coalesce("owner_person__left_at", "flagged_at")
    left = Finding.objects.owner_left().filter(asked.open(""))
    return _rows(left, "pk", since, F("category__priority"))


def bounced(asked: Asked) -> "QuerySet[Any]":
    """A message was refused for good, and nothing says that its recipient heard all the same."""
    for_good = ~Q(data__contains={"again": True})
    failed = Event.objects.filter(asked.open(), for_good, kind=Kind.SEND_FAILED)
    later = Event.objects.filter(finding=OuterRef("finding"), number__gt=OuterRef("number"))
    # In the application they hear of it only once they look.
    heard = Q(kind=Kind.SENT, data__to=OuterRef("data__to")) & ~Q(data__channel="in_app")
    read = Q(kind=Kind.READ, by=OuterRef("finding__owner_person"))
    # One look at what came after, and not three.
    heard_all_the_same = Exists(later.filter(heard | read | Q(kind__in=SETTLES)))
    return _rows(failed.filter(~heard_all_the_same), "finding_id", "at")


def declined_twice(asked: Asked) -> "QuerySet[Any]":
    """Two said that it is not theirs, and nobody has settled whose it is."""
    awaiting = Q(finding__state=State.AWAITING)
    declined = Event.objects.filter(asked.open(), awaiting, kind=Kind.DECLINED)
    settled = Event.objects.filter(
        finding=OuterRef("finding"), number__gt=OuterRef("number"), kind__in=SETTLES
    )
    unsettled = declined.filter(~Exists(settled))
    before = Event.objects.filter(
        finding=OuterRef("finding"), number__lt=OuterRef("number"), kind=Kind.DECLINED
    )
    return _rows(unsettled.filter(Exists(before.filter(~Exists(settled)))), "finding_id", "at")


def late(asked: Asked) -> "QuerySet[Any]":
    """Whatever was promised and is not kept, in one look: which reason it is follows from the
    promise, and of an answer from whether somebody who could give it has opened the finding."""
    clocks = Clock.objects.running(*LATE).filter(asked.open())
    which = Case(
        When(kind=ClockKind.ACT, then=Value("forgotten")),
        When(kind=ClockKind.FOLLOW_UP, then=Value("result_late")),
        When(kind=ClockKind.TELL_PATIENT, then=Value("patient_not_told")),
        When(_read(), then=Value("late_read")),
        default=Value("late_unread"),
    )
    overdue = clocks.filter(due_at__lte=asked.now).annotate(code=which)
    return _rows(overdue, "finding_id", "due_at")


LATE = (ClockKind.ACKNOWLEDGE, ClockKind.ACT, ClockKind.FOLLOW_UP, ClockKind.TELL_PATIENT)


def _read() -> Exists:
    """Of a clock: whoever holds its finding, or somebody of the team, has opened it since."""
    read = Event.objects.filter(
        finding=OuterRef("finding"), kind=Kind.READ, at__gte=OuterRef("finding__counts_from")
    )
    theirs = Q(by=OuterRef("finding__owner_person"))
    return Exists(read.filter(theirs | Q(by__memberships__team=OuterRef("finding__team"))))


def offer_unanswered(asked: Asked) -> "QuerySet[Any]":
    open_ones = HandOver.objects.open().filter(asked.open())
    return _rows(open_ones.filter(offered_at__lt=asked.today), "finding_id", "offered_at")


def question_unanswered(asked: Asked) -> "QuerySet[Any]":
    """Past the trust's limit for an answer; where it has none, of an earlier day."""
    limits = Clock.objects.running(ClockKind.ANSWER).filter(question=OuterRef("pk"))
    limit = Subquery(limits.values("due_at")[:1])
    open_ones = Question.objects.open().filter(asked.open()).annotate(limit=limit)
    old = Q(limit__lte=asked.now) | Q(limit=None, asked_at__lt=asked.today)
    return _rows(open_ones.filter(old), "finding_id", Coalesce("limit", "asked_at"))


def rung(asked: Asked) -> "QuerySet[Any]":
    """Somebody was telephoned today, and nothing has happened since that asks for another call."""
    news = Event.objects.filter(
        finding=OuterRef("finding"), at__gt=OuterRef("recorded_at"), kind__in=NEWS
    )
    calls = PhoneCall.objects.filter(asked.open(), called_at__gte=asked.today)
    return _rows(calls.filter(~Exists(news)), "finding_id", "called_at")


# --- What is not a finding yet, or no finding at all ---------------------------------------------


def held(asked: Asked) -> "QuerySet[Any]":
    """What arrived and could not be filed; which reason it is follows from whether it says of
    itself that somebody must act."""
    waiting = Receipt.objects.visible_to(asked.person).waiting()
    which = Case(When(alert_due_at=None, then=Value("held")), default=Value("held_alert"))
    of_code = Category.objects.filter(code=OuterRef("alert")).values("priority")[:1]
    priority = Coalesce(Subquery(of_code), _no_category())
    return _rows(waiting.annotate(code=which), "pk", "at", priority)


def to_confirm(asked: Asked) -> "QuerySet[Any]":
    """Nobody has said whether it is a finding, and soon it is flagged all the same."""
    open_ones = Proposal.objects.visible_to(asked.person).open()
    soon = open_ones.filter(due_at__lte=asked.now + PRESSING)
    return _rows(soon, "pk", "proposed_at", F("category__priority"))


def unroutable_wait(asked: Asked) -> "QuerySet[Any]":
    """Nobody can be told that its report has not come."""
    queued = Unroutable.objects.visible_to(asked.person).standing()
    waiting = queued.filter(examination__in=Examination.objects.waiting())
    return _rows(waiting, "examination_id", "since_at", _no_category())


def wait_at_its_end(asked: Asked) -> "QuerySet[Any]":
    waits = Clock.objects.running(ClockKind.REPORT_BY)
    here = waits.filter(examination__site__organisation=asked.person.organisation_id)
    return _rows(_at_their_end(here), "examination_id", "due_at", _no_category())


def wait_without_team(asked: Asked) -> "QuerySet[Any]":
    """Its report is late, and of its site no reporting team hears of that (`told_of_waiting`): the
    coordinators do, who report nothing."""
    working = Membership.objects.filter(team=OuterRef("pk"), person__is_active=True)
    hears = Team.objects.filter(
        Q(site=None) | Q(site=OuterRef("examination__site")),
        Exists(working),
        kind=Team.Kind.REPORTING,
        organisation=OuterRef("examination__site__organisation"),
    )
    waits = Clock.objects.running(ClockKind.REPORT_BY).filter(due_at__lte=asked.now)
    here = waits.filter(examination__site__organisation=asked.person.organisation_id)
    return _rows(here.filter(~Exists(hears)), "examination_id", "due_at", _no_category())


def silent(person: Person, now: datetime) -> dict[int, Silence]:
    """By sender: those of the trust that have sent nothing for longer than is usual."""
    trust = person.organisation_id
    every = (one for one in silent_feeds(now) if one.sender.organisation_id == trust)
    return {one.sender.pk: one for one in every}


def silences(reason: str, found: Iterable[Silence]) -> list[Standing]:
    """As rows of the desk: what a silent feed holds back may be anything."""
    return [Standing(reason, one.sender.pk, NO_CATEGORY, one.last_at) for one in found]
