"""What is recorded of the promises under a rule, read at once for the replay (ladder_replay.py)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection

from findings.columns import column
from findings.ladder_replay import RecordedClock, RecordedPause, RecordedStep
from findings.models import Clock, Organisation, Pause, Rule, Site
from findings.rule_content import RuleContent, content_of
from findings.services.calendars import calendar
from findings.services.policy_checks import CLASS_OF, NUMBER_OF, REPORT_POLICY
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


# As all was at one moment: what was written since then is not read.
CLOCKS = """
    SELECT c.id, c.kind, c.rule_id, c.started_at, c.due_at,
        CASE WHEN c.stopped_at <= %(until)s THEN c.stopped_at END, c.replaces_id,
        coalesce(b.stopped_because, ''), c.finding_id, c.examination_id,
        f.team_id, coalesce(f.site_id, e.site_id), f.owner_person_id, f.owner_team_id,
        f.flagged_by_id, b.stopped_because = 'category' AND EXISTS (
            SELECT 1 FROM findings_categorychange g WHERE g.finding_id = c.finding_id
                AND g.changed_at = b.stopped_at AND g.later_because <> ''),
        r.policy_id = ANY(%(policies)s) AND c.started_at >= %(since)s
    FROM findings_clock c
    JOIN findings_rule r ON r.id = c.rule_id
    LEFT JOIN findings_clock b ON b.id = c.replaces_id
    LEFT JOIN findings_finding f ON f.id = c.finding_id
    LEFT JOIN findings_examination e ON e.id = c.examination_id
    WHERE c.kind = ANY(%(kinds)s) AND c.started_at <= %(until)s AND {of} = ANY(%(only)s::bigint[])
    ORDER BY c.finding_id, c.examination_id, c.id
"""
# Whose promises are asked about. Of a finding every clock is read that follows its state, whatever
# its rule: one may replace another of another kind.
SUBJECTS = """
    SELECT DISTINCT {of} FROM findings_clock c
    JOIN findings_rule r ON r.id = c.rule_id
    LEFT JOIN findings_finding f ON f.id = c.finding_id
    LEFT JOIN findings_examination e ON e.id = c.examination_id
    LEFT JOIN findings_site s ON s.id = e.site_id
    WHERE c.kind = ANY(%(kinds)s) AND r.policy_id = ANY(%(policies)s)
        AND c.started_at BETWEEN %(since)s AND %(until)s
        AND coalesce(f.organisation_id, s.organisation_id) = %(organisation)s
        AND (%(setting)s = '' OR e.setting = %(setting)s)
    ORDER BY 1
"""
# Those that say what happened: what was still to come when a clock stopped does not.
STEPS = """
    SELECT s.clock_id, s.level, s.audience, s.falls_at,
        CASE WHEN s.brought_forward_to <= %(until)s THEN s.brought_forward_to END,
        CASE WHEN s.fired_at <= %(until)s THEN s.fired_at END
    FROM findings_step s JOIN findings_clock c ON c.id = s.clock_id
    WHERE s.clock_id = ANY(%(clocks)s::bigint[]) AND s.level > 0
        AND (s.fired_at IS NOT NULL OR s.brought_forward_to IS NOT NULL
            OR s.falls_at <= least(c.stopped_at, %(until)s))
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
    WHERE s.clock_id = ANY(%(clocks)s::bigint[]) AND s.level > 0 AND s.fired_at <= %(until)s
"""


# So many findings, or examinations, are held in memory at once.
AT_ONCE = 2000


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
        only: Sequence[int] | None = None,
    ) -> None:
        self.organisation, self.policy_id = organisation, policy_id
        self.kinds, self.since, self.until = tuple(kinds), since, until
        self._only = only

    @cached_property
    def subjects(self) -> Sequence[int]:
        """Ids of findings, or of examinations where the rule is about these."""
        if self._only is not None:
            return self._only
        own = {"kinds": [str(one) for one in self.kinds], "setting": self._setting}
        asked = self._asked | own | {"organisation": self.organisation.pk}
        return [row[0] for row in _read(SUBJECTS.format(of=self._of), asked)]

    def portions(self) -> Iterator["Facts"]:
        """The same by a few thousand subjects, each to be read by itself."""
        given = self.organisation, self.policy_id, self.kinds, self.since, self.until
        for start in range(0, len(self.subjects), AT_ONCE):
            yield Facts(*given, only=self.subjects[start : start + AT_ONCE])

    @property
    def _setting(self) -> str:
        """Of a limit for a class of examinations: which."""
        return CLASS_OF.get(self.policy_id, "")

    @property
    def _asked(self) -> dict[str, Any]:
        # What a class of examinations had before it got a limit of its own.
        before = [REPORT_POLICY] if self._setting else []
        return {
            "policies": [self.policy_id, *before],
            "since": self.since,
            "until": self.until,
        }

    @property
    def _of(self) -> str:
        about = {ClockKind.REPORT_BY, ClockKind.CONFIRM}.intersection(self.kinds)
        return "c.examination_id" if about else "c.finding_id"

    @cached_property
    def contents(self) -> dict[int, RuleContent]:
        """What each version said under which any of these clocks ran."""
        rules = Rule.objects.filter(pk__in={row[2] for row in self._rows})
        read = rules.prefetch_related("rungs")
        return {rule.pk: content_of(rule, rule.rungs.all()) for rule in read}

    @cached_property
    def _rows(self) -> list[tuple]:
        kinds = _OF_A_FINDING if ClockKind.ACKNOWLEDGE in self.kinds else self.kinds
        only = {"only": column(self.subjects), "kinds": [str(one) for one in kinds]}
        return _read(CLOCKS.format(of=self._of), self._asked | only)

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
        asked = {"clocks": clocks, "until": self.until}
        steps = self._steps(asked)
        pauses = self._pauses([row[0] for row in rows])
        told: dict[int, dict[datetime, set[int]]] = defaultdict(lambda: defaultdict(set))
        for clock, at, person in _read(TOLD, asked):
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

    def _steps(self, asked: Mapping[str, Any]) -> dict[int, list[RecordedStep]]:
        found: dict[int, list[RecordedStep]] = defaultdict(list)
        for clock, *step in _read(STEPS, asked):
            found[clock].append(RecordedStep(*step))
        return found

    def _pauses(self, clocks: Sequence[int]) -> dict[int, list[RecordedPause]]:
        found: dict[int, list[RecordedPause]] = defaultdict(list)
        for pause in Pause.objects.filter(clock__in=clocks).order_by("pk"):
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
