"""Would this reach a human? For every open finding and every duty, before the moment comes.

The same answer as the page before a flag and the engine give (`findings/reach.py`), asked for each
step at its own moment: who works here, who is on leave then, who is on the rota then, by which
verified and unrefused route.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db import transaction

from findings import reach
from findings.models import (
    Audience,
    Finding,
    Organisation,
    Person,
    Post,
    RotaEntry,
    Step,
    Team,
    Unroutable,
)
from findings.models.finding import FindingQuerySet
from findings.reach import StepPreview, Subject
from findings.services.rota import gaps_of
from findings.services.timeline import database_now
from findings.shifts import Gap, moment
from findings.timetable import PlannedStep
from findings.words import local

AHEAD = timedelta(days=7)
# Whom the holder's own audience is asked for, as no step of a ladder.
HOLDER = "whoever holds it now"


# --- Findings ----------------------------------------------------------------------


@dataclass(frozen=True)
class FindingCoverage:
    """One open finding: whether its holder could be told now, and each coming step."""

    finding: Finding
    holder: StepPreview
    coming: Sequence[StepPreview]

    @property
    def unreached(self) -> list[StepPreview]:
        """The steps that would reach nobody; the holder first."""
        return [one for one in (self.holder, *self.coming) if not one.reaches_somebody]

    @property
    def stopped(self) -> StepPreview | None:
        """What makes it unroutable: its holder, or whoever is to be told next, cannot be."""
        next_told = (self.holder, *self.coming[:1])
        return next((one for one in next_told if not one.reaches_somebody), None)


def coverage_of(findings: FindingQuerySet, now: datetime) -> Iterator[FindingCoverage]:
    """Every open one of these, with its next step and all those of the coming week."""
    rows = list(
        findings.open()
        .select_related(
            "owner_person", "owner_team", "team", "flagged_by", "organisation", "category"
        )
        .order_by("pk")
    )
    coming = _coming(rows, now + AHEAD)
    asks = [
        (
            Subject.of(finding),
            [PlannedStep(0, now, Audience.OWNER, HOLDER), *coming.get(finding.pk, [])],
        )
        for finding in rows
    ]
    for finding, (holder, *steps) in zip(rows, reach.previews(asks) if asks else [], strict=True):
        yield FindingCoverage(finding, holder, steps)


def _coming(findings: Iterable[Finding], until: datetime) -> dict[int, list[PlannedStep]]:
    """The unfired steps of each, the earliest first: the next one always."""
    steps = Step.objects.unfired().filter(finding__in=[one.pk for one in findings])
    found: dict[int, list[PlannedStep]] = defaultdict(list)
    for finding, *step in (
        steps.filter(clock__stopped_at__isnull=True)
        .order_by("falls_at", "level")
        .values_list("finding", "level", "falls_at", "audience", "words")
    ):
        planned = PlannedStep(*step)
        if planned.due_at <= until or finding not in found:
            found[finding].append(planned)
    return found


# --- Duties and posts ----------------------------------------------------------------------

DUTIES = (Audience.TEAM, Audience.RESPONSIBLE, Audience.DEPARTMENT)
WATCHERS = (Audience.COORDINATOR, Audience.GOVERNANCE)


@dataclass(frozen=True)
class DutyGap:
    """Whom nobody can be told as, from when until when in the coming week."""

    team: Team | None
    audience: str
    # The last moment that was asked for is the beginning of the part that is covered again.
    span: Gap
    reasons: tuple[str, ...]
    people: tuple[Person, ...]


def duties_uncovered(organisation: Organisation, now: datetime) -> list[DutyGap]:
    """Every duty of the trust's clinical teams, and those who watch over all, that would reach
    nobody at some moment of the coming week."""
    teams = list(
        Team.objects.filter(organisation=organisation, kind__in=Team.CLINICAL).order_by("name")
    )
    turns = _turns(organisation, now)
    watched = Team.objects.filter(organisation=organisation).first()
    asks = [(team, _subject(team, organisation), DUTIES) for team in teams]
    if watched:
        asks.append((None, _subject(watched, organisation), WATCHERS))
    planned = [
        (
            subject,
            [
                PlannedStep(0, at, audience, "")
                for audience in audiences
                for at in sorted(turns[team.pk if team else None] | turns[0])
            ],
        )
        for team, subject, audiences in asks
    ]
    return [
        gap
        for (team, _, _), steps in zip(
            asks, reach.previews(planned) if planned else [], strict=True
        )
        for gap in _spans(team, steps, now + AHEAD)
    ]


def _subject(team: Team, organisation: Organisation) -> Subject:
    return Subject(None, team, team, None, organisation)


def _turns(organisation: Organisation, now: datetime) -> dict[int | None, set[datetime]]:
    """The moments at which something may change: a day begins (0: for everybody), or a shift of
    a team's posts begins or ends. None: those of the coordinators' posts."""
    today = local(now).date()
    turns: dict[int | None, set[datetime]] = defaultdict(set)
    turns[0] = {now} | {moment(today + timedelta(days=day), time()) for day in range(1, 8)}
    entries = RotaEntry.objects.between(now, now + AHEAD).filter(
        post__team__organisation=organisation, post__ended_at__isnull=True
    )
    for team, stands_for, *ends in entries.values_list(
        "post__team", "post__stands_for", "starts_at", "ends_at"
    ):
        key = None if stands_for == Post.StandsFor.COORDINATOR else team
        turns[key] |= {at for at in ends if now < at < now + AHEAD}
    return turns


def _spans(team: Team | None, steps: Sequence[StepPreview], end: datetime) -> Iterator[DutyGap]:
    """Moments that follow each other and reach nobody, as one span of each duty."""
    begun: StepPreview | None = None
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        if step.reaches_somebody:
            continue
        begun = begun or step
        is_last = after is None or after.step.audience != step.step.audience
        if is_last or (after and after.reaches_somebody):
            until = end if is_last or after is None else after.step.due_at
            unreached = (one.person for one in begun.recipients if one.unreachable_because)
            yield DutyGap(
                team,
                Audience(step.step.audience).label,
                Gap(begun.step.due_at, until),
                tuple(begun.reasons),
                tuple(unreached),
            )
            begun = None


def rota_gaps(organisation: Organisation, now: datetime) -> list[tuple[Post, list[Gap]]]:
    """The gaps in the rotas of the coming week: others are told then, but not whoever should be."""
    posts = Post.objects.standing().filter(team__organisation=organisation).select_related("team")
    entries = list(
        RotaEntry.objects.between(now, now + AHEAD).filter(post__in=posts).select_related("person")
    )
    found = (
        (post, gaps_of((one for one in entries if one.post_id == post.pk), now, now + AHEAD))
        for post in posts
    )
    return [(post, gaps) for post, gaps in found if gaps]


# --- The check ----------------------------------------------------------------------


@dataclass(frozen=True)
class Checked:
    """What one check of everything found."""

    unroutable: int
    # Findings with a later step in the coming week that would reach nobody.
    at_risk: list[FindingCoverage]
    duties: list[DutyGap]

    @property
    def is_covered(self) -> bool:
        return not (self.unroutable or self.at_risk or self.duties)


def check_coverage() -> Checked:
    """Look at every open finding and duty, and keep the queue of what nobody can be told of."""
    now = database_now()
    every = list(coverage_of(Finding.objects.all(), now))
    stopped = {one.finding.pk: one.stopped for one in every if one.stopped}
    _keep_queue(stopped, now)
    trusts = Organisation.objects.filter(kind=Organisation.Kind.TRUST)
    return Checked(
        len(stopped),
        [one for one in every if one.unreached and not one.stopped],
        [gap for trust in trusts for gap in duties_uncovered(trust, now)],
    )


@transaction.atomic
def _keep_queue(stopped: dict[int, StepPreview], now: datetime) -> None:
    """Whatever is new in it begins to count; whatever can be told of again has been mended."""
    standing = Unroutable.objects.standing()
    standing.exclude(finding__in=list(stopped)).update(mended_at=now)
    because = {pk: _because(step) for pk, step in stopped.items()}
    for row in standing:
        if row.because != because[row.finding_id]:
            row.because = because[row.finding_id]
            row.save(update_fields=["because"])
    Unroutable.objects.bulk_create(
        [Unroutable(finding_id=pk, since_at=now, because=why) for pk, why in because.items()],
        # Two checks at once find the same.
        ignore_conflicts=True,
    )


def _because(step: StepPreview) -> str:
    whom = step.step.words if step.step.words == HOLDER else Audience(step.step.audience).label
    return f"Nobody can be told as {whom}: {' '.join(step.reasons)}"
