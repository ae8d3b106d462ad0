"""The replay of the rule that was in force brings out what the real engine did: every step that
fired, when it fired, and no other. Whatever people did meanwhile, and however late it looked."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from findings.models import Action, Category, Finding, Organisation, Person, Step
from findings.rule_content import content_of
from findings.rules import Refused
from findings.services.acknowledge import (
    acknowledge_finding,
    decline_finding,
    hand_over_finding,
    take_acknowledgement_back,
)
from findings.services.act import record_action
from findings.services.change_category import change_category
from findings.services.clocks import bring_next_step_forward
from findings.services.lab import outcomes
from findings.services.lab_facts import Facts
from findings.services.pause import end_snooze, snooze
from findings.services.policy import load_policy, rule_in_force, sign_rule
from findings.services.policy_checks import clocks_of
from notifications.escalation import fire_finding
from notifications.models import Route
from tests.factories import Trust, flagged
from tests.integration.policy_files import change, own_copy

pytestmark = pytest.mark.django_db

# Minutes between the moves, never none: two things do not happen in one microsecond.
MOVES = ["look", "look", "look", "look", "acknowledge", "decline", "hand_over", "to_team", "act"]
OTHER = {"to_urgent": "urgent", "to_significant": "significant_unexpected", "to_later": "urgent"}
MORE = [*OTHER, "take_back", "snooze", "wake", "nobody_reached", "everybody_reached", "came_back"]
SPANS = st.one_of(st.integers(1, 90), st.integers(60, 2000), st.integers(1000, 20000))
STORIES = st.lists(st.tuples(st.sampled_from([*MOVES, *MORE]), SPANS), min_size=1, max_size=14)
CATEGORIES = ["critical", "urgent", "cancer", "significant_unexpected", "follow_up_recommended"]


class Story:
    """One finding, and what happens to it at moments of our choosing."""

    def __init__(self, trust: Trust, category: str, at: datetime) -> None:
        self.trust, self.at = trust, at
        self.finding = flagged(trust, category=category, at=at)

    def go(self, move: str, minutes: int) -> None:
        self.at += timedelta(minutes=minutes)
        self.finding = Finding.objects.get(pk=self.finding.pk)
        try:
            with transaction.atomic():
                self._moves[move]()
        except (*Refused, ValueError, LookupError):
            pass  # not possible where it stands: the story goes on

    @property
    def _moves(self) -> dict[str, Callable[[], Any]]:
        trust, finding, at = self.trust, self.finding, self.at
        return {
            "look": lambda: fire_finding(finding, at=at),
            "acknowledge": lambda: acknowledge_finding(
                finding=finding, by=self._holder(), plan="Now.", at=at
            ),
            "decline": lambda: decline_finding(
                finding=finding, by=self._holder(), because="Not mine.", at=at
            ),
            "hand_over": lambda: hand_over_finding(
                finding=finding, by=trust.coordinator, because="So.", to=trust.colleague, at=at
            ),
            "to_team": lambda: hand_over_finding(
                finding=finding, by=trust.coordinator, because="So.", to_team=trust.team, at=at
            ),
            "act": lambda: record_action(
                finding=finding,
                by=self._holder(),
                kind=Action.Kind.REFERRAL,
                text="Done.",
                result_expected_on=(at + timedelta(days=9)).date(),
                at=at,
            ),
            "take_back": lambda: take_acknowledgement_back(
                finding=finding,
                by=finding.acknowledged_by or self.trust.referrer,
                because="Slip.",
                at=at,
            ),
            **{move: lambda move=move: self._other_category(move) for move in OTHER},
            "snooze": lambda: snooze(
                finding=finding,
                by=self._holder(),
                because="In theatre.",
                until_at=at + timedelta(hours=1),
                at=at,
            ),
            "wake": lambda: end_snooze(finding=finding, by=self._holder(), at=at),
            "nobody_reached": lambda: self._reached(False),
            "everybody_reached": lambda: self._reached(True),
            "came_back": lambda: bring_next_step_forward(
                finding=finding, because="It came back.", at=at, by=None
            ),
        }

    def _other_category(self, move: str) -> None:
        later = "It can wait." if move == "to_later" else ""
        change_category(
            finding=self.finding,
            by=self.trust.coordinator,
            category=Category.objects.get(pk=OTHER[move]),
            because="Seen again.",
            later_because=later,
            at=self.at,
        )

    def _holder(self) -> Person:
        return self.finding.owner_person or self.trust.referrer

    def _reached(self, can: bool) -> None:
        failed = {} if can else {"failed_at": timezone.now(), "failed_because": "550"}
        of = [self.trust.referrer, self.trust.responsible, self.trust.director]
        Route.objects.filter(person__in=of).update(
            **(failed or {"failed_at": None, "failed_because": ""})
        )


def replayed(organisation: Organisation, policy_id: str, since: datetime, until: datetime) -> Any:
    rule = rule_in_force(policy_id)
    facts = Facts(organisation, policy_id, clocks_of(policy_id), since, until)
    return list(outcomes(facts, content_of(rule, rule.rungs.all())))


@pytest.fixture
def snoozed(tmp_path: Path) -> None:
    """As shipped nothing can be snoozed: here two hours, in two categories."""
    folder = own_copy(tmp_path)
    for policy_id in ("DEF-URG", "DEF-SIG"):
        change(folder, "policy.csv", policy_id, snooze_within="PT2H")
    load_policy(folder)
    for policy_id in ("DEF-URG", "DEF-SIG"):
        sign_rule(policy_id=policy_id, name="Dr A", role="Medical director")


@given(category=st.sampled_from(CATEGORIES), moves=STORIES)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_rule_in_force_brings_out_what_happened(
    trust: Trust, snoozed: None, category: str, moves: list[tuple[str, int]]
) -> None:
    with transaction.atomic():
        began = timezone.now()
        story = Story(trust, category, began)
        for move, minutes in moves:
            story.go(move, minutes)
        policy_id = story.finding.category.local_policy_id
        found = replayed(trust.organisation, policy_id, began, story.at)
        fired = Step.objects.filter(
            finding=story.finding, level__gt=0, fired_at__isnull=False
        ).filter(clock__kind__in=clocks_of(policy_id), clock__rule__policy_id=policy_id)
        for outcome in found:
            assert outcome.is_replayed, (outcome.case.kind, outcome.was)
            assert outcome.was == outcome.would_be.fired
        came_out = sorted(
            (outcome.case.pk, one.level, one.at)
            for outcome in found
            for one in outcome.would_be.fired
        )
        assert came_out == sorted(fired.values_list("clock", "level", "fired_at"))
        transaction.set_rollback(True)
