"""Acknowledged, and nothing done: the clock to act has a ladder of its own."""

from datetime import datetime, timedelta

import pytest

from findings.models import Action, Finding, Person
from findings.services.act import record_action
from findings.services.timeline import lock
from notifications.escalation import fire_finding
from notifications.models import Channel, Notification
from tests.factories import Trust, acknowledged, flagged
from tests.integration.telling import ago

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def forgotten(trust: Trust) -> Finding:
    """Critical, and a colleague of whoever asked for the images took it on after ten minutes."""
    finding = flagged(trust, at=ago(hours=12))
    at = finding.flagged_at + timedelta(minutes=10)
    fire_finding(lock(finding), at=finding.flagged_at)
    return acknowledged(trust, finding, by=trust.colleague, at=at)


def told_at(finding: Finding, at: datetime) -> list[Person]:
    """Whoever gets an e-mail when the engine looks at this moment."""
    fire_finding(lock(finding), at=at)
    made = Notification.objects.filter(finding=finding, channel=Channel.EMAIL, created_at=at)
    return [one.recipient for one in made.order_by("pk")]


def test_it_climbs_its_own_ladder_and_comes_back_to_the_same_owner_first(trust: Trust) -> None:
    finding = forgotten(trust)
    clock = finding.clocks.get(kind="act", stopped_at__isnull=True)
    due_at = finding.flagged_at + 4 * HOUR
    assert clock.due_at == due_at, "it counts from the flag, not from the acknowledgement"
    climbed = [
        (moment - due_at, told_at(finding, moment))
        for moment in (
            due_at - HOUR,
            due_at,
            due_at + HOUR / 2,
            due_at + HOUR,
            due_at + 2 * HOUR,
        )
    ]
    assert climbed == [
        (-HOUR, [trust.colleague]),
        (timedelta(), [trust.colleague]),
        (HOUR / 2, [trust.responsible]),
        (HOUR, [trust.director]),
        (2 * HOUR, [trust.governance]),
    ]
    steps = clock.steps.filter(fired_at__isnull=False).order_by("level")
    assert [step.fired_at - due_at for step in steps if step.fired_at] == [
        -HOUR,
        timedelta(),
        HOUR / 2,
        HOUR,
        2 * HOUR,
    ]
    finding.refresh_from_db()
    assert (finding.state, finding.owner_person) == ("acknowledged", trust.colleague)


def test_between_the_rungs_nobody_is_told_and_nothing_of_the_first_clock_goes_on(
    trust: Trust,
) -> None:
    finding = forgotten(trust)
    for minutes in (11, 30, 60, 120, 179):
        assert told_at(finding, finding.flagged_at + timedelta(minutes=minutes)) == []
    first = finding.clocks.get(kind="acknowledge")
    assert first.steps.filter(fired_at__isnull=False).count() == 1


def test_after_a_gap_it_is_told_once_at_the_level_that_is_due_now(trust: Trust) -> None:
    finding = forgotten(trust)
    told = told_at(finding, finding.flagged_at + 5 * HOUR)
    assert set(told) == {trust.colleague, trust.responsible, trust.director}
    assert len(told) == 3


def test_an_action_ends_it_and_the_next_promise_begins(trust: Trust) -> None:
    finding = forgotten(trust)
    at = finding.flagged_at + 3 * HOUR
    assert told_at(finding, at) == [trust.colleague]
    record_action(
        finding=finding,
        by=trust.colleague,
        kind=Action.Kind.IMAGING,
        text="CT requested.",
        result_expected_on=(at + timedelta(days=7)).date(),
        at=at + HOUR / 2,
    )
    assert told_at(finding, at + 3 * HOUR) == []
    running = finding.clocks.filter(stopped_at__isnull=True)
    assert set(running.values_list("kind", flat=True)) == {"follow_up", "tell_patient"}
