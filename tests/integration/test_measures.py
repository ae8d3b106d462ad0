"""Measures: a number, its months, its parts and its rows are one selection; and they are right."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from findings import measures
from findings.measures.period import Period, last_days
from findings.models import Action, Clock, Finding, Report
from findings.services.acknowledge import decline_finding
from findings.services.act import record_action
from findings.services.close import withdraw_finding
from findings.states import ClockKind
from tests.factories import Trust, a_trust, acknowledged, flagged

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def today() -> date:
    return timezone.localdate()


def test_what_still_waits_counts(trust: Trust) -> None:
    """Ten critical findings: six acknowledged after 1, 2, 2, 3, 4 and 6 hours, four open for 30,
    50, 80 and 100. With a target of 24 hours 60 % are in time, four are open, the oldest for 100
    hours, and half were acknowledged within 4 hours, not within the 2.5 of those that were."""
    now = timezone.now()
    for hours in (1, 2, 2, 3, 4, 6):
        finding = flagged(trust, at=now - 101 * HOUR)
        acknowledged(trust, finding, at=finding.flagged_at + hours * HOUR)
    for hours in (30, 50, 80, 100):
        flagged(trust, at=now - hours * HOUR)
    of_kind = Clock.objects.filter(kind=ClockKind.ACKNOWLEDGE)
    day_long(of_kind)
    period = last_days(7, today())
    found = measures.read("acknowledged", trust.organisation, period, now)
    assert (found.numerator, found.denominator, found.percent) == (6, 10, 60)
    assert (found.open, found.oldest) == (4, 100 * HOUR)
    curve = measures.took("acknowledged", trust.organisation, period, now)
    assert curve.median == 4 * 3600
    assert (curve.count, curve.open) == (10, 4)


def day_long(clocks) -> None:
    """Promises of 24 hours in place of the hour that the policy gives."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE findings_clock DISABLE TRIGGER USER")
        for clock in clocks:
            clocks.filter(pk=clock.pk).update(due_at=clock.started_at + 24 * HOUR)
        cursor.execute("ALTER TABLE findings_clock ENABLE TRIGGER USER")


def test_a_day_is_the_trusts_day_and_both_ends_belong_to_it(trust: Trust) -> None:
    """23:59 and 00:30 in summer, which are 22:59 and 23:30 of the same day in UTC."""
    june = flagged(trust, at=datetime(2026, 6, 30, 22, 59, tzinfo=UTC))
    july = flagged(trust, at=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))

    def counted(first: date, last: date) -> list[Finding]:
        return list(measures.rows("closed", trust.organisation, Period(first, last)))

    assert counted(date(2026, 6, 1), date(2026, 6, 30)) == [june]
    assert counted(date(2026, 6, 30), date(2026, 6, 30)) == [june]
    assert counted(date(2026, 7, 1), date(2026, 7, 31)) == [july]
    months = measures.series(
        "closed", trust.organisation, Period(date(2026, 6, 1), date(2026, 7, 31))
    )
    assert [one.denominator for one in months] == [1, 1]


def test_a_limit_of_tomorrow_is_no_case_yet(trust: Trust) -> None:
    flagged(trust, category="urgent")
    month = Period(today() - timedelta(days=3), today() + timedelta(days=3))
    assert measures.read("acknowledged", trust.organisation, month).denominator == 0
    assert measures.read("closed", trust.organisation, month).denominator == 1


def test_another_trust_is_not_counted(trust: Trust) -> None:
    flagged(a_trust(), at=timezone.now() - 9 * HOUR)
    period = last_days(7, today())
    for code in measures.MEASURES:
        assert measures.read(code, trust.organisation, period).denominator == 0, code


# --- Random histories ----------------------------------------------------------------------------

CASE = st.tuples(
    st.sampled_from(["critical", "urgent", "cancer"]),
    # Flagged so many hours ago.
    st.integers(1, 24 * 70),
    st.sampled_from(["open", "declined", "acknowledged", "acted", "withdrawn"]),
    # Of the time since then, the share after which it happened.
    st.floats(0.01, 0.99),
)


SOME = (
    ("critical", 900, "acted", 0.1),
    ("critical", 500, "acknowledged", 0.5),
    ("urgent", 300, "declined", 0.01),
    ("cancer", 700, "open", 0.5),
    ("cancer", 60, "withdrawn", 0.1),
    ("urgent", 1200, "acknowledged", 0.01),
)


