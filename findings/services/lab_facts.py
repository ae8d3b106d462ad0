"""What is recorded of the promises under a rule, read at once for the replay (ladder_replay.py)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import Q

from findings.columns import column
from findings.ladder_replay import RecordedClock, RecordedPause, RecordedStep
from findings.models import Clock, Organisation, Pause, Rule, Site
from findings.rule_content import RuleContent, content_of
from findings.services.calendars import calendar
from findings.services.policy_checks import NUMBER_OF
from findings.states import ClockKind
from findings.timetable import Calendar

_OF_A_FINDING = (ClockKind.ACKNOWLEDGE, ClockKind.ACT, ClockKind.FOLLOW_UP)


@dataclass(frozen=True)
class Case:
    """One clock as it was, with whose it is."""

    pk: int
    subject: tuple[str, int]
    kind: ClockKind
    rule_id: int
    recorded: RecordedClock
    # The clock in whose stead it ran, and why that one stopped.
    replaces: int | None
    replaced_because: str
    is_running: bool
    team_id: int | None
    site_id: int
    owner: tuple[str, int] | None
    flagged_by: int | None
    # Under the rule that is asked about, and started in the time that is asked about.
    counts: bool
    # Who was told at each moment at which something fired: ids of people.
    told: Mapping[datetime, frozenset[int]] = field(default_factory=dict)


CLOCKS = """
    SELECT c.id, c.kind, c.rule_id, c.started_at, c.due_at, c.stopped_at, c.replaces_id,
        coalesce(b.stopped_because, ''), c.finding_id, c.examination_id,
        f.team_id, coalesce(f.site_id, e.site_id), f.owner_person_id, f.owner_team_id,
        f.flagged_by_id, b.stopped_because = 'category' AND EXISTS (
            SELECT 1 FROM findings_categorychange g WHERE g.finding_id = c.finding_id
                AND g.changed_at = b.stopped_at AND g.later_because <> ''),
        r.policy_id = %(policy)s AND c.started_at >= %(since)s
    FROM findings_clock c
    JOIN findings_rule r ON r.id = c.rule_id
    LEFT JOIN findings_clock b ON b.id = c.replaces_id
    LEFT JOIN findings_finding f ON f.id = c.finding_id
    LEFT JOIN findings_examination e ON e.id = c.examination_id
    WHERE {which}
    ORDER BY c.finding_id, c.examination_id, c.id
"""
# Every clock that follows the state of a finding, if any of these is concerned: one may replace
# another of another kind.
OF_FINDINGS = """
    c.kind = ANY(%(kinds)s) AND c.finding_id IN (
        SELECT one.finding_id FROM findings_clock one
        JOIN findings_rule its ON its.id = one.rule_id
        JOIN findings_finding of ON of.id = one.finding_id
        WHERE its.policy_id = %(policy)s AND one.started_at >= %(since)s
            AND of.organisation_id = %(organisation)s)
"""
OF_OTHERS = """
    c.kind = ANY(%(kinds)s) AND r.policy_id = %(policy)s AND c.started_at >= %(since)s
    AND coalesce(f.organisation_id,
        (SELECT s.organisation_id FROM findings_site s WHERE s.id = e.site_id)) = %(organisation)s
"""
# Those that say what happened: what was still to come when a clock stopped does not.
STEPS = """
    SELECT s.clock_id, s.id, s.level, s.audience, s.falls_at, s.brought_forward_to, s.fired_at
    FROM findings_step s JOIN findings_clock c ON c.id = s.clock_id
    WHERE s.clock_id = ANY(%s::bigint[]) AND s.level > 0
        AND (s.fired_at IS NOT NULL OR s.brought_forward_to IS NOT NULL
            OR s.falls_at <= coalesce(c.stopped_at, %s))
"""
# The nth clock of a kind was set up by the nth line that says so.
SET_UP = """
    SELECT c.id, e.at FROM (
        SELECT id, finding_id, kind, row_number() OVER (PARTITION BY finding_id, kind ORDER BY id) n
        FROM findings_clock WHERE finding_id = ANY(%(findings)s::bigint[])) c
    JOIN (
        SELECT finding_id, data ->> 'clock' AS kind, at,
            row_number() OVER (PARTITION BY finding_id, data ->> 'clock' ORDER BY number) n
        FROM findings_event
        WHERE kind = 'clock_started' AND finding_id = ANY(%(findings)s::bigint[])) e
    USING (finding_id, kind, n)
"""
# By the moment at which they were written: the messages of one look of the engine.
TOLD = """
    SELECT DISTINCT s.clock_id, s.fired_at, n.recipient_id
    FROM findings_step s JOIN notifications_notification n ON n.step_id = s.id
    WHERE s.clock_id = ANY(%s::bigint[]) AND s.level > 0 AND s.fired_at IS NOT NULL
