"""Follow up: a further examination is advised or arranged, and somebody must say what became of it.

Later examinations of the same patient are only ever proposed as the one that was meant; a person
confirms. Until then, or until it is said that it was done elsewhere or is not needed, its clock
climbs its ladder, whatever the state of the finding.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from findings.models import (
    Clock,
    Event,
    Examination,
    Finding,
    Person,
    ProposedMatch,
    Recommendation,
)
from findings.rules import check_can_follow_up
from findings.services.clocks import open_recommendation, start_clock, stop_clocks, tell_owner_now
from findings.services.policy import rule_to_promise
from findings.services.policy_checks import FOLLOW_UP_POLICY
from findings.services.timeline import lock, moment, record
from findings.states import ClockKind, State
from findings.timetable import end_of_day

Outcome = Recommendation.Outcome

# From how long before the day on which it is due until how long after an examination may be it.
# Ours, as no guidance says; it is only proposed.
BEFORE, AFTER = timedelta(days=30), timedelta(days=60)
# Plain film under its three names.
_SAME = {"CR": "DX", "XR": "DX"}


@dataclass(frozen=True)
class Advised:
    """A further examination as a form gives it."""

    modality: str
    region: str
    due_on: date


def recommend(*, finding: Finding, advised: Advised, by: Person, at: datetime) -> Recommendation:
    """Record it and start its clock. Nothing where one is open already: that one goes on.

    The caller holds the finding's lock. The day must not have passed (ValueError).
    """
    known = open_recommendation(finding)
    if known is not None:
        return known
    due_at = end_of_day(advised.due_on, ZoneInfo(settings.TIME_ZONE))
    if due_at <= at:
        raise ValueError("The day by which the examination is due has passed.")
    made = Recommendation.objects.create(
        finding=finding,
        modality=advised.modality,
        region=advised.region.strip(),
        due_on=advised.due_on,
        recorded_by=by,
        recorded_at=at,
    )
    record(
        finding=finding,
        kind=Event.Kind.RECOMMENDED,
        by=by,
        at=at,
        what=made.title,
        due_on=advised.due_on,
    )
    await_result(finding=finding, due_at=due_at, at=at, by=by)
    later = Examination.objects.filter(patient=finding.examination.patient_id)
    for examination in later.exclude(pk=finding.examination_id).order_by("pk"):
        _propose(made, examination, at)
    return made


def await_result(*, finding: Finding, due_at: datetime, at: datetime, by: Person) -> None:
    """The clock that asks for the result by `due_at`; where a recommended examination is due
    before, its clock goes on: recording an action gives nobody more time for it."""
    running = finding.clocks.running(ClockKind.FOLLOW_UP).first()
    if running is not None:
        if open_recommendation(finding) is not None and running.due_at <= due_at:
            return
        because = Clock.StoppedBecause.ANSWERED
        stop_clocks(finding=finding, because=because, at=at, by=by, kinds=[ClockKind.FOLLOW_UP])
    start_clock(
        finding=finding,
        kind=ClockKind.FOLLOW_UP,
        rule=rule_to_promise(FOLLOW_UP_POLICY),
        started_at=at,
        due_at=due_at,
        at=at,
        by=by,
    )


def propose_matches(examination: Examination) -> None:
    """A report of this examination came: is it one that somebody waits for? The caller is in a
    transaction; each finding is locked in turn."""
    waiting = Recommendation.objects.filter(
        ended_at__isnull=True, finding__examination__patient=examination.patient_id
    ).exclude(finding__examination=examination.pk)
    for one in waiting.select_related("finding").order_by("finding"):
        finding = lock(one.finding)
        recommendation = open_recommendation(finding)
        at = moment(finding)
        if recommendation and _propose(recommendation, examination, at):
            words = "a later examination may be the one advised"
            tell_owner_now(finding=finding, words=words, at=at)


def _propose(recommendation: Recommendation, examination: Examination, at: datetime) -> bool:
    """True when it is proposed now."""
    if not fits(recommendation, examination):
        return False
    _, is_new = ProposedMatch.objects.get_or_create(
        recommendation=recommendation, examination=examination, defaults={"proposed_at": at}
    )
    if is_new:
        record(
            finding=recommendation.finding,
            kind=Event.Kind.MATCH_PROPOSED,
            by=None,
            at=at,
            examination=examination.title,
            accession=examination.accession,
        )
    return is_new


def fits(recommendation: Recommendation, examination: Examination) -> bool:
    """Whether it may be the one: made after the finding's own, in the window, and alike."""
    made_at, first = examination.performed_at, recommendation.finding.examination.performed_at
    if made_at is None or (first is not None and made_at <= first):
        return False
    due_at = end_of_day(recommendation.due_on, ZoneInfo(settings.TIME_ZONE))
    if not due_at - BEFORE - timedelta(days=1) <= made_at <= due_at + AFTER:
        return False
    return _one_name(recommendation.modality) == _one_name(examination.modality) and _same_region(
        recommendation.region, f"{examination.description} {examination.code}"
    )


