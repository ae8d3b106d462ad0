"""Firing: what falls due becomes one telling; nothing fires early, twice or after an answer."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from findings.models import Event, Finding, Step
from findings.services.acknowledge import decline_finding
from findings.services.close import withdraw_finding
from notifications.escalation import Fired, fire_finding
from notifications.firing import fire_due_steps
from notifications.models import Notification, Route
from notifications.tasks import wake
from tests.factories import Trust, a_trust, acknowledged, flagged

pytestmark = pytest.mark.django_db

Kind = Event.Kind


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


def events(finding: Finding, *kinds: Event.Kind) -> list[Event]:
    return list(finding.events.filter(kind__in=kinds).order_by("number"))


def told(finding: Finding) -> list[tuple[str, str]]:
    """Who was told by which channel, in a fixed order."""
    rows = Notification.objects.filter(finding=finding)
    return sorted((str(row.recipient), row.channel) for row in rows)


def by_both(*people: object) -> list[tuple[str, str]]:
    return sorted((str(one), channel) for one in people for channel in ("email", "in_app"))


def unreachable(*people: object) -> None:
    Route.objects.filter(person__in=people).delete()


def test_the_owner_is_told_by_every_route_at_once(trust: Trust) -> None:
    finding = flagged(trust)
    assert fire_due_steps() == Fired(steps=1, notifications=2)
    assert told(finding) == by_both(trust.referrer)
    step = finding.steps.get(clock__kind="acknowledge", level=1)
    assert timedelta() <= step.fired_at - step.due_at < timedelta(seconds=30)
    assert finding.steps.filter(fired_at__isnull=False).count() == 1


def test_the_event_says_when_it_was_due_and_when_it_fired(trust: Trust) -> None:
    finding = flagged(trust, at=ago(minutes=10))
    fire_due_steps()
    step = finding.steps.get(clock__kind="acknowledge", level=1)
    (event,) = events(finding, Kind.STEP_FIRED)
    assert datetime.fromisoformat(event.data["due_at"]) == _to_milliseconds(step.due_at)
    assert datetime.fromisoformat(event.data["fired_at"]) == _to_milliseconds(step.fired_at)
    assert 599 <= event.data["late_seconds"] <= 602
    assert event.data["told"] == [str(trust.referrer)]
    assert event.by is None


def _to_milliseconds(at: datetime | None) -> datetime:
    """As JSON keeps it."""
    assert at is not None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def test_nothing_fires_before_its_time(trust: Trust) -> None:
    finding = flagged(trust, at=ago(minutes=14))
    fire_due_steps()
    assert list(finding.steps.filter(fired_at__isnull=False).values_list("level", flat=True)) == [1]


def test_a_step_fires_once(trust: Trust) -> None:
    finding = flagged(trust)
    fire_due_steps()
    assert fire_due_steps() == Fired()
    assert len(events(finding, Kind.STEP_FIRED)) == 1


def test_after_a_gap_everything_due_is_one_telling_at_the_level_due_now(trust: Trust) -> None:
    finding = flagged(trust, at=ago(minutes=50))
    fire_due_steps()
    # Levels 1 to 4: owner, owner again, responsible consultant, whole team.
    assert told(finding) == by_both(
        trust.referrer, trust.colleague, trust.responsible, trust.director
    )
    assert set(Notification.objects.values_list("step__level", flat=True)) == {4}
    fired = events(finding, Kind.STEP_FIRED)
    assert [event.data["level"] for event in fired] == [1, 2, 3, 4]
    assert [event.data.get("overtaken_by") for event in fired] == [4, 4, 4, None]


def test_steps_of_the_same_moment_are_together_and_not_overtaken(trust: Trust) -> None:
    finding = flagged(trust, at=ago(minutes=50))
    fire_due_steps()
    clock = finding.clocks.get(kind="acknowledge")
    fire_finding(finding, at=clock.started_at + timedelta(hours=1))
    last = events(finding, Kind.STEP_FIRED)[-2:]
    assert [event.data["level"] for event in last] == [5, 6]
    assert last[0].data["together_with"] == 6
    assert "overtaken_by" not in last[0].data
    assert set(by_both(trust.radiologist, trust.coordinator)) < set(told(finding))


def test_somebody_in_two_audiences_gets_one_message_a_route() -> None:
    trust = a_trust()
    finding = flagged(trust, at=ago(minutes=50), owner=trust.responsible)
    fire_due_steps()
    assert told(finding).count((str(trust.responsible), "email")) == 1


def test_nothing_fires_after_an_acknowledgement(trust: Trust) -> None:
    finding = flagged(trust, at=ago(minutes=20))
    acknowledged(trust, finding)
    fire_due_steps()
    clock = finding.clocks.get(kind="acknowledge")
    assert not clock.steps.filter(fired_at__isnull=False).exists()


def test_nothing_fires_after_a_withdrawal(trust: Trust) -> None:
    finding = flagged(trust, at=ago(minutes=20))
    withdraw_finding(finding=finding, by=trust.radiologist, because="Wrong patient's report.")
    assert fire_due_steps() == Fired()


def test_the_ladder_of_the_next_clock_is_climbed_too(trust: Trust) -> None:
    finding = flagged(trust, at=ago(hours=5, minutes=1))
    acknowledged(trust, finding, at=ago(hours=4, minutes=45))
    fire_due_steps()
    fired = finding.steps.filter(clock__kind="act", fired_at__isnull=False)
    assert [step.level for step in fired] == [1, 2, 3, 4]


def test_where_the_owner_cannot_be_told_the_next_rung_is_told_now(trust: Trust) -> None:
    unreachable(trust.referrer)
    finding = flagged(trust)
    fire_due_steps()
    # Level 2 is the owner again, so level 3 comes with it.
    assert told(finding) == by_both(trust.responsible)
    said = events(finding, Kind.STEP_UNREACHABLE)
    assert [event.data["level"] for event in said] == [1, 2]
    assert said[0].data["because"] == [f"{trust.referrer} has no address."]
    forward = events(finding, Kind.STEP_BROUGHT_FORWARD)
    assert [event.data["level"] for event in forward] == [2, 3]
    third = finding.steps.get(clock__kind="acknowledge", level=3)
    assert third.fired_at == third.brought_forward_to < third.due_at


def test_an_empty_place_on_the_ladder_is_passed_over(trust: Trust) -> None:
    trust.responsible.memberships.update(duty="member")
    finding = flagged(trust, at=ago(minutes=31))
    fire_due_steps()
    said = events(finding, Kind.STEP_UNREACHABLE)
    assert [event.data["because"] for event in said] == [
        [f"{trust.team} has no responsible consultant."]
    ]
    assert finding.steps.get(clock__kind="acknowledge", level=4).fired_at is not None
    assert (str(trust.colleague), "email") in told(finding)


def test_a_lower_step_that_reaches_nobody_brings_nothing_forward(trust: Trust) -> None:
    unreachable(trust.referrer)
    finding = flagged(trust, at=ago(minutes=31))
    fire_due_steps()
    assert len(events(finding, Kind.STEP_UNREACHABLE)) == 2
    assert events(finding, Kind.STEP_BROUGHT_FORWARD) == []
    assert told(finding) == by_both(trust.responsible)


def test_where_nobody_at_all_can_be_told_the_ladder_ends_and_every_step_says_so() -> None:
    trust = a_trust()
    Route.objects.all().delete()
    finding = flagged(trust)
    fire_due_steps()
    ladder = finding.clocks.get(kind="acknowledge").steps
    assert len(events(finding, Kind.STEP_UNREACHABLE)) == ladder.count() == 8
    assert told(finding) == []
    assert not ladder.unfired().exists()
    assert finding.is_open


def test_declining_lets_the_next_step_fire_at_once(trust: Trust) -> None:
    finding = flagged(trust)
    fire_due_steps()
    decline_finding(finding=finding, by=trust.referrer, because="Not my patient.")
    assert fire_due_steps().steps == 1
    assert finding.steps.get(clock__kind="acknowledge", level=2).fired_at is not None


@pytest.mark.parametrize("alone", [False, True])
def test_whoever_gave_it_back_is_not_asked_again_with_their_team(
    trust: Trust, *, alone: bool
) -> None:
    finding = flagged(trust)
    fire_due_steps()
    decline_finding(finding=finding, by=trust.referrer, because="Not my patient.")
    finding.refresh_from_db()
    fire_finding(finding, at=timezone.now()) if alone else fire_due_steps()
    step = finding.steps.get(clock__kind="acknowledge", level=2)
    heard = {one.recipient for one in step.notifications.all()}
    assert trust.referrer not in heard
    assert trust.colleague in heard
    line = events(finding, Kind.STEP_FIRED)[-1]
    assert line.data["not_told"] == [f"{trust.referrer} gave it back, and knows."]


def test_where_only_they_are_in_the_team_the_ladder_climbs_on(trust: Trust) -> None:
    trust.team.memberships.exclude(person=trust.referrer).delete()
    finding = flagged(trust)
    fire_due_steps()
    Notification.objects.update(status="sent", sent_at=timezone.now())
    decline_finding(finding=finding, by=trust.referrer, because="Not my patient.")
    fire_due_steps()
    asked = finding.notifications.exclude(status="sent")
    assert {one.recipient for one in asked} == {trust.radiologist}


def test_a_transaction_rings_once_however_much_it_does(
    trust: Trust, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as rung:
        finding = flagged(trust)
        decline_finding(finding=finding, by=trust.referrer, because="Not my patient.")
    assert rung.count(wake) == 1


def test_one_bad_row_never_stops_the_others(trust: Trust, caplog: pytest.LogCaptureFixture) -> None:
    bad, good = flagged(trust, at=ago(minutes=5)), flagged(trust, at=ago(minutes=1))
    first = bad.steps.get(clock__kind="acknowledge", level=1)
    Step.objects.create(
        clock=first.clock,
        finding=bad,
        level=9,
        audience="nobody",
        words="",
        priority=1,
        due_at=first.due_at,
    )
    with caplog.at_level(logging.ERROR):
        assert fire_due_steps() == Fired(steps=1, notifications=2, failed=1)
    assert told(good) == by_both(trust.referrer)
    assert told(bad) == []
    assert bad.steps.due().exists(), "it stays due, for the watchdog and the next pass"
    (line,) = caplog.records
    assert (line.message, line.error) == ("finding not escalated", "ValueError")  # type: ignore[attr-defined]


def test_the_most_severe_and_then_the_most_overdue_come_first(trust: Trust) -> None:
    urgent = flagged(trust, category="urgent", at=ago(minutes=12))
    late = flagged(trust, at=ago(minutes=10))
    later = flagged(trust, at=ago(minutes=5))
    fire_due_steps()
    order = Event.objects.filter(kind=Kind.STEP_FIRED).order_by("pk")
    assert [event.finding for event in order] == [late, later, urgent]


def test_a_pass_takes_no_more_than_its_limit_of_findings(trust: Trust) -> None:
    for _ in range(3):
        flagged(trust)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("notifications.firing.BATCH", 1)
        assert fire_due_steps(limit=2).steps == 2
    assert fire_due_steps().steps == 1


def test_history_can_be_fired_as_it_would_have_been(trust: Trust) -> None:
    began = ago(days=3)
    finding = flagged(trust, at=began)
    for minutes in (0, 15, 30):
        fire_finding(finding, at=began + timedelta(minutes=minutes))
    fired = finding.steps.filter(fired_at__isnull=False)
    assert [step.fired_at - began for step in fired] == [  # type: ignore[operator]
        timedelta(minutes=minutes) for minutes in (0, 15, 30)
    ]
    first = Notification.objects.order_by("pk")[0]
    assert first.created_at == first.next_attempt_at == began
