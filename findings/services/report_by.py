"""Report by: an examination that waits for its report has a promise, too.

Its clock counts from when the images were made, never from now, and climbs its ladder until a
verified report came or somebody said that none is to be expected. Whatever comes in whichever
order, `settle` looks at what is there and makes the clock fit; so doing it twice changes nothing
(docs/adr/0022).

Every writer locks the examination first, as filing does.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Greatest

from findings import doorbell
from findings.models import (
    Clock,
    Examination,
    NoReport,
    Person,
    Report,
    ReportStatus,
    Rule,
    Step,
)
from findings.models.clock import REPORT_BY_PRIORITY
from findings.rules import check_can_end_wait, check_can_take_back_no_report
from findings.services.clocks import planned_steps, stop_without_line
from findings.services.deadlines import Promised, nearest
from findings.services.policy import PolicyError, check_may_promise, limit_at
from findings.services.policy_checks import REPORT_POLICIES, REPORT_POLICY
from findings.services.timeline import database_now
from findings.states import ClockKind
from findings.timetable import PlannedStep, still_to_tell

log = structlog.get_logger(__name__)

Because = Clock.StoppedBecause
# After every category of what somebody has seen. A patient who is here now is treated by what the
# image shows, and a suspected cancer has a date of its own to keep. Ours: no source has an order.
PRIORITIES = {
    Examination.Setting.EMERGENCY.value: 6,
    Examination.Setting.INPATIENT.value: 7,
    Examination.Setting.SUSPECTED_CANCER.value: 8,
}
VERIFIED = (ReportStatus.FINAL, ReportStatus.CORRECTED)
A_REPORT_CAME = "A report came after all."


def expect_report(
    examination: Examination,
    *,
    performed_at: datetime | None = None,
    setting: str = "",
    at: datetime | None = None,
) -> Clock | None:
    """A report of it is awaited: the clock that runs now; None where it has its report, or somebody
    said that none will come.

    `performed_at` and `setting` are kept where they were not known before. Raises ValueError where
    nobody knows when the images were made, and `PolicyError` where no limit is in force.
    """
    with transaction.atomic():
        examination = lock_examination(examination)
        return expect_locked(examination, performed_at=performed_at, setting=setting, at=at)


def expect_locked(
    examination: Examination,
    *,
    performed_at: datetime | None = None,
    setting: str = "",
    at: datetime | None = None,
    limits: "Limits | None" = None,
) -> Clock | None:
    """As `expect_report`, by a caller who holds the lock, or has just made it. `limits`: read
    before, for whoever expects a thousand."""
    _learn(examination, performed_at, setting)
    clock = settle(examination, at=at or database_now(), limits=limits)
    if clock is None and not is_reported(examination) and not standing_excuse(examination):
        if _known_since(examination, []) is None:
            raise ValueError("Say when the images were made: the limit counts from then.")
        raise PolicyError(
            f"No limit for reports is in force, so no clock can start. {REPORT_POLICY} needs"
            " its number and its ladder. Run: manage.py load_policy"
        )
    return clock


def without_clock() -> list[Examination]:
    """Examinations that should wait for a report and of which no clock says so, as in a database
    from before there was such a clock."""
    running = Clock.objects.running(ClockKind.REPORT_BY).filter(examination=OuterRef("pk"))
    excused = NoReport.objects.standing().filter(examination=OuterRef("pk"))
    seen = Report.objects.filter(examination=OuterRef("pk")).exclude(status=ReportStatus.WITHDRAWN)
    rows = Examination.objects.exclude(current_report__status__in=VERIFIED).filter(
        Exists(seen) | Q(performed_at__isnull=False), ~Exists(running), ~Exists(excused)
    )
    found = rows.select_related("current_report").order_by("pk")
    return [examination for examination in found if not is_reported(examination)]


def lock_examination(examination: Examination) -> Examination:
    """As it is now, nobody else's until this transaction ends."""
    locked = Examination.objects.select_for_update(no_key=True, of=("self",))
    return locked.select_related("current_report", "site").get(pk=examination.pk)


def _learn(examination: Examination, performed_at: datetime | None, setting: str) -> None:
    """What was said first stays, as with reports."""
    said = {"performed_at": performed_at, "setting": setting}
    new = {name: value for name, value in said.items() if value and not getattr(examination, name)}
    for name, value in new.items():
        setattr(examination, name, value)
    if new:
        examination.save(update_fields=list(new))
    if "setting" in new:
        running_clocks = examination.clocks.running(ClockKind.REPORT_BY)
        unfired = Step.objects.filter(clock__in=running_clocks).unfired()
        unfired.update(**_how_pressing(examination))


