"""Would this reach a human? For every open finding, every examination that waits for its report,
every improvement and every duty, before the moment comes.

The same answer as the page before a flag and the engine give (`findings/reach.py`), asked for each
step at its own moment: who works here, who is on leave then, who is on the rota then, by which
verified and unrefused route.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from findings import reach
from findings.models import (
    Audience,
    Clock,
    Examination,
    Finding,
    Improvement,
    Organisation,
    Step,
    Unroutable,
)
from findings.models.about import About, about
from findings.models.clock import StepQuerySet
from findings.models.examination import ExaminationQuerySet
from findings.models.finding import FindingQuerySet
from findings.models.improvement import ImprovementQuerySet
from findings.reach import StepPreview, Subject
from findings.services.alike import Stretches, alike, see
from findings.services.duties import AHEAD, Duties, DutyGap, OnlyHere, duties_found, duty_asks
from findings.services.timeline import database_now
from findings.states import ClockKind
from findings.timetable import PlannedStep

# Whom the holder's own audience is asked for, as no step of a ladder.
HOLDER = "whoever holds it now"


# --- Findings and examinations ----------------------------------------------------


@dataclass(frozen=True)
class Coverage:
    """One open finding or improvement, or an examination that waits for its report: whether its
    holder could be told now, and each coming step."""

    subject: Finding | Examination | Improvement
    # Nobody holds an examination; but whose ladder is at its end is with those who heard last.
    holder: StepPreview | None
    coming: Sequence[StepPreview]

    @property
    def _now(self) -> Sequence[StepPreview]:
        return [self.holder] if self.holder else []

    @property
    def unreached(self) -> list[StepPreview]:
        """The steps that would reach nobody; the holder first."""
        return [one for one in (*self._now, *self.coming) if not one.reaches_somebody]

    @property
    def stopped(self) -> StepPreview | None:
        """What makes it unroutable: its holder, or whoever is to be told next, cannot be."""
        next_told = (*self._now, *self.coming[:1])
        return next((one for one in next_told if not one.reaches_somebody), None)


@dataclass(frozen=True)
class Everything:
    """What is open, what waits for its report, and what the coming week brings for the duties."""

    # Only those with something that would reach nobody; and of how many they are.
    findings: list[Coverage]
    open_count: int
    waits: list[Coverage]
    improvements: list[Coverage]
    duties: list[Duties]

    @property
    def every(self) -> list[Coverage]:
        return [*self.findings, *self.waits, *self.improvements]


def coverage_of_everything(
    findings: FindingQuerySet,
    examinations: ExaminationQuerySet,
    trusts: Iterable[Organisation],
    now: datetime,
    improvements: ImprovementQuerySet | None = None,
) -> Everything:
    """Asked once for all of it: who works where and is away is read in the same few queries. Of
    thousands of findings first what is alike, then those one by one of which nobody would hear."""
    every = alike(_soon(findings.open(), now + AHEAD), findings.open(), Stretches(now))
    of_waits = _of_waits(examinations, now)
    of_improvements = _of_improvements(improvements, now) if improvements is not None else []
    of_duties = [duty_asks(trust, now) for trust in trusts]
    asks = [ask for _, _, ask in of_waits]
    asks += [ask for _, ask in of_improvements]
    asks += [(subject, steps) for duties in of_duties for _, subject, steps in duties]
    seen = see([one.kind for one in every], asks)
    # More than would be unreached: a step of the far future counts only where none comes before.
    doubtful = {pk for kind, ids, _ in every if not seen.told[kind] for pk in ids}
    answers = iter(seen.others)
    return Everything(
        [one for one in one_by_one(findings, doubtful, now, seen.look) if one.unreached],
        sum(len(one.findings) for one in every if one.is_held),  # somebody holds each
        [_of_wait(one, is_last, next(answers)) for one, is_last, _ in of_waits],
        [_held(one, next(answers)) for one, _ in of_improvements],
        [
            duties_found([(team, next(answers)) for team, _, _ in duties], now)
            for duties in of_duties
        ],
    )


def _soon(findings: FindingQuerySet, until: datetime) -> StepQuerySet:
    """All of the coming week; of a finding that has none in it, all that come later."""
    steps = Step.objects.filter(finding__in=findings)
    in_week = Q(falls_at__lte=until)
    have_one = Step.objects.unfired().of_running_clocks().filter(in_week, finding__isnull=False)
    return steps.filter(in_week | ~Q(finding__in=have_one.values("finding")))


def one_by_one(
    findings: FindingQuerySet, ids: Collection[int], now: datetime, look: reach.Look | None = None
) -> list[Coverage]:
    """Each of these with its next step and all those of the coming week; by a look that was taken
    for them, or by one of its own."""
    if not ids:
        return []
    rows = list(findings.filter(pk__in=ids).select_related(*_WHOSE).order_by("pk"))
    coming = _coming("finding", ids, now + AHEAD)
    holder = PlannedStep(0, now, Audience.OWNER, HOLDER)
    asks = [(Subject.of(one), [holder, *coming.get(one.pk, [])]) for one in rows]
    shown = look.again(asks) if look else reach.previews(asks)
    return [_held(one, steps) for one, steps in zip(rows, shown, strict=True)]


# What says who is told of it, and in words of what it is.
_WHOSE = ("owner_person", "flagged_by", "owner_team", "team", "organisation", "category")


def _held(subject: Finding | Improvement, steps: Sequence[StepPreview]) -> Coverage:
    holder, *coming = steps
    return Coverage(subject, holder, coming)


def _of_improvements(
    improvements: ImprovementQuerySet, now: datetime
) -> list[tuple[Improvement, reach.Ask]]:
    """Open ones that a clock counts down: of the others nobody is told, and their page says so."""
    running = Clock.objects.running(ClockKind.IMPROVE)
    counted = improvements.open().filter(pk__in=running.values("improvement"))
    rows = list(counted.select_related("owner", "organisation").order_by("pk"))
    coming = _coming("improvement", [one.pk for one in rows], now + AHEAD)
    holder = PlannedStep(0, now, Audience.OWNER, HOLDER)
    return [(one, (Subject.improving(one), [holder, *coming.get(one.pk, [])])) for one in rows]


def _of_waits(
    examinations: ExaminationQuerySet, now: datetime
) -> list[tuple[Examination, bool, reach.Ask]]:
    """Every one of these that waits for its report; and whether its ladder is at its end, where the
    last step is asked about."""
    rows = list(examinations.waiting().select_related(*reach.READ_BEFORE).order_by("pk"))
    coming = _coming("examination", [one.pk for one in rows], now + AHEAD)
    last = _last([one.pk for one in rows if one.pk not in coming], now)
    subjects = reach.waiting(rows)
    return [
        (one, one.pk in last, (subjects[one.pk], last.get(one.pk) or coming.get(one.pk, [])))
        for one in rows
    ]


def _of_wait(examination: Examination, is_last: bool, steps: Sequence[StepPreview]) -> Coverage:
    return Coverage(examination, steps[0], []) if is_last else Coverage(examination, None, steps)


def _coming(of: str, ids: Collection[int], until: datetime) -> dict[int, list[PlannedStep]]:
    """The unfired steps of each, the earliest first: the next one always."""
    steps = Step.objects.unfired().filter(**{f"{of}__in": ids})
    found: dict[int, list[PlannedStep]] = defaultdict(list)
    # An alert code waits for minutes or hours: what is proposed is no row here (docs/adr/0024).
    for pk, *step in (
        steps.of_running_clocks()
        .exclude(clock__kind=ClockKind.CONFIRM)
        .order_by("falls_at", "level")
        .values_list(of, "level", "falls_at", "audience", "words")
    ):
        planned = PlannedStep(*step)
        if planned.due_at <= until or pk not in found:
            found[pk].append(planned)
    return found


def _last(examinations: Sequence[int], now: datetime) -> dict[int, list[PlannedStep]]:
    """The highest step of each ladder that has been climbed to its end, as if it fell now."""
    fired = Step.objects.filter(fired_at__isnull=False, level__gt=0)
    fired = fired.exclude(clock__kind=ClockKind.CONFIRM)
    climbed = fired.of_running_clocks().filter(clock__examination__in=examinations)
    return {
        pk: [PlannedStep(level, now, audience, words)]
        for pk, level, audience, words in climbed.order_by("level", "falls_at").values_list(
            "examination", "level", "audience", "words"
        )
    }


# --- The check ----------------------------------------------------------------------


@dataclass(frozen=True)
class Checked:
    """What one check of everything found."""

    unroutable: list[Coverage]
    # With a later step in the coming week that would reach nobody.
    at_risk: list[Coverage]
    duties: list[DutyGap]
    # Those can be told, if they look.
    only_here: list[OnlyHere]

    @property
    def is_covered(self) -> bool:
        return not (self.unroutable or self.at_risk or self.duties)


def check_coverage() -> Checked:
    """Look at everything that is open and every duty, and keep the queue of what nobody can be
    told of."""
    now = database_now()
    trusts = Organisation.objects.filter(kind=Organisation.Kind.TRUST)
    found = coverage_of_everything(
        Finding.objects.all(), Examination.objects.all(), trusts, now, Improvement.objects.all()
    )
    every = found.every
    _keep_queue({about(one.subject): one.stopped for one in every if one.stopped}, now)
    return Checked(
        [one for one in every if one.stopped],
        [one for one in every if one.unreached and not one.stopped],
        [gap for one in found.duties for gap in one.uncovered],
        [person for one in found.duties for person in one.only_here],
    )


@transaction.atomic
def _keep_queue(stopped: dict[About, StepPreview], now: datetime) -> None:
    """Whatever is new in it begins to count; whatever can be told of again has been mended."""
    because = {about: _because(step) for about, step in stopped.items()}
    standing = list(Unroutable.objects.standing())
    mended = [row.pk for row in standing if row.about not in because]
    Unroutable.objects.filter(pk__in=mended).update(mended_at=now)
    for row in standing:
        if row.about in because and row.because != because[row.about]:
            row.because = because[row.about]
            row.save(update_fields=["because"])
    Unroutable.objects.bulk_create(
        [
            Unroutable(
                finding_id=about.finding,
                examination_id=about.examination,
                improvement_id=about.improvement,
                since_at=now,
                because=why,
            )
            for about, why in because.items()
        ],
        # Two checks at once find the same.
        ignore_conflicts=True,
    )


def _because(step: StepPreview) -> str:
    whom = step.step.words if step.step.words == HOLDER else Audience(step.step.audience).label
    return f"Nobody can be told as {whom}: {' '.join(step.reasons)}"
