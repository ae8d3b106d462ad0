"""At the limit itself, by which clock, and in which percentile: what random histories never hit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, models
from django.utils import timezone

from findings import measures
from findings.measures.period import Period, last_days
from findings.models import (
    Audience,
    Clock,
    Event,
    Finding,
    Report,
    Step,
)
from findings.presenters.measure_pictures import took_words
from findings.services.ask import answer_question, ask_radiologist
from findings.services.close import withdraw_finding
from findings.services.policy import load_policy, sign_rule
from findings.services.report_by import expect_report
from findings.services.timeline import add_note
from findings.states import ClockKind
from tests.factories import Trust, a_trust, acknowledged, flagged, reported, unreported
from tests.integration.policy_files import with_inpatient_limit, with_question_limit
from tests.integration.test_measures import today

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
INSTANT = timedelta(microseconds=1)


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def lately() -> Period:
    return last_days(7, today())


@contextmanager
def unguarded(model: type[models.Model]) -> Iterator[None]:
    """To write what no service would: a moment to the microsecond."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


# --- How long things take (LOG 82) ----------------------------------------------------------------


def test_percentiles_are_of_the_rows_and_from_the_clock_that_is_written_down(trust: Trust) -> None:
    """Acknowledged after 10, 20, …, 100 minutes. The method is the product-limit estimate: the
    earliest moment at which so many were done. Half within 50 minutes, nine in ten within 90; two
    and a half times the mean would be 137."""
    now = timezone.now()
    for minutes in range(10, 101, 10):
        finding = flagged(trust, at=now - 5 * HOUR)
        acknowledged(trust, finding, at=finding.flagged_at + minutes * MINUTE)
    curve = measures.took("acknowledged", trust.organisation, lately(), now)
    before = [curve.percentile(share) for share in (0.1, 0.5, 0.9, 1.0)]
    assert before == [10 * 60, 50 * 60, 90 * 60, 100 * 60]
    assert (
        took_words(curve) == "Half took 50 minutes or less, nine in ten 1 hour 30 minutes or less."
    )
    # What somebody remarks moves no clock, and the time of the report is not that of the flag.
    for finding in Finding.objects.all():
        add_note(finding=finding, by=trust.referrer, text="On my list.")
        assert finding.report.reported_at != finding.flagged_at
    after = measures.took("acknowledged", trust.organisation, lately(), now)
    assert [after.percentile(share) for share in (0.1, 0.5, 0.9, 1.0)] == before
    assert "From the flag" in measures.MEASURES["acknowledged"].clock


def test_what_was_opened_again_counts_from_then(trust: Trust) -> None:
    from findings.services.flag import reopen_finding

    now = timezone.now()
    finding = acknowledged(trust, flagged(trust, at=now - 50 * HOUR), at=now - 49 * HOUR)
    reopen_finding(finding=finding, because="Corrected.", at=now - 10 * HOUR, by=trust.radiologist)
    found = measures.read("acknowledged", trust.organisation, lately(), now)
    assert (found.denominator, found.open) == (2, 1)
    assert found.oldest == 10 * HOUR
    # The first was answered after an hour of its own.
    how = measures.how_long("acknowledged", trust.organisation, lately(), now)
    assert (how.took.count, how.took.open, how.took.median) == (2, 1, 3600)
    limit = finding.clocks.earliest("pk")
    share = timedelta(hours=1) / (limit.due_at - limit.started_at)
    assert [curve.median for curve in how.of_limit.values()] == [pytest.approx(share)]


def test_a_question_counts_from_when_it_was_asked(trust: Trust, tmp_path: Path) -> None:
    """And not from the flag, days before."""
    with_question_limit(tmp_path)
    now = timezone.now()
    finding = flagged(trust, category="urgent", at=now - 90 * HOUR)
    said = {"finding": finding, "by": trust.referrer}
    first = ask_radiologist(text="New?", at=now - 9 * HOUR, **said)
    ask_radiologist(text="Since when?", at=now - 5 * HOUR, **said)
    answer_question(question=first, by=trust.radiologist, text="Yes.", at=now - 7 * HOUR)
    found = measures.read("answered", trust.organisation, lately(), now)
    assert (found.numerator, found.denominator, found.open) == (0, 2, 1)
    assert found.oldest == 5 * HOUR
    curve = measures.took("answered", trust.organisation, lately(), now)
    assert curve.median == 2 * 3600