def _how_pressing(examination: Examination) -> dict[str, Any]:
    """What a step has of the class of its examination."""
    return {
        "priority": PRIORITIES.get(examination.setting, REPORT_BY_PRIORITY),
        "may_wait": examination.setting != Examination.Setting.EMERGENCY,
    }


def settle(
    examination: Examination, *, at: datetime | None = None, limits: "Limits | None" = None
) -> Clock | None:
    """Make the clock fit what is known: start it, stop it, or leave it; the one that runs.

    It never gets more time: where another limit holds now, only an earlier one replaces it. The
    caller holds the examination's lock.
    """
    clocks = list(examination.clocks.filter(kind=ClockKind.REPORT_BY).order_by("pk"))
    running = next((clock for clock in clocks if clock.is_running), None)
    if is_reported(examination):
        if running is not None:
            stop_without_line(running, Because.REPORTED, at or database_now())
        return None
    at = at or database_now()
    if (excuse := standing_excuse(examination)) is not None:
        if not _came_after(examination, excuse):
            return None
        overtake(excuse, at)
    promised = _promised(examination, clocks, at, limits or Limits())
    if promised is None or (running is not None and running.due_at <= promised.promise.due_at):
        return running
    told: Counter[str] = Counter()
    if running is not None:
        stop_without_line(running, Because.NEARER, at)
        told.update(running.steps.filter(fired_at__isnull=False).values_list("audience", flat=True))
    return _start(examination, promised, told, at)


def running_wait(examination: Examination) -> Clock | None:
    """Its running clock; nothing is asked where the report to read is a verified one."""
    current = examination.current_report
    if current is not None and current.status in VERIFIED:
        return None
    clocks = examination.clocks.running(ClockKind.REPORT_BY)
    return clocks.select_related("rule").first()


def is_reported(examination: Examination) -> bool:
    """Whether a verified report is there that was not withdrawn afterwards. A preliminary one that
    follows it does not take it back."""
    current = examination.current_report
    if current is None or current.status in VERIFIED:
        return current is not None
    return any(report.status in VERIFIED for report in _since_withdrawal(examination))


def _since_withdrawal(examination: Examination) -> Iterator[Report]:
    """The versions since the last withdrawal, the one to read first."""
    every = examination.reports.all()
    for report in sorted(every, key=lambda report: report.reading_order, reverse=True):
        if report.status == ReportStatus.WITHDRAWN:
            return
        yield report


def standing_excuse(examination: Examination) -> NoReport | None:
    """That no report is to be expected, if somebody said so and it was not taken back."""
    return examination.no_reports.standing().first()


def _came_after(examination: Examination, excuse: NoReport) -> bool:
    """Whether a version came since somebody said that none will."""
    since = examination.reports.filter(received_at__gt=excuse.said_at)
    return since.exclude(status=ReportStatus.WITHDRAWN).exists()


def overtake(excuse: NoReport, at: datetime, because: str = A_REPORT_CAME) -> None:
    """What was said stands no longer, and nobody took it back."""
    excuse.undone_at, excuse.undone_because = max(at, excuse.said_at), because
    excuse.save(update_fields=["undone_at", "undone_because"])


# --- From when, and until when ------------------------------------------------------------------


@dataclass(frozen=True)
class _Wait:
    """From when it counts, and the limit that holds."""

    started_at: datetime
    promise: Promised


def _promised(
    examination: Examination, clocks: Sequence[Clock], at: datetime, limits: "Limits"
) -> _Wait | None:
    since = _known_since(examination, clocks)
    if since is None:
        return None
    started_at = min(since, at)
    promises = [
        Promised(rule, due_at)
        for rule in limits.of(examination)
        if (due_at := limit_at(rule, ClockKind.REPORT_BY, started_at, examination.site))
    ]
    if not promises:
        log.error("no limit for reports is in force", policy=REPORT_POLICY)
        return None
    return _Wait(started_at, nearest(promises))


def _known_since(examination: Examination, clocks: Sequence[Clock]) -> datetime | None:
    """When the images were made; where nobody said, the earliest that is known of them. None where
    nothing says that any were made: what was cancelled arrives as a withdrawn report, too."""
    known = [clock.started_at for clock in clocks]
    if examination.performed_at is not None:
        return min([examination.performed_at, *known])
    reports = examination.reports.exclude(status=ReportStatus.WITHDRAWN)
    for reported_at, received_at in reports.values_list("reported_at", "received_at"):
        known += [reported_at, received_at]
    return min(known, default=None)


