"""Acknowledged by mistake: the clock to acknowledge goes on as if nobody had answered."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from findings.models import Action, Category, Event, Finding
from findings.presenters.answering import last_decision
from findings.rules import NotAllowed
from findings.services.acknowledge import acknowledge_finding, take_acknowledgement_back
from findings.services.act import record_action
from findings.services.change_category import change_category
from findings.services.clocks import clock_of_state
from findings.states import ClockKind, MoveRefused, State
from notifications.escalation import fire_finding
from tests.factories import Trust, acknowledged, flagged
from tests.pages import signed_in, words_of

MINUTE = timedelta(minutes=1)
WHY = "I meant another patient's finding."


@pytest.fixture
def finding(trust: Trust) -> Finding:
    """Flagged 40 minutes ago, told of at once, and acknowledged 5 minutes later."""
    at = timezone.now() - 40 * MINUTE
    made = flagged(trust, at=at)
    fire_finding(made, at=at)
    return acknowledged(trust, made, at=at + 5 * MINUTE)


def test_limit_and_ladder_go_on_as_if_nobody_had_answered(trust: Trust, finding: Finding) -> None:
    before = finding.clocks.get(kind=ClockKind.ACKNOWLEDGE)
    promised = list(before.steps.filter(level__gt=1).values_list("level", "due_at", "audience"))
    take_acknowledgement_back(finding=finding, by=trust.referrer, because=WHY)
    finding.refresh_from_db()
    assert (finding.state, finding.owner, finding.plan) == (State.AWAITING, trust.team, "")
    now = clock_of_state(finding)
    assert (now.kind, now.started_at, now.due_at) == (before.kind, before.started_at, before.due_at)
    ladder = now.steps.filter(level__gt=0)
    assert list(ladder.values_list("level", "due_at", "audience")) == promised
    told = set(finding.notifications.values_list("pk", flat=True))
    fired = fire_finding(finding, at=timezone.now())
    asked = {one.recipient for one in finding.notifications.exclude(pk__in=told)}
    assert trust.colleague in asked
    assert trust.referrer not in asked, "who took it back knows"
    overdue = [due for _, due, _ in promised if due <= timezone.now()]
    assert overdue, "or this tries nothing"
    assert fired.steps == len(overdue) + 1, "what fell due meanwhile, and the team hears at once"
    line = finding.events.get(kind=Event.Kind.HANDED_OVER)
    assert line.data["because"] == WHY


def test_a_category_that_became_more_urgent_meanwhile_counts(trust: Trust) -> None:
    finding = acknowledged(trust, flagged(trust, category="urgent"))
    critical = Category.objects.get(code="critical")
    change_category(finding=finding, by=trust.radiologist, category=critical, because="Larger.")
    take_acknowledgement_back(finding=finding, by=trust.referrer, because=WHY)
    other = flagged(trust, at=finding.flagged_at)
    finding.refresh_from_db()
    assert clock_of_state(finding).due_at == clock_of_state(other).due_at


def test_only_whoever_gave_it_and_before_anything_was_done(trust: Trust, finding: Finding) -> None:
    with pytest.raises(NotAllowed):
        take_acknowledgement_back(finding=finding, by=trust.colleague, because=WHY)
    with pytest.raises(ValueError, match="reason"):
        take_acknowledgement_back(finding=finding, by=trust.referrer, because=" ")
    record_action(
        finding=finding,
        by=trust.referrer,
        kind=Action.Kind.IMAGING,
        text="Seen.",
        result_expected_on=timezone.localdate() + timedelta(days=7),
    )
    with pytest.raises(MoveRefused):
        take_acknowledgement_back(finding=finding, by=trust.referrer, because=WHY)


def test_it_can_be_acknowledged_again(trust: Trust, finding: Finding) -> None:
    take_acknowledgement_back(finding=finding, by=trust.referrer, because=WHY)
    acknowledge_finding(finding=finding, by=trust.colleague, plan="CT this week.")
    finding.refresh_from_db()
    assert (finding.state, finding.owner) == (State.ACKNOWLEDGED, trust.colleague)


def test_on_the_page(trust: Trust, finding: Finding) -> None:
    page, answer = f"/findings/{finding.reference}/", f"/findings/{finding.reference}/by-mistake/"
    client: Client = signed_in(trust.referrer)
    assert "I acknowledged it by mistake" in words_of(client.get(page))
    assert "I acknowledged it by mistake" not in words_of(signed_in(trust.colleague).get(page))
    shown = client.get(answer)
    assert "as if nobody had answered" in words_of(shown)
    seen = last_decision(finding)
    empty = client.post(answer, {"because": "", "seen": seen})
    assert "Say what happened" in words_of(empty)
    done = client.post(answer, {"because": WHY, "seen": seen}, follow=True)
    words = words_of(done)
    assert "Taken back." in words
    assert "Acknowledged by mistake, and taken back" in words
    assert WHY in words