# --- At the limit ---------------------------------------------------------------------------------


def number(trust: Trust, code: str, now: datetime | None = None) -> tuple[int, int]:
    found = measures.read(code, trust.organisation, lately(), now)
    return found.numerator, found.denominator


@pytest.mark.parametrize(
    ("after", "met"),
    [(-INSTANT, 1), (timedelta(0), 1), (INSTANT, 0)],
    ids=["before", "at", "after"],
)
def test_a_promise_that_is_kept_at_its_limit_is_kept(
    trust: Trust, after: timedelta, met: int
) -> None:
    finding = flagged(trust, at=timezone.now() - 30 * HOUR)
    due = finding.clocks.get(kind=ClockKind.ACKNOWLEDGE).due_at
    acknowledged(trust, finding, at=due + after)
    assert number(trust, "acknowledged") == (met, 1)


@pytest.mark.parametrize(
    ("after", "counts"), [(-INSTANT, 0), (timedelta(0), 1)], ids=["before", "at"]
)
def test_what_was_withdrawn_at_its_limit_was_owed(
    trust: Trust, after: timedelta, counts: int
) -> None:
    finding = flagged(trust, at=timezone.now() - 30 * HOUR)
    due = finding.clocks.get(kind=ClockKind.ACKNOWLEDGE).due_at
    withdraw_finding(finding=finding, by=trust.radiologist, because="Artefact.", at=due + after)
    assert number(trust, "acknowledged") == (0, counts)


@pytest.mark.parametrize(
    ("after", "counts"), [(-INSTANT, 0), (timedelta(0), 1)], ids=["before", "at"]
)
def test_told_leaves_out_what_was_withdrawn_before(
    trust: Trust, after: timedelta, counts: int
) -> None:
    finding = flagged(trust, at=timezone.now() - 30 * HOUR)
    assert finding.tell_by is not None
    at = finding.tell_by + after
    withdraw_finding(finding=finding, by=trust.radiologist, because="Artefact.", at=at)
    assert number(trust, "told") == (0, counts)


def _sent(trust: Trust, finding: Finding, at: datetime) -> None:
    data = {"channel": "email", "to": 1, "level": 1, "attempt": 1}
    Event.objects.create(finding=finding, kind=Event.Kind.SENT, at=at, data=data)


def _answered(trust: Trust, finding: Finding, at: datetime) -> None:
    acknowledged(trust, finding, at=at)


def _called(trust: Trust, finding: Finding, at: datetime) -> None:
    finding.calls.create(
        called_by=trust.radiologist,
        called_at=at,
        spoke_to_words="The ward",
        said="Read it.",
        was_read_back=False,
        recorded_at=timezone.now(),
    )


@pytest.mark.parametrize("how", [_sent, _answered, _called])
@pytest.mark.parametrize(("after", "met"), [(timedelta(0), 1), (INSTANT, 0)], ids=["at", "after"])
def test_told_at_the_time_is_told_in_time(
    trust: Trust, how: Callable[..., Any], after: timedelta, met: int
) -> None:
    finding = flagged(trust, at=timezone.now() - 30 * HOUR)
    assert finding.tell_by is not None
    how(trust, finding, finding.tell_by + after)
    assert number(trust, "told") == (met, 1)


@pytest.mark.parametrize(("after", "met"), [(timedelta(0), 1), (INSTANT, 0)], ids=["at", "after"])
def test_twenty_eight_days_are_within_28_days(trust: Trust, after: timedelta, met: int) -> None:
    made = timezone.now() - 30 * DAY
    examination = reported(trust, performed_at=made)
    with unguarded(Report):
        examination.reports.update(reported_at=made + 28 * DAY + after)
    assert number(trust, "reported") == (met, 1)