def happened(trust: Trust, category: str, hours: int, what: str, share: float) -> None:
    finding = flagged(trust, category=category, at=timezone.now() - hours * HOUR)
    at = finding.flagged_at + share * hours * HOUR
    if what == "declined":
        decline_finding(finding=finding, by=trust.referrer, because="Not mine.", at=at)
    elif what in ("acknowledged", "acted"):
        acknowledged(trust, finding, at=at)
    elif what == "withdrawn":
        withdraw_finding(finding=finding, by=trust.radiologist, because="Artefact.", at=at)
    if what == "acted":
        record_action(
            finding=finding,
            by=trust.referrer,
            kind=Action.Kind.DISCUSSION,
            text="Seen.",
            result_expected_on=today() + timedelta(days=30),
            at=min(at + HOUR, timezone.now()),
        )


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases=st.lists(CASE, min_size=2, max_size=5))
def test_each_number_is_what_looking_at_every_row_gives(cases) -> None:
    trust, now = a_trust(), timezone.now()
    for case in cases:
        happened(trust, *case)
    period = last_days(63, today())
    for code, by_hand in REFERENCE.items():
        found = measures.read(code, trust.organisation, period, now)
        assert (found.numerator, found.denominator) == by_hand(trust, period, now), code


def test_months_parts_and_rows_add_up_to_each_number(trust: Trust) -> None:
    for case in SOME:
        happened(trust, *case)
    period, of, now = last_days(63, today()), trust.organisation, timezone.now()
    for code, measure in measures.MEASURES.items():
        whole = measures.read(code, of, period, now)
        by_month = measures.series(code, of, period, now=now)
        by_week = measures.series(code, of, period, "week", now=now)
        broken_down = measures.look(code, of, period, now).parts
        assert set(broken_down) == {one.code for one in measures.dimensions_of(measure)}
        readings = [[part.reading for part in parts] for parts in broken_down.values()]
        for parts in (by_month, by_week, *readings):
            assert sum(one.denominator for one in parts) == whole.denominator
            assert sum(one.numerator for one in parts) == whole.numerator
            assert sum(one.open for one in parts) == whole.open
        for met, number in ((True, whole.numerator), (False, whole.missed)):
            assert measures.rows(code, of, period, met, now).count() == number
        for name, parts in broken_down.items():
            for part in parts:
                rows = measures.rows(code, of, period, now=now, **{name: part.key})
                assert rows.count() == part.reading.denominator, (code, name, part)
    assert measures.read("acknowledged", of, period, now).denominator == 5


def test_of_times_that_overlap_each_has_its_own_number(trust: Trust) -> None:
    for case in SOME:
        happened(trust, *case)
    of, now, whole = trust.organisation, timezone.now(), last_days(63, today())
    times = [whole, last_days(20, today()), whole.before, Period(whole.first, whole.first)]
    together = measures.read_many(measures.MEASURES, of, times, now)
    for code, readings in together.items():
        assert readings == [measures.read(code, of, one, now) for one in times], code
    assert together["acknowledged"][0].denominator > together["acknowledged"][1].denominator > 0


# --- The same, asked of one row after the other, as plainly as it can be --------------------------


def promises_by_hand(trust: Trust, kind: ClockKind, period: Period, now: datetime):
    """Those owed at a limit that lay in the period and has passed."""
    for clock in Clock.objects.filter(kind=kind).select_related("finding"):
        if clock.finding.organisation_id != trust.organisation.pk:
            continue
        if clock.due_at not in period or clock.due_at >= now:
            continue
        ended_before = clock.stopped_at is not None and clock.stopped_at < clock.due_at
        if ended_before and clock.stopped_because != "answered":
            continue
        yield clock


def was_kept(clock: Clock) -> bool:
    return clock.stopped_because == "answered" and clock.stopped_at <= clock.due_at


def findings_by_hand(trust: Trust, period: Period):
    every = Finding.objects.filter(organisation=trust.organisation)
    return [one for one in every if one.flagged_at in period and one.withdrawn_at is None]


def lines_of(finding: Finding, kind: str) -> int:
    return sum(1 for event in finding.events.all() if event.kind == kind)


def share(found, is_met) -> tuple[int, int]:
    every = list(found)
    return sum(1 for one in every if is_met(one)), len(every)


REFERENCE = {
    "acknowledged": lambda *of: share(
        promises_by_hand(of[0], ClockKind.ACKNOWLEDGE, *of[1:]), was_kept
    ),
    "acted": lambda *of: share(promises_by_hand(of[0], ClockKind.ACT, *of[1:]), was_kept),
    "acknowledged_not_acted": lambda *of: share(
        promises_by_hand(of[0], ClockKind.ACT, *of[1:]), lambda clock: clock.stopped_at is None
    ),
    "patient_told": lambda *of: share(
        promises_by_hand(of[0], ClockKind.TELL_PATIENT, *of[1:]), was_kept
    ),
    "closed": lambda *of: share(findings_by_hand(*of[:2]), lambda one: one.state == "closed"),
    "declined": lambda *of: share(findings_by_hand(*of[:2]), lambda one: lines_of(one, "declined")),
    "read": lambda *of: share(findings_by_hand(*of[:2]), lambda one: one.acknowledged_at),
    "alerts": lambda trust, period, now: share(
        [
            one
            for one in Report.objects.filter(examination__site=trust.site, status="final")
            if one.reported_at in period
        ],
        lambda report: report.examination.findings.count(),
    ),
}