class Limits:
    """The rules that may promise a report now, read once: the national one, and the trust's own
    for a class of examinations where that is signed."""

    @cached_property
    def _rules(self) -> dict[str, Rule]:
        wanted = [REPORT_POLICY, *REPORT_POLICIES.values()]
        rules = Rule.objects.in_force().filter(policy_id__in=wanted)
        read = rules.prefetch_related("rungs", "signatures")
        return {rule.policy_id: rule for rule in read if _may_promise(rule)}

    def of(self, examination: Examination) -> list[Rule]:
        named = (REPORT_POLICY, REPORT_POLICIES.get(examination.setting, ""))
        return [self._rules[one] for one in named if one in self._rules]


def _may_promise(rule: Rule) -> bool:
    """A limit without a ladder would pass in silence, so it is none."""
    try:
        check_may_promise(rule)
    except PolicyError:
        return False
    return any(rung.clock == ClockKind.REPORT_BY for rung in rule.rungs.all())


# --- Starting and stopping ----------------------------------------------------------------------


def _start(examination: Examination, wait: _Wait, told: Counter[str], at: datetime) -> Clock:
    clock = Clock.objects.create(
        examination=examination,
        kind=ClockKind.REPORT_BY,
        rule=wait.promise.rule,
        started_at=wait.started_at,
        due_at=wait.promise.due_at,
    )
    ladder = planned_steps(
        rule=clock.rule,
        kind=ClockKind.REPORT_BY,
        started_at=clock.started_at,
        due_at=clock.due_at,
        from_at=at,
        site=examination.site,
    )
    left = _one_telling(still_to_tell(ladder, told, at), at)
    pressing = _how_pressing(examination)
    Step.objects.bulk_create(
        Step(
            clock=clock,
            examination=examination,
            level=step.level,
            audience=step.audience,
            words=step.words,
            due_at=step.due_at,
            **pressing,
        )
        for step in left
    )
    doorbell.ring_after_commit()
    return clock


def _one_telling(ladder: Sequence[PlannedStep], at: datetime) -> list[PlannedStep]:
    """Of what has passed already each audience hears once, of the last: nobody needs to be told on
    one day of a day 21 and of a day 28."""
    last = {step.audience: step for step in ladder if step.due_at <= at}
    return [step for step in ladder if step.due_at > at or last[step.audience] is step]


def stop_reported(examinations: Iterable[int], *, at: datetime) -> None:
    """As `settle` for many of which the report to read is a verified one. The caller holds their
    locks."""
    running = Clock.objects.running(ClockKind.REPORT_BY).filter(examination__in=list(examinations))
    if found := list(running.values_list("pk", flat=True)):
        clocks = Clock.objects.filter(pk__in=found)
        stopped_at = Greatest(Value(at), F("started_at"))
        clocks.update(stopped_at=stopped_at, stopped_because=Because.REPORTED)
        Step.objects.filter(clock__in=found).unfired().update(cancelled_at=at)


# --- What a person says -------------------------------------------------------------------------


def no_report_expected(
    examination: Examination,
    *,
    reason: NoReport.Reason,
    because: str,
    by: Person,
    at: datetime | None = None,
) -> NoReport:
    """None will come, with words; its clock stops. Raises `NotAllowed` for whoever may not say so,
    and where no report is awaited any more."""
    if not because.strip():
        raise ValueError("Say why no report is to be expected.")
    with transaction.atomic():
        examination = lock_examination(examination)
        check_can_end_wait(by, examination)
        at = at or database_now()
        return end_wait(examination, reason=reason, because=because.strip(), by=by, at=at)


def end_wait(
    examination: Examination,
    *,
    reason: NoReport.Reason,
    because: str,
    by: Person | None,
    at: datetime,
) -> NoReport:
    """As `no_report_expected`, of an examination that is locked and has no such word yet. `by`
    None: another system says so."""
    for clock in examination.clocks.running(ClockKind.REPORT_BY):
        stop_without_line(clock, Because.NOT_EXPECTED, at)
    return NoReport.objects.create(
        examination=examination, reason=reason, because=because, said_at=at, said_by=by
    )


def take_back(
    said: NoReport, *, because: str, by: Person, at: datetime | None = None
) -> Clock | None:
    """A report is expected after all: the clock runs again from its start."""
    if not because.strip():
        raise ValueError("Say why a report is expected after all.")
    with transaction.atomic():
        examination = lock_examination(said.examination)
        said = NoReport.objects.select_for_update().get(pk=said.pk)
        check_can_take_back_no_report(by, said)
        at = at or database_now()
        said.undone_at, said.undone_by = max(at, said.said_at), by
        said.undone_because = because.strip()
        said.save(update_fields=["undone_at", "undone_by", "undone_because"])
        return settle(examination, at=at)