@pytest.fixture
def inpatient(trust: Trust, tmp_path: Path) -> Clock:
    """Of an examination under the trust's own limit, which has passed."""
    load_policy(with_inpatient_limit(tmp_path))
    sign_rule(policy_id="DEF-TAT-IP", name="Dr A Example", role="Medical director")
    made = timezone.now() - 6 * DAY
    waits = unreported(trust, performed_at=made, setting="inpatient")
    clock = expect_report(waits, at=made)
    assert clock is not None
    assert clock.rule.policy_id == "DEF-TAT-IP"
    return clock


@pytest.mark.parametrize(("after", "met"), [(timedelta(0), 1), (INSTANT, 0)], ids=["at", "after"])
def test_reported_at_the_trusts_own_limit_is_in_time(
    trust: Trust, inpatient: Clock, after: timedelta, met: int
) -> None:
    stop_clock(inpatient, inpatient.due_at + after, Clock.StoppedBecause.REPORTED)
    assert number(trust, "reported_pathway") == (met, 1)


@pytest.mark.parametrize(
    ("after", "counts"), [(-INSTANT, 0), (timedelta(0), 1)], ids=["before", "at"]
)
def test_of_which_no_report_was_expected_before_its_limit_is_left_out(
    trust: Trust, inpatient: Clock, after: timedelta, counts: int
) -> None:
    stop_clock(inpatient, inpatient.due_at + after, Clock.StoppedBecause.NOT_EXPECTED)
    assert number(trust, "reported_pathway") == (0, counts)


def stop_clock(clock: Clock, at: datetime, because: Clock.StoppedBecause) -> None:
    with unguarded(Clock):
        Clock.objects.filter(pk=clock.pk).update(stopped_at=at, stopped_because=because)


def test_a_preliminary_report_is_no_report(trust: Trust) -> None:
    made = timezone.now() - 30 * DAY
    examination = reported(trust, performed_at=made, reported_at=made + DAY)
    assert number(trust, "reported") == (1, 1)
    with unguarded(Report):
        examination.reports.update(status="preliminary")
    assert number(trust, "reported") == (0, 1)
    found = measures.read("reported", trust.organisation, lately())
    assert (found.open, found.oldest is not None) == (1, True)


def test_a_case_counts_once_its_moment_is_over(trust: Trust) -> None:
    """Neither at it nor before: a number of a moment ago must not change."""
    made = timezone.now() - 28 * DAY
    unreported(trust, performed_at=made)
    assert number(trust, "reported", made + 28 * DAY) == (0, 0)
    assert number(trust, "reported", made + 28 * DAY + INSTANT) == (0, 1)
    finding = flagged(trust, at=timezone.now() - 30 * HOUR)
    due = Clock.objects.get(finding=finding, kind=ClockKind.ACKNOWLEDGE).due_at
    assert number(trust, "acknowledged", due) == (0, 0)
    assert number(trust, "acknowledged", due + INSTANT) == (0, 1)


def test_midnight_belongs_to_the_day_that_it_begins(trust: Trust) -> None:
    yesterday = Period(today() - DAY, today() - DAY)
    flagged(trust, at=yesterday.end - INSTANT)
    flagged(trust, at=yesterday.start)
    assert measures.read("closed", trust.organisation, yesterday).denominator == 2
    flagged(trust, at=yesterday.end)
    flagged(trust, at=yesterday.start - INSTANT)
    assert measures.read("closed", trust.organisation, yesterday).denominator == 2


def test_a_share_is_rounded_down_and_small_is_fewer_than_ten() -> None:
    measure = measures.MEASURES["closed"]

    def reading(met: int, due: int) -> measures.Reading:
        return measures.Reading(measure, lately(), met, due)

    assert [reading(met, 1000).percent for met in (999, 1000, 0, 1)] == [99, 100, 0, 0]
    assert [reading(1, due).is_small for due in (1, 9, 10)] == [True, True, False]
    assert not reading(0, 0).is_small


