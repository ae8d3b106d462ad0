"""Reviews open by themselves: for each promise that was not kept, once, whoever looks first."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from findings.models import Finding, LearningRule, Review, ReviewBreach
from findings.services.close import withdraw_finding
from findings.services.open_reviews import open_for, open_reviews
from notifications import rounds
from tests.factories import Trust, a_trust, acknowledged, flagged, waiting_examination
from tests.integration.desk_scene import ago
from tests.integration.test_at_once import all_at_once

pytestmark = pytest.mark.django_db


def begun(trust: Trust, days: int = 60) -> None:
    """Reviews have opened by themselves for so long."""
    LearningRule.objects.create(
        organisation=trust.organisation, number=1, reviews_from=ago(days=days)
    )


def kinds(review: Review) -> list[str]:
    return sorted(review.breaches.values_list("clock__kind", flat=True))


def test_what_is_not_kept_is_reviewed_and_what_is_kept_is_not(trust: Trust) -> None:
    begun(trust)
    late = flagged(trust, at=ago(minutes=90))
    flagged(trust, at=ago(minutes=30))
    acknowledged(trust, flagged(trust, at=ago(minutes=50)))
    answered_late = acknowledged(trust, flagged(trust, at=ago(hours=3)))
    withdrawn = flagged(trust, at=ago(minutes=10))
    withdraw_finding(finding=withdrawn, by=trust.radiologist, because="Flagged in error.")
    waits = waiting_examination(trust, performed_at=ago(days=29))
    assert open_reviews() == (3, 3)
    found = {review.finding_id or review.examination_id for review in Review.objects.all()}
    assert found == {late.pk, answered_late.pk, waits.pk}
    assert open_reviews() == (0, 0), "each once"
    assert set(Review.objects.values_list("kind", "status", "opened_by")) == {
        ("breach", "open", None)
    }


def test_a_further_breach_is_added_to_the_same_review(trust: Trust) -> None:
    begun(trust)
    finding = acknowledged(trust, flagged(trust, at=ago(minutes=90)))
    open_reviews()
    review = finding.reviews.get()
    assert kinds(review) == ["acknowledge"]
    open_reviews(at=timezone.now() + timedelta(hours=4))
    assert kinds(review) == ["acknowledge", "act"]
    assert Review.objects.count() == 1


def test_the_first_round_opens_nothing_and_history_is_opened_when_somebody_wants_it(
    trust: Trust, capsys: Any
) -> None:
    old = flagged(trust, at=ago(days=3))
    rounds.watch()
    rounds.watch()
    assert LearningRule.objects.filter(organisation=trust.organisation).count() == 1
    assert not Review.objects.exists(), "no flood"
    command = ["open_reviews", "--organisation", trust.organisation.ods_code, "--since"]
    since = f"{timezone.localdate() - timedelta(days=4)}"
    call_command(*command, since, "--dry-run")
    assert "1 broken promises in 1 cases; none opened." in capsys.readouterr().out
    assert not Review.objects.exists()
    for said in ("1 reviews opened", "0 reviews opened"):
        call_command(*command, since)
        assert said in capsys.readouterr().out
    assert old.reviews.get().kind == "breach"


def test_each_trust_has_reviews_of_its_own(trust: Trust) -> None:
    other = a_trust()
    begun(trust), begun(other)
    flagged(other, at=ago(minutes=90))
    assert open_for(trust.organisation.pk, since=ago(days=1), until=timezone.now()) == (0, 0)
    open_reviews()
    assert Review.objects.get().organisation == other.organisation


@pytest.mark.django_db(transaction=True)
def test_rounds_at_the_same_moment_open_one_review() -> None:
    trust = a_trust()
    begun(trust)
    late = [flagged(trust, at=ago(minutes=90)) for _ in range(5)]
    done = all_at_once(*[open_reviews] * 4)
    assert sum(one.reviews for one in done) == 5  # type: ignore[attr-defined]
    assert Review.objects.count() == ReviewBreach.objects.count() == 5
    assert set(Finding.objects.filter(reviews__isnull=False)) == set(late)
