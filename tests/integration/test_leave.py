"""Whoever is on leave is not told; their deputy is, or their team, and may answer."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from findings.models import Audience, Event, Finding, Leave, Person, Role
from findings.reach import Subject
from findings.rules import NotAllowed, can_acknowledge, can_answer_offer
from findings.services.acknowledge import accept_offer, acknowledge_finding
from findings.services.leave import cancel_leave, set_leave, standing_in_for
from findings.services.offer import offer_finding
from notifications import rounds
from notifications.audience import preview, reach
from notifications.models import Notification
from notifications.standing import Standing
from tests.factories import TeamFactory, Trust, a_trust, acknowledged, flagged
from tests.pages import signed_in, words_of

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
    assert (
        Standing([deputy])
        .why(finding, deputy)
        .startswith(f"you stand in for {trust.referrer}, who holds")
    )
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


def test_the_deputy_hears_at_once_of_what_was_waiting(trust: Trust, deputy: Person) -> None:
    waiting, taken = flagged(trust), acknowledged(trust)
    rounds.fire()
    away(trust.referrer, deputy)
    rounds.fire()
    told = Notification.objects.filter(recipient=deputy)
    assert {one.finding for one in told} == {waiting}
    rounds.fire()
    assert Notification.objects.filter(recipient=deputy).count() == told.count()
    assert not taken.notifications.filter(recipient=deputy).exists()


def test_nobody_is_told_before_the_leave_begins(trust: Trust, deputy: Person) -> None:
    flagged(trust)
    tomorrow = timezone.localdate() + timedelta(days=1)
    set_leave(
        person=trust.referrer,
        by=trust.referrer,
        first_on=tomorrow,
        last_on=tomorrow,
        deputy=deputy,
    )
    rounds.fire()
    assert not Notification.objects.filter(recipient=deputy).exists()


def test_what_a_deputy_does_says_for_whom(trust: Trust, deputy: Person) -> None:
    finding = flagged(trust)
    away(trust.referrer, deputy)
    acknowledge_finding(finding=finding, by=deputy, plan="I will telephone the patient.")
    event = finding.events.get(kind="acknowledged")
    assert (event.by, event.data["on_behalf_of"]) == (deputy, str(trust.referrer))
    said = words_of(signed_in(deputy).get(reverse("finding", args=[finding.reference])))
    assert f"{deputy}, on behalf of {trust.referrer}" in said


def test_nobody_who_stands_in_for_nobody_acts_on_behalf(trust: Trust) -> None:
    acknowledge_finding(finding=flagged(trust), by=trust.colleague, plan="Clinic.")
    assert "on_behalf_of" not in Event.objects.get(kind="acknowledged").data


def test_a_deputy_opens_the_finding_and_its_report(trust: Trust, deputy: Person) -> None:
    finding = flagged(trust)
    pages = [
        reverse("finding", args=[finding.reference]),
        reverse("report", args=[finding.examination.public_id]),
    ]
    client = signed_in(deputy)
    assert [client.get(page).status_code for page in pages] == [404, 404]
    away(trust.referrer, deputy)
    assert [client.get(page).status_code for page in pages] == [200, 200]
    said = words_of(client.get(reverse("my-findings")))
    assert "Of those for whom you stand in" in said
    assert finding.reference in said


def test_a_deputy_answers_an_offer_for_whoever_was_asked(trust: Trust, deputy: Person) -> None:
    finding = flagged(trust)
    offer_finding(finding=finding, by=trust.referrer, to=trust.colleague, because="Your clinic.")
    away(trust.colleague, deputy)
    assert can_answer_offer(deputy, finding)
    accept_offer(finding=finding, by=deputy, plan="Clinic tomorrow.")
    finding.refresh_from_db()
    assert finding.owner == deputy
    ended = finding.events.get(kind="offer_ended")
    assert ended.data["on_behalf_of"] == str(trust.colleague)