def _one_name(modality: str) -> str:
    return _SAME.get(modality.upper(), modality.upper())


def _same_region(region: str, described: str) -> bool:
    """A word of the region stands in the description; no region fits all."""
    words = [word for word in region.casefold().split() if len(word) > 2]
    return not words or any(word in described.casefold() for word in words)


def confirm_match(
    *, finding: Finding, match: ProposedMatch, by: Person, at: datetime | None = None
) -> Finding:
    """A person says that this examination was the one."""
    with transaction.atomic():
        finding = lock(finding)
        check_can_follow_up(by, finding)
        recommendation = _still_open(finding)
        if match.recommendation_id != recommendation.pk or match.refused_at is not None:
            raise ValueError("This examination is not proposed any more.")
        recommendation.examination = match.examination
        words = f"{match.examination.title}, {match.examination.accession}"
        return _end(finding, recommendation, Outcome.DONE, words, by, at or moment(finding))


def refuse_matches(
    *, finding: Finding, by: Person, because: str = "", at: datetime | None = None
) -> Finding:
    """None of the proposed examinations was the one: it is still awaited. `because` may be ""."""
    with transaction.atomic():
        finding = lock(finding)
        check_can_follow_up(by, finding)
        at = at or moment(finding)
        proposed = ProposedMatch.objects.filter(
            recommendation=_still_open(finding), refused_at__isnull=True
        )
        if not proposed.update(refused_at=at, refused_by=by):
            raise ValueError("No examination is proposed.")
        record(
            finding=finding,
            kind=Event.Kind.MATCH_REFUSED,
            by=by,
            at=at,
            because=because.strip(),
        )
    return finding


def end_follow_up(
    *,
    finding: Finding,
    outcome: Recommendation.Outcome,
    because: str,
    by: Person,
    at: datetime | None = None,
) -> Finding:
    """It was done elsewhere, or is not needed any more, with words."""
    if outcome not in (Outcome.ELSEWHERE, Outcome.NOT_NEEDED) or not because.strip():
        raise ValueError("Say where and when it was done, or why it is not needed.")
    with transaction.atomic():
        finding = lock(finding)
        check_can_follow_up(by, finding)
        at = at or moment(finding)
        return _end(finding, _still_open(finding), outcome, because.strip(), by, at)


def drop_recommendation(*, finding: Finding, by: Person, at: datetime) -> None:
    """The finding was withdrawn. The caller holds its lock and stops its clocks."""
    Recommendation.objects.filter(finding=finding, ended_at__isnull=True).update(
        ended_at=at, ended_by=by, outcome=Outcome.ENDED
    )


def _still_open(finding: Finding) -> Recommendation:
    recommendation = open_recommendation(finding)
    assert recommendation is not None  # check_can_follow_up refuses otherwise
    return recommendation


def _end(
    finding: Finding,
    recommendation: Recommendation,
    outcome: Recommendation.Outcome,
    words: str,
    by: Person,
    at: datetime,
) -> Finding:
    """While an action's result is awaited its clock runs on until the finding is closed: that the
    examination was made does not say what it showed."""
    recommendation.ended_at, recommendation.ended_by = at, by
    recommendation.outcome = outcome
    recommendation.ended_because = "" if outcome == Outcome.DONE else words
    recommendation.save()
    record(
        finding=finding, kind=Event.Kind.FOLLOWED_UP, by=by, at=at, outcome=outcome, because=words
    )
    if finding.state != State.ACTED_ON:
        because = Clock.StoppedBecause.ANSWERED
        stop_clocks(finding=finding, because=because, at=at, by=by, kinds=[ClockKind.FOLLOW_UP])
    return finding
