"""Whoever is on leave is not told; their deputy is, or their team, and may answer."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from findings.models import Audience, Finding, Leave, Person, Role
from findings.reach import Subject
from findings.rules import NotAllowed, can_acknowledge
from findings.services.leave import cancel_leave, set_leave, standing_in_for
from notifications.audience import preview, reach, why
from tests.factories import TeamFactory, Trust, a_trust, flagged

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


@pytest.fixture
def trust() -> Trust:
    return a_trust()


@pytest.fixture
def deputy(trust: Trust) -> Person:
    """Of another team, so that only standing in opens the finding to them."""
    return trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))


def away(person: Person, deputy: Person | None = None) -> Leave:
    today = timezone.localdate()
    return set_leave(person=person, by=person, first_on=today, last_on=today + WEEK, deputy=deputy)


def told(finding: Finding, audience: Audience = Audience.OWNER) -> set[Person]:
    return {one.person for one in reach(Subject.of(finding), audience).told}


def test_the_deputy_is_told_instead_of_the_owner(trust: Trust, deputy: Person) -> None:
    finding = flagged(trust)
    leave = away(trust.referrer, deputy)
    assert told(finding) == {deputy}
    assert finding.owner == trust.referrer
    assert why(finding, deputy).startswith(f"you stand in for {trust.referrer}, who holds")
    cancel_leave(leave=leave, by=trust.referrer)
    assert told(finding) == {trust.referrer}


def test_the_team_is_told_where_there_is_no_deputy(trust: Trust) -> None:
    finding = flagged(trust)
    away(trust.referrer)
    assert told(finding) == {trust.colleague, trust.responsible, trust.director}


def test_a_deputy_who_left_leaves_it_to_the_team(trust: Trust, deputy: Person) -> None:
    finding = flagged(trust)
    away(trust.referrer, deputy)
    Person.objects.filter(pk=deputy.pk).update(is_active=False)
    assert told(finding) == {trust.colleague, trust.responsible, trust.director}


def test_deputies_are_followed_to_one_who_is_here(trust: Trust, deputy: Person) -> None:
    away(trust.referrer, deputy)
    away(deputy, trust.responsible)
    assert told(flagged(trust)) == {trust.responsible}


def test_deputies_in_a_circle_leave_it_to_the_team(trust: Trust, deputy: Person) -> None:
    away(trust.referrer, deputy)
    away(deputy, trust.referrer)
    assert standing_in_for(trust.referrer, timezone.now()).person is None
    assert told(flagged(trust)) == {trust.colleague, trust.responsible, trust.director}


def test_of_a_team_those_who_are_away_are_left_out(trust: Trust) -> None:
    away(trust.colleague)
    found = reach(Subject.of(flagged(trust)), Audience.TEAM)
    assert trust.colleague not in {one.person for one in found.told}
    assert trust.responsible in {one.person for one in found.told}
    assert any("is on leave until" in reason for reason in found.reasons)


def test_an_absent_consultant_without_a_deputy_is_nobody(trust: Trust) -> None:
    away(trust.responsible)
    assert told(flagged(trust), Audience.RESPONSIBLE) == set()


def test_the_page_before_a_flag_says_who_stands_in(trust: Trust, deputy: Person) -> None:
    from findings.timetable import PlannedStep

    leave = away(trust.referrer, deputy)
    finding = flagged(trust)
    step = PlannedStep(1, timezone.now(), Audience.OWNER, "")
    (shown,) = preview(Subject.of(finding), [step])
    said = " ".join(one.unreachable_because for one in shown.recipients)
    assert f"{trust.referrer} is on leave until {leave.last_on.day}" in said
    assert f"{deputy} stands in." in said


def test_only_a_standing_deputy_sees_and_answers(trust: Trust, deputy: Person) -> None:
    finding = flagged(trust)
    assert not Finding.objects.visible_to(deputy).exists()
    leave = away(trust.referrer, deputy)
    assert Finding.objects.visible_to(deputy).get() == finding
    assert can_acknowledge(deputy, finding)
    cancel_leave(leave=leave, by=trust.referrer)
    assert not Finding.objects.visible_to(deputy).exists()
    assert not can_acknowledge(deputy, finding)


def test_leave_counts_by_local_days(trust: Trust, deputy: Person) -> None:
    day = date(2027, 7, 1)  # summer time: it begins at 23:00 UTC the evening before
    set_leave(person=trust.referrer, by=trust.referrer, first_on=day, last_on=day, deputy=deputy)
    from datetime import UTC, datetime

    def at(*when: int) -> Person | None:
        return standing_in_for(trust.referrer, datetime(*when, tzinfo=UTC)).person

    assert at(2027, 6, 30, 22, 59) == trust.referrer
    assert at(2027, 6, 30, 23, 0) == deputy
    assert at(2027, 7, 1, 22, 59) == deputy
    assert at(2027, 7, 1, 23, 0) == trust.referrer


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"last_on": date(2027, 1, 1)}, "leave_ends_not_before_it_starts"),
        ({"deputy": "referrer"}, "nobody_is_their_own_deputy"),
        ({"first_on": date(2027, 2, 5)}, "leave_of_one_person_does_not_overlap"),
    ],
)
def test_the_database_refuses(trust: Trust, change: dict, constraint: str) -> None:
    given = {
        "person": trust.referrer,
        "entered_by": trust.referrer,
        "entered_at": timezone.now(),
        "first_on": date(2027, 2, 1),
        "last_on": date(2027, 2, 5),
    }
    if "deputy" in change:
        change = {"deputy": trust.referrer}
    if constraint.endswith("overlap"):
        Leave.objects.create(**given)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Leave.objects.create(**given | change)


def test_cancelled_leave_may_be_entered_again(trust: Trust) -> None:
    cancel_leave(leave=away(trust.referrer), by=trust.referrer)
    away(trust.referrer)
    with pytest.raises(ValueError, match="some of these days"):
        away(trust.referrer)


def test_nobody_enters_or_cancels_somebody_elses_leave(trust: Trust) -> None:
    today = timezone.localdate()
    with pytest.raises(NotAllowed):
        set_leave(person=trust.referrer, by=trust.colleague, first_on=today, last_on=today)
    with pytest.raises(NotAllowed):
        cancel_leave(leave=away(trust.referrer), by=trust.colleague)
