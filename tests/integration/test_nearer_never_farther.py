"""A deadline gets nearer, never farther, whichever way a finding goes to another owner or team."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from findings.models import Action, Clock, Finding, Role
from findings.services.acknowledge import (
    accept_offer,
    acknowledge_finding,
    decline_finding,
    hand_over_finding,
)
from findings.services.act import record_action
from findings.services.clocks import clock_of_state
from findings.services.leavers import say_goodbye
from findings.services.offer import offer_finding
from findings.services.phone import Call, record_call
from notifications.escalation import fire_finding
from tests.factories import TeamFactory, Trust, flagged

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
WHY, PLAN = "Under the surgeons since Monday.", "I will see the patient."
Go = Callable[[Trust, Finding, datetime], object]


def declined(trust: Trust, finding: Finding, at: datetime) -> None:
    decline_finding(finding=finding, by=trust.referrer, because=WHY, at=at)


def declined_to(trust: Trust, finding: Finding, at: datetime) -> None:
    decline_finding(finding=finding, by=trust.referrer, because=WHY, to=trust.colleague, at=at)


def accepted(trust: Trust, finding: Finding, at: datetime) -> None:
    offer_finding(finding=finding, by=trust.referrer, because=WHY, to=trust.colleague, at=at)
    accept_offer(finding=finding, by=trust.colleague, plan=PLAN, at=at)


def accepted_by_a_team(trust: Trust, finding: Finding, at: datetime) -> None:
    team = TeamFactory(organisation=trust.organisation, site=trust.site)
    surgeon = trust.add(Role.REFERRER, team=team)
    offer_finding(finding=finding, by=trust.referrer, because=WHY, to_team=team, at=at)
    accept_offer(finding=finding, by=surgeon, plan=PLAN, at=at)


def taken_by_a_colleague(trust: Trust, finding: Finding, at: datetime) -> None:
    acknowledge_finding(finding=finding, by=trust.colleague, plan=PLAN, at=at)


def taken_on_by_telephone(trust: Trust, finding: Finding, at: datetime) -> None:
    call = Call(called_at=at, said="CT.", was_read_back=True, spoke_to=trust.colleague, plan=PLAN)
    record_call(finding=finding, by=trust.radiologist, call=call, at=at)


def handed_to_a_person(trust: Trust, finding: Finding, at: datetime) -> None:
    hand_over_finding(finding=finding, by=trust.coordinator, because=WHY, to=trust.colleague, at=at)


def handed_to_a_team(trust: Trust, finding: Finding, at: datetime) -> None:
    team = TeamFactory(organisation=trust.organisation, site=trust.site)
    trust.add(Role.REFERRER, team=team)
    hand_over_finding(finding=finding, by=trust.coordinator, because=WHY, to_team=team, at=at)


def owner_leaves(trust: Trust, finding: Finding, at: datetime) -> None:
    say_goodbye(person=trust.referrer, by=trust.coordinator, because="Another trust.", at=at)


def acted_on(finding: Finding, by: object, at: datetime) -> None:
    record_action(
        finding=finding,
        by=by,
        kind=Action.Kind.IMAGING,
        text="CT.",
        result_expected_on=timezone.localdate(),
        at=at,
    )


AWAITING = [declined, declined_to, accepted, accepted_by_a_team, taken_by_a_colleague]
AWAITING += [taken_on_by_telephone, handed_to_a_person, handed_to_a_team, owner_leaves]
ACKNOWLEDGED = [accepted, accepted_by_a_team, handed_to_a_person, handed_to_a_team, owner_leaves]


def due(finding: Finding) -> datetime:
    finding.refresh_from_db()
    return clock_of_state(finding).due_at


def act_by(trust: Trust, finding: Finding, at: datetime) -> datetime:
    """By when it must be acted on, once whoever holds it now has answered."""
    finding.refresh_from_db()
    if finding.state == "awaiting":
        taken_by_a_colleague(trust, finding, at) if finding.team == trust.team else (
            acknowledge_finding(finding=finding, by=finding.team.members.first(), plan=PLAN, at=at)
        )
    return due(finding)


@pytest.mark.parametrize("late", [-2 * HOUR, HOUR])
@pytest.mark.parametrize("go", AWAITING)
def test_while_an_answer_is_awaited(trust: Trust, go: Go, late: timedelta) -> None:
    flagged_at = timezone.now() - 20 * HOUR
    finding = flagged(trust, category="urgent", at=flagged_at)
    answer_by = due(finding)
    at = answer_by + late
    go(trust, finding, at)
    after = due(finding)
    if finding.state == "awaiting":
        assert after <= answer_by
    assert act_by(trust, finding, at) == flagged_at + 24 * HOUR


# Half an hour before the limit to act, less than anybody has to acknowledge; and after it.
@pytest.mark.parametrize("late", [-HOUR / 2, HOUR])
@pytest.mark.parametrize("go", ACKNOWLEDGED)
def test_once_it_is_acknowledged(trust: Trust, go: Go, late: timedelta) -> None:
    flagged_at = timezone.now() - 30 * HOUR
    finding = flagged(trust, category="urgent", at=flagged_at)
    acknowledge_finding(finding=finding, by=trust.referrer, plan=PLAN, at=flagged_at + HOUR)
    act_limit = due(finding)
    at = act_limit + late
    go(trust, finding, at)
    assert due(finding) <= act_limit
    assert act_by(trust, finding, at) == act_limit


@pytest.mark.parametrize("go", [handed_to_a_person, owner_leaves])
def test_while_a_result_is_awaited(trust: Trust, go: Go) -> None:
    finding = flagged(trust, category="urgent", at=timezone.now() - HOUR)
    acknowledge_finding(finding=finding, by=trust.referrer, plan=PLAN)
    acted_on(finding, trust.referrer, timezone.now())
    result_by = due(finding)
    go(trust, finding, result_by + HOUR)
    assert due(finding) <= result_by


def test_whoever_gets_it_near_its_limit_is_reminded_by_that_limit(trust: Trust) -> None:
    """The ladder hangs on the limit that holds: the consultant, told at twelve hours of twelve, is
    told when it comes, not twelve hours after the owner left."""
    flagged_at = timezone.now() - 24 * HOUR
    finding = flagged(trust, category="urgent", at=flagged_at)
    acknowledge_finding(finding=finding, by=trust.referrer, plan=PLAN, at=flagged_at)
    act_limit = due(finding)
    owner_leaves(trust, finding, act_limit - HOUR)
    clock = clock_of_state(Finding.objects.get(pk=finding.pk))
    at_limit = list(clock.steps.filter(due_at=act_limit).values_list("audience", flat=True))
    assert at_limit == ["responsible"]


def test_one_that_is_overdue_stays_overdue_and_climbs_on(trust: Trust) -> None:
    flagged_at = timezone.now() - 40 * HOUR
    finding = flagged(trust, category="urgent", at=flagged_at)
    acknowledge_finding(finding=finding, by=trust.referrer, plan=PLAN, at=flagged_at)
    act_limit = due(finding)
    at = act_limit + 3 * HOUR
    owner_leaves(trust, finding, at)
    clock = Clock.objects.get(finding=finding, stopped_at=None, kind="acknowledge")
    assert clock.due_at == act_limit < at
    assert clock.replaces.kind == "act"
    fire_finding(Finding.objects.get(pk=finding.pk), at=at)
    told = clock.steps.filter(fired_at__isnull=False, level__gt=0)
    assert list(told.values_list("audience", flat=True)) == [
        "owner",
        "owner",
        "responsible",
        "team",
    ]
