"""The policy lab: a draft is replayed against the real cases of the last twelve months.

Each promise is first replayed under the rule that it ran by. Only where that brings out what is
recorded, to the microsecond, is it replayed under the draft; the others are counted as they were,
and the page says how many they are (docs/adr/0048).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from findings import reach
from findings.ladder_replay import (
    Firing,
    Replayed,
    Shape,
    as_recorded,
    plan,
)
from findings.ladder_replay import replay as climb
from findings.models import Audience, Examination, Finding
from findings.models.policy_draft import MINUTES_LEFT
from findings.rule_content import RuleContent
from findings.services.lab_facts import CATEGORY, HANDED_OVER, Case, Facts
from findings.services.policy_checks import NUMBER_OF
from findings.services.timeline import database_now
from findings.states import ClockKind
from findings.timetable import PlannedStep

MINUTE = timedelta(minutes=1)
_NUMBERS = (
    *("cases", "running", "as_they_were", "changed"),
    *("late", "would_be_late", "late_told_earlier", "might_be_avoided"),
    *MINUTES_LEFT,
)


def _how_long(minutes: int) -> str:
    """Which of the spans that the page shows."""
    return next(name for name, (least, _) in MINUTES_LEFT.items() if minutes >= least)


@dataclass(frozen=True)
class Outcome:
    """One promise as it was, and as it would have been."""

    case: Case
    was: tuple[Firing, ...]
    would_be: Replayed
    # False: it was set up in a way that is not replayed, and counts as it was.
    is_replayed: bool

    @property
    def was_late(self) -> bool:
        return self.case.recorded.ends_at > self.case.recorded.due_at

    @property
    def would_be_late(self) -> bool:
        return self.case.recorded.ends_at > self.would_be.due_at

    @property
    def is_changed(self) -> bool:
        """Somebody is told at another moment, or it is late or is not any more. That the limit
        alone lies elsewhere changes nothing that anybody would have noticed."""
        return self.was != self.would_be.fired or self.was_late != self.would_be_late

    @property
    def earlier(self) -> tuple[timedelta, str]:
        """By how much somebody would have been told earlier than in fact, and who: of those whose
        step falls before the limit that was promised, whoever gains most. Whoever was not told
        until the end is compared with the end."""
        was = _first(self.was)
        end = self.case.recorded.ends_at
        gains = [
            (was.get(audience, end) - at, audience)
            for audience, at in _first(self.would_be.fired).items()
            if at <= self.case.recorded.due_at and at < was.get(audience, end)
        ]
        return max(gains, default=(timedelta(0), ""))

    @property
    def left_to_avoid(self) -> timedelta:
        """Of what was late in fact: how long before its limit somebody further on the ladder would
        have been told, who in fact was told after it or not at all. Nothing where nobody, or
        where it is known that nobody of them could be told."""
        due_at, told = self.case.recorded.due_at, self.case.told
        if not self.was_late:
            return timedelta(0)
        was = _first(self.was)
        out_of_reach = {one.audience for one in self.was if not told.get(one.at)}
        moments = [
            at
            for audience, at in _first(self.would_be.fired).items()
            if at < due_at and was.get(audience, due_at) >= due_at and audience not in out_of_reach
        ]
        return max((due_at - at for at in moments), default=timedelta(0))


def _first(fired: Iterable[Firing]) -> dict[str, datetime]:
    first: dict[str, datetime] = {}
    for one in fired:
        first.setdefault(one.audience, one.at)
    return first


# --- One case after another ---------------------------------------------------------------------


def outcomes(
    facts: Facts, draft: RuleContent, heard: Callable[[int], object] = lambda done: None
) -> Iterator[Outcome]:
    """Every promise that is asked about, under the draft. `heard` is told, now and then, of how
    many findings or examinations that is already."""
    done = 0
    for portion in facts.portions():
        for cases in portion.by_subject():
            yield from _Chain(portion, draft).run(cases)
        done += len(portion.subjects)
        heard(done)


class _Chain:
    """The promises of one finding: one may replace another, and is bound by its limit."""

    def __init__(self, facts: Facts, draft: RuleContent) -> None:
        self.facts, self.draft = facts, draft
        self.then: dict[int, Replayed] = {}
        self.would: dict[int, Replayed] = {}
        self.asked: int = 0

    def run(self, cases: Sequence[Case]) -> Iterator[Outcome]:
        for case in cases:
            was = as_recorded(case.recorded)
            shape = self._shape(case, was)
            if shape is None:
                recorded = case.recorded
                kept = Replayed(recorded.started_at, recorded.due_at, was)
                self.then[case.pk] = self.would[case.pk] = kept
            elif case.counts and not self._is_the_same(case):
                self.would[case.pk] = self._climb(case, self.draft, shape, self.would)
            else:
                self.would[case.pk] = self.then[case.pk]
            if case.kind == ClockKind.ACKNOWLEDGE:
                self.asked = case.pk
            if case.counts:
                yield Outcome(case, was, self.would[case.pk], shape is not None)

    def _is_the_same(self, case: Case) -> bool:
        """The draft leaves this ladder alone, and nothing that it hangs on has moved."""
        rule, number = self.facts.contents[case.rule_id], NUMBER_OF.get(case.kind, "calendar")
        before = (case.replaces or 0, self.asked)
        return (
            rule.calendar == self.draft.calendar
            and getattr(rule, number) == getattr(self.draft, number)
            and rule.of_clock(case.kind) == self.draft.of_clock(case.kind)
            and all(self.then.get(one) == self.would.get(one) for one in before)
        )

    def _shape(self, case: Case, was: tuple[Firing, ...]) -> Shape | None:
        """How its ladder was set up: whatever brings out what is recorded."""
        rule = self.facts.contents[case.rule_id]
        expected = [(one.at, one.level) for one in was]
        for shape in _shapes(case):
            found = self._climb(case, rule, shape, self.then)
            came_out = [(one.at, one.level) for one in found.fired]
            if came_out == expected and found.due_at == case.recorded.due_at:
                self.then[case.pk] = found
                return shape
        return None

    def _climb(
        self, case: Case, rule: RuleContent, shape: Shape, known: dict[int, Replayed]
    ) -> Replayed:
        number = NUMBER_OF.get(case.kind, "")
        recorded = case.recorded
        if shape in (Shape.AS_BEFORE, Shape.NEXT_CATEGORY):  # nobody is asked anew
            recorded = replace(recorded, tells_at_once=False)
        start, due_at, ladder = plan(
            recorded,
            rule.of_clock(case.kind),
            getattr(rule, number) if number else "",
            self.facts.days(case, rule.calendar),
            shape,
            known.get(case.replaces or 0),
            known.get(self.asked),
        )
        came_out = climb(recorded, start, due_at, ladder)
        before = known.get(case.replaces or 0)
        if shape == Shape.NEXT_CATEGORY and before:
            return replace(came_out, told_before=before.told)
        return came_out


def _shapes(case: Case) -> Sequence[Shape]:
    if case.replaces is None:
        return (Shape.OWN,)
    if case.replaced_because == HANDED_OVER:
        return (Shape.NEXT_OWNER, Shape.AS_BEFORE)
    if case.replaced_because == CATEGORY:
        return (Shape.NEXT_CATEGORY,)
    return ()


# --- Who would have been told ------------------------------------------------------------------


class Whom(NamedTuple):
    """An audience of one case, for the roster of today."""

    audience: str
    of: tuple[str, int]


@dataclass(frozen=True)
class Telling:
    """What goes out in one look of the engine: to people who are known, and to whoever is in this
    place today."""

    known: frozenset[int]
    today: tuple[Whom, ...] = ()
    team: int = 0


def tellings_in_fact(case: Case) -> Iterator[Telling]:
    for people in case.told.values():
        yield Telling(people, team=case.team_id or 0)


def tellings_under(outcome: Outcome) -> Iterator[Telling]:
    """Those whom the same audience was in this very case; else whoever it is today."""
    case = outcome.case
    together = _together(outcome.was)
    known = {audiences: case.told.get(at, frozenset()) for at, audiences in together.items()}
    for audiences in _together(outcome.would_be.fired).values():
        if audiences in known:
            yield Telling(known[audiences], team=case.team_id or 0)
            continue
        people: set[int] = set()
        today = []
        for audience in sorted(audiences):
            if (alone := frozenset([audience])) in known:
                people |= known[alone]
            else:
                today.append(Whom(audience, _place(case, audience)))
        yield Telling(frozenset(people), tuple(today), case.team_id or 0)


def _together(fired: Iterable[Firing]) -> dict[datetime, frozenset[str]]:
    found: dict[datetime, set[str]] = {}
    for one in fired:
        found.setdefault(one.at, set()).add(one.audience)
    return {at: frozenset(audiences) for at, audiences in found.items()}


def _place(case: Case, audience: str) -> tuple[str, int]:
    """What decides who this audience is."""
    if case.subject[0] == "examination":
        return case.subject
    if audience == Audience.OWNER:
        return case.owner or case.subject
    if audience in (Audience.RESPONSIBLE, Audience.TEAM, Audience.DEPARTMENT):
        return "team", case.team_id or 0
    if audience == Audience.RADIOLOGIST:
        return "radiologist", case.flagged_by or 0
    if audience == Audience.RADIOLOGISTS:
        return "site", case.site_id
    return "trust", 0


def _today(wanted: dict[Whom, tuple[str, int]]) -> dict[Whom, frozenset[int]]:
    """Who each would be now: asked of one case of each place, all in a few queries."""
    now = database_now()
    ids = {kind: [pk for of, pk in wanted.values() if of == kind] for kind in _READ}
    rows = {
        (kind, row.pk): subject for kind, read in _READ.items() for row, subject in read(ids[kind])
    }
    asked = [(whom, rows[example]) for whom, example in wanted.items() if example in rows]
    answers = reach.previews(
        [(subject, [PlannedStep(1, now, whom.audience, "")]) for whom, subject in asked]
    )
    return {
        whom: frozenset(
            one.person.pk for one in answer[0].recipients if not one.unreachable_because
        )
        for (whom, _), answer in zip(asked, answers, strict=True)
    }


def _findings(ids: Sequence[int]) -> Iterator[tuple[Any, reach.Subject]]:
    whole = ("owner_person", "owner_team", "team", "flagged_by", "organisation", "site")
    for finding in Finding.objects.filter(pk__in=ids).select_related(*whole):
        yield finding, replace(reach.Subject.of(finding), site=finding.site)


def _examinations(ids: Sequence[int]) -> Iterator[tuple[Any, reach.Subject]]:
    every = list(Examination.objects.filter(pk__in=ids).select_related(*reach.READ_BEFORE))
    subjects = reach.waiting(every)
    for examination in every:
        yield examination, subjects[examination.pk]


_READ = {"finding": _findings, "examination": _examinations}


# --- Counted together --------------------------------------------------------------------------


@dataclass
class Tally:
    """The numbers of a replay, gathered case by case."""

    numbers: Counter[str] = field(default_factory=Counter)
    was: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    would: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    told: Counter[Telling] = field(default_factory=Counter)
    would_tell: Counter[Telling] = field(default_factory=Counter)
    examples: dict[Whom, tuple[str, int]] = field(default_factory=dict)
    # A row of ReplayedCase for each that would have gone another way.
    changed: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        case = outcome.case
        self.was.update((case.kind, one.level, one.audience) for one in outcome.was)
        fired = outcome.would_be.fired
        self.would.update((case.kind, one.level, one.audience) for one in fired)
        self.told.update(tellings_in_fact(case))
        for telling in tellings_under(outcome):
            self.would_tell[telling] += 1
            for whom in telling.today:
                self.examples.setdefault(whom, case.subject)
        gain, _ = outcome.earlier
        left = _minutes(outcome.left_to_avoid)
        self.numbers.update(
            cases=1,
            running=case.is_running,
            as_they_were=not outcome.is_replayed,
            late=outcome.was_late,
            would_be_late=outcome.would_be_late,
            late_told_earlier=outcome.was_late and gain > timedelta(0),
            might_be_avoided=left > 0,
            changed=outcome.is_changed,
        )
        if left:
            self.numbers[_how_long(left)] += 1
        if outcome.is_changed:
            self.changed.append(_row(outcome))

    def result(self) -> dict[str, Any]:
        """As it is kept: numbers, and ids of people and teams; nothing of a patient."""
        today = _today(self.examples)
        people, teams = _messages(self.told, today), _teams(self.told, today)
        would_people = _messages(self.would_tell, today)
        would_teams = _teams(self.would_tell, today)
        return {
            **{name: self.numbers[name] for name in _NUMBERS},
            "messages": sum(people.values()),
            "would_be_messages": sum(would_people.values()),
            "by_roster_of_today": sum(
                count for telling, count in self.would_tell.items() if telling.today
            ),
            "was": _listed(self.was),
            "would": _listed(self.would),
            "people": _beside(people, would_people),
            "teams": _beside(teams, would_teams),
        }


def _messages(told: Counter[Telling], today: dict[Whom, frozenset[int]]) -> Counter[int]:
    found: Counter[int] = Counter()
    for telling, count in told.items():
        for person in _people(telling, today):
            found[person] += count
    return found


def _teams(told: Counter[Telling], today: dict[Whom, frozenset[int]]) -> Counter[int]:
    """Messages about the findings of each team, whoever got them."""
    found: Counter[int] = Counter()
    for telling, count in told.items():
        if telling.team:
            found[telling.team] += count * len(_people(telling, today))
    return found


def _people(telling: Telling, today: dict[Whom, frozenset[int]]) -> frozenset[int]:
    return telling.known.union(*(today.get(whom, frozenset()) for whom in telling.today))


def _listed(counts: Counter[tuple[str, int, str]]) -> list[list[Any]]:
    return [[*key, count] for key, count in sorted(counts.items())]


def _beside(was: Counter[int], would: Counter[int]) -> list[list[int]]:
    """Whoever changes most comes first."""
    rows = [[pk, was[pk], would[pk]] for pk in was.keys() | would.keys()]
    return sorted(rows, key=lambda row: (-abs(row[2] - row[1]), -row[2], row[0]))


def _row(outcome: Outcome) -> tuple[Any, ...]:
    gain, audience = outcome.earlier
    return (
        outcome.case.pk,
        outcome.would_be.due_at,
        _minutes(gain),
        audience,
        _minutes(outcome.left_to_avoid),
        len(_together(outcome.would_be.fired)) - len(_together(outcome.was)),
        str(outcome.was_late),
        str(outcome.would_be_late),
    )


def _minutes(span: timedelta) -> int:
    """Whole ones; a part of the first is not written as none."""
    return max(int(span / MINUTE), int(span > timedelta(0)))