# --- Who read it, and who heard of it -------------------------------------------------------------


def test_a_report_is_read_by_whoever_could_act(trust: Trust) -> None:
    """Its holder, or somebody of the team that it came to; not whoever looks in."""
    finding = flagged(trust)
    outsider = a_trust().referrer
    for who, met in (
        (trust.radiologist, 0),
        (trust.governance, 0),
        (outsider, 0),
        (trust.colleague, 1),
        (trust.referrer, 1),
    ):
        Event.objects.create(
            finding=finding, kind=Event.Kind.READ, by=who, at=timezone.now(), data={}
        )
        assert number(trust, "read") == (met, 1), who
    held = flagged(trust)
    Event.objects.create(
        finding=held, kind=Event.Kind.READ, by=trust.referrer, at=timezone.now(), data={}
    )
    assert number(trust, "read") == (2, 2)
    acknowledged(trust, flagged(trust))
    assert number(trust, "read") == (3, 3)
    # What was remarked is not what was read.
    noted = flagged(trust)
    add_note(finding=noted, by=trust.referrer, text="Whose is it?")
    assert number(trust, "read") == (3, 4)


def test_a_reminder_to_act_is_no_escalation(trust: Trust) -> None:
    """What others heard after the acknowledgement says nothing of how it was answered."""
    finding = flagged(trust, at=timezone.now() - 90 * HOUR)
    acknowledged(trust, finding, at=finding.flagged_at + MINUTE)
    later = Step.objects.filter(finding=finding, clock__kind=ClockKind.ACT, fired_at=None)
    late = later.exclude(audience=Audience.OWNER).filter(due_at__lte=timezone.now())
    assert late.update(fired_at=timezone.now())
    assert number(trust, "escalated") == (0, 1)


# --- What tells, and what did not arrive ----------------------------------------------------------

MESSAGE = {"channel": "email", "to": 1, "level": 1, "attempt": 1}


def _line(finding: Finding, kind: Event.Kind, **data: Any) -> None:
    said = MESSAGE | data
    Event.objects.create(finding=finding, kind=kind, at=finding.flagged_at + MINUTE, data=said)


def test_what_is_only_shown_here_tells_nobody(trust: Trust) -> None:
    finding = flagged(trust, at=timezone.now() - 30 * HOUR)
    _line(finding, Event.Kind.SENT, channel="in_app")
    assert number(trust, "told") == (0, 1)
    assert number(trust, "undelivered") == (0, 0)
    _line(finding, Event.Kind.SENT, channel="sms")
    assert number(trust, "told") == (1, 1)
    assert number(trust, "undelivered") == (0, 1)


@pytest.mark.parametrize(
    ("other", "is_that"),
    [
        ({}, True),
        ({"to": 2}, False),
        ({"channel": "sms"}, False),
        ({"level": 2}, False),
        ({"attempt": 2}, False),
    ],
)
def test_a_message_came_back_if_that_very_one_did(
    trust: Trust, other: dict[str, Any], is_that: bool
) -> None:
    finding, beside = (flagged(trust, at=timezone.now() - 30 * HOUR) for _ in range(2))
    _line(finding, Event.Kind.SENT)
    _line(finding, Event.Kind.SEND_FAILED, came_back=True, **other)
    # Of another finding it says nothing.
    _line(beside, Event.Kind.SEND_FAILED, came_back=True)
    assert number(trust, "told") == (0 if is_that else 1, 2)
    assert number(trust, "undelivered") == (1 if is_that else 0, 1)


def test_a_try_after_which_another_followed_is_not_counted(trust: Trust) -> None:
    finding = flagged(trust, at=timezone.now() - 30 * HOUR)
    _line(finding, Event.Kind.SEND_FAILED, again=True)
    assert number(trust, "undelivered") == (0, 0)
    _line(finding, Event.Kind.SEND_FAILED, attempt=2)
    assert number(trust, "undelivered") == (1, 1)