"""


class Facts:
    """The promises of one trust under one rule since a moment, with all that was recorded of
    them."""

    def __init__(
        self,
        organisation: Organisation,
        policy_id: str,
        kinds: Iterable[ClockKind],
        since: datetime,
        until: datetime,
    ) -> None:
        self.organisation, self.policy_id = organisation, policy_id
        self.kinds, self.since, self.until = tuple(kinds), since, until

    @cached_property
    def contents(self) -> dict[int, RuleContent]:
        """What each version said under which any of these clocks ran."""
        rules = Rule.objects.filter(pk__in={row[2] for row in self._rows})
        read = rules.prefetch_related("rungs")
        return {rule.pk: content_of(rule, rule.rungs.all()) for rule in read}

    @cached_property
    def _rows(self) -> list[tuple]:
        of_state = ClockKind.ACKNOWLEDGE in self.kinds
        asked = {
            "policy": self.policy_id,
            "since": self.since,
            "organisation": self.organisation.pk,
            "kinds": [str(one) for one in (_OF_A_FINDING if of_state else self.kinds)],
        }
        sql = CLOCKS.format(which=OF_FINDINGS if of_state else OF_OTHERS)
        return _read(sql, asked)

    @cached_property
    def _nations(self) -> dict[int, str]:
        sites = Site.objects.filter(organisation=self.organisation).select_related("organisation")
        return {site.pk: site.whose_holidays for site in sites}

    @cached_property
    def _calendars(self) -> dict[tuple[str, str], Calendar]:
        return {}

    def days(self, case: Case, kind: str) -> Calendar:
        """How days count where the images were made; each nation is asked once."""
        nation = self._nations.get(case.site_id, "")
        if (kind, nation) not in self._calendars:
            site = Site.objects.select_related("organisation").filter(pk=case.site_id).first()
            self._calendars[kind, nation] = calendar(kind, site)
        return self._calendars[kind, nation]

    def by_subject(self) -> Iterator[list[Case]]:
        """The clocks of each finding or examination in the order in which they were started."""
        group: list[Case] = []
        for case in self._cases():
            if group and group[-1].subject != case.subject:
                yield group
                group = []
            group.append(case)
        if group:
            yield group

    def _cases(self) -> Iterator[Case]:
        rows = self._rows
        if not rows:
            return
        clocks = column(row[0] for row in rows)
        findings = {row[8] for row in rows if row[8]}
        set_up = dict(_read(SET_UP, {"findings": column(findings)})) if findings else {}
        steps = self._steps(clocks)
        pauses = self._pauses()
        told: dict[int, dict[datetime, set[int]]] = defaultdict(lambda: defaultdict(set))
        for clock, at, person in _read(TOLD, [clocks]):
            told[clock][at].add(person)
        asked_before: set[int] = set()
        for pk, kind, rule_id, start, due, stop, replaces, because, *whose in rows:
            finding, examination, team, site, owner, owner_team, flagged_by, later, counts = whose
            is_answer = kind == ClockKind.ACKNOWLEDGE
            number = NUMBER_OF.get(ClockKind(kind), "")
            yield Case(
                pk,
                ("finding", finding) if finding else ("examination", examination),
                ClockKind(kind),
                rule_id,
                RecordedClock(
                    started_at=start,
                    set_up_at=max(set_up.get(pk, start), start),
                    due_at=due,
                    ends_at=stop or self.until,
                    within=getattr(self.contents[rule_id], number) if number else "",
                    tells_at_once=is_answer and finding in asked_before,
                    may_be_later=bool(later),
                    steps=tuple(steps.get(pk, ())),
                    pauses=tuple(pauses.get(pk, ())),
                ),
                replaces,
                because,
                stop is None,
                team,
                site,
                ("person", owner) if owner else ("team", owner_team) if owner_team else None,
                flagged_by,
                bool(counts) and kind in self.kinds,
                {at: frozenset(people) for at, people in told.get(pk, {}).items()},
            )
            if is_answer:
                asked_before.add(finding)

    def _steps(self, clocks: str) -> dict[int, list[RecordedStep]]:
        found: dict[int, list[RecordedStep]] = defaultdict(list)
        for clock, _, level, audience, falls_at, brought, fired in _read(
            STEPS, [clocks, self.until]
        ):
            found[clock].append(RecordedStep(level, audience, falls_at, brought, fired))
        return found

    def _pauses(self) -> dict[int, list[RecordedPause]]:
        found: dict[int, list[RecordedPause]] = defaultdict(list)
        of = Q(clock__rule__policy_id=self.policy_id, clock__started_at__gte=self.since)
        for pause in Pause.objects.filter(of).order_by("pk"):
            found[pause.clock_id].append(
                RecordedPause(
                    pause.started_at,
                    pause.until_at,
                    pause.ended_at,
                    only_owner=pause.kind == Pause.Kind.SNOOZE,
                )
            )
        return found


def _read(sql: str, given: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return list(cursor.fetchall())


HANDED_OVER = Clock.StoppedBecause.HANDED_OVER
CATEGORY = Clock.StoppedBecause.CATEGORY
