"""Nothing stays in silence with somebody who has left (or is away: test_leave.py)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from findings.models import Clock, Event, Finding, Membership, Person, Role
from findings.rules import NotAllowed
from findings.services import leavers
from findings.services.leavers import (
    leave_team,
    plan_goodbye,
    say_goodbye,
    settle_leavers,
    welcome_back,
)
from findings.services.offer import offer_finding
from findings.states import BY_STATE, ClockKind, State
from notifications import rounds, watchdog
from notifications.models import Notification
from tests.factories import TeamFactory, Trust, a_trust, acknowledged, flagged

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def switched_off(person: Person) -> None:
    """As when a flag and a goodbye meet and neither sees the other: the database cannot refuse."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE findings_person SET is_active = false WHERE id = %s", [person.pk])


def leaves_by_page(trust: Trust) -> None:
    say_goodbye(person=trust.referrer, by=trust.coordinator, because="New post elsewhere.")


def leaves_by_date(trust: Trust) -> None:
    yesterday = timezone.localdate() - timedelta(days=1)
    Person.objects.filter(pk=trust.referrer.pk).update(leaves_on=yesterday, leaving_because="Gone.")


def leaves_while_one_is_flagged(trust: Trust) -> None:
    switched_off(trust.referrer)


EVERY_WAY = [leaves_by_page, leaves_by_date, leaves_while_one_is_flagged]


@pytest.mark.parametrize("leave", EVERY_WAY)
def test_whoever_leaves_leaves_nothing_behind(trust: Trust, leave) -> None:
    held = [flagged(trust), flagged(trust, category="cancer"), acknowledged(trust)]
    leave(trust)
    rounds.fire()
    for finding in Finding.objects.filter(pk__in=[one.pk for one in held]):
        assert (finding.owner_person, finding.owner_team) == (None, trust.team)
        assert finding.state == State.AWAITING
        assert finding.events.filter(kind="handed_over").count() == 1
    assert not Notification.objects.filter(recipient=trust.referrer).exists()
    assert {one.recipient for one in Notification.objects.all()} >= {
        trust.colleague,
        trust.responsible,
    }
    assert not Person.objects.get(pk=trust.referrer.pk).is_active


def test_leaving_does_not_move_a_limit_that_runs(trust: Trust) -> None:
    finding = flagged(trust, at=timezone.now() - timedelta(minutes=10))
    before = Clock.objects.get(finding=finding, kind="acknowledge")
    ladder = list(before.steps.values_list("level", "due_at"))
    leaves_by_page(trust)
    after = Clock.objects.get(finding=finding, kind="acknowledge")
    assert (after.pk, after.due_at, after.stopped_at) == (before.pk, before.due_at, None)
    assert list(after.steps.filter(level__gt=0).values_list("level", "due_at")) == ladder


def test_the_team_of_a_leaver_must_answer_anew(trust: Trust) -> None:
    finding = acknowledged(trust)
    leaves_by_page(trust)
    finding.refresh_from_db()
    assert (finding.acknowledged_by, finding.plan) == (None, "")
    assert [clock.kind for clock in finding.clocks.filter(stopped_at=None, kind__in=BY_STATE)] == [
        "acknowledge"
    ]
    acknowledged(trust, finding, by=trust.colleague)
    finding.refresh_from_db()
    assert finding.owner == trust.colleague


def test_what_has_ended_stays_as_it_was(trust: Trust) -> None:
    from findings.services.close import withdraw_finding

    finding = withdraw_finding(finding=flagged(trust), by=trust.radiologist, because="An error.")
    leaves_by_page(trust)
    finding.refresh_from_db()
    assert finding.owner_person == trust.referrer


def test_a_team_with_nobody_in_it_sends_it_up_the_ladder_at_once(trust: Trust) -> None:
    finding = flagged(trust)
    Person.objects.filter(pk__in=[trust.colleague.pk, trust.responsible.pk]).update(is_active=False)
    trust.director.routes.update(verified_at=None)
    leaves_by_page(trust)
    rounds.fire()
    told = {one.recipient for one in finding.notifications.all()}
    assert trust.referrer not in told
    assert told & {trust.coordinator, trust.radiologist}


def test_an_offer_to_a_leaver_ends_and_its_owner_hears_of_it(trust: Trust) -> None:
    finding = flagged(trust)
    offer = offer_finding(
        finding=finding, by=trust.referrer, to=trust.colleague, because="Knows the patient."
    )
    switched_off(trust.colleague)
    settle_leavers()
    offer.refresh_from_db()
    assert offer.outcome == "overtaken"
    finding.refresh_from_db()
    assert finding.owner == trust.referrer
    assert finding.steps.filter(words="whom you asked has left").count() == 1


def test_settling_twice_moves_nothing_twice(trust: Trust) -> None:
    flagged(trust)
    switched_off(trust.referrer)
    assert settle_leavers().findings == 1
    assert settle_leavers() == leavers.Settled()


def test_one_leaver_that_fails_stops_no_other(trust: Trust, monkeypatch) -> None:
    other = a_trust()
    first, second = flagged(trust), flagged(other)
    for one in (trust.referrer, other.referrer):
        switched_off(one)
    real = leavers.say_goodbye

    def fails_for_the_first(*, person: Person, **more: object) -> object:
        if person == trust.referrer:
            raise ValueError
        return real(person=person, **more)

    monkeypatch.setattr(leavers, "say_goodbye", fails_for_the_first)
    settled = settle_leavers()
    assert (settled.findings, settled.failed) == (1, 1)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.owner, second.owner) == (trust.referrer, other.team)
    monkeypatch.undo()
    assert settle_leavers().findings == 1


def test_the_watchdog_names_what_a_round_could_not_move(trust: Trust) -> None:
    flagged(trust)
    switched_off(trust.referrer)
    said = "1 open finding is still held by somebody who no longer works here."
    assert said in [str(one) for one in watchdog.look()]
    settle_leavers()
    assert said not in [str(one) for one in watchdog.look()]


def test_nobody_leaves_before_their_last_day_is_over(trust: Trust) -> None:
    plan_goodbye(
        person=trust.referrer,
        by=trust.administrator,
        last_day=timezone.localdate(),
        because="End of contract.",
    )
    settle_leavers()
    assert Person.objects.get(pk=trust.referrer.pk).is_active


def test_whoever_comes_back_does_not_take_findings_from_the_team(trust: Trust) -> None:
    finding = flagged(trust)
    leaves_by_page(trust)
    welcome_back(person=trust.referrer, by=trust.coordinator)
    finding.refresh_from_db()
    assert finding.owner == trust.team
    assert Person.objects.get(pk=trust.referrer.pk).has_role(Role.REFERRER)
    settle_leavers()
    assert Person.objects.get(pk=trust.referrer.pk).is_active


def test_what_somebody_holds_through_a_team_stays_when_they_leave_the_team(trust: Trust) -> None:
    stays = flagged(trust)
    other = TeamFactory(organisation=trust.organisation)
    Membership.objects.create(person=trust.referrer, team=other)
    goes_along = flagged(trust, at=timezone.now() - timedelta(minutes=1))
    Finding.objects.filter(pk=goes_along.pk).update(team=other)
    limit = stays.clocks.get(kind=ClockKind.ACKNOWLEDGE).due_at
    assert leave_team(person=trust.referrer, team=trust.team, by=trust.coordinator) == [stays]
    stays.refresh_from_db()
    goes_along.refresh_from_db()
    assert (stays.owner, stays.state) == (trust.team, State.AWAITING)
    assert goes_along.owner == trust.referrer
    assert stays.clocks.get(stopped_at=None, kind=ClockKind.ACKNOWLEDGE).due_at == limit
    (line,) = stays.events.filter(kind=Event.Kind.HANDED_OVER)
    assert line.data["because"] == f"{trust.referrer} is not in {trust.team} any more."
    rounds.fire()
    told = {one.recipient for one in Notification.objects.filter(finding=stays)}
    assert trust.colleague in told
    assert trust.referrer not in told


@pytest.mark.parametrize("who", ["referrer", "radiologist", "colleague", "governance"])
def test_only_coordinators_and_administrators_let_somebody_leave(trust: Trust, who: str) -> None:
    with pytest.raises(NotAllowed):
        say_goodbye(person=trust.responsible, by=getattr(trust, who), because="No.")


def test_another_trusts_coordinator_lets_nobody_leave(trust: Trust) -> None:
    with pytest.raises(NotAllowed):
        say_goodbye(person=trust.referrer, by=a_trust().coordinator, because="No.")


def test_leaving_needs_a_reason(trust: Trust) -> None:
    with pytest.raises(ValueError, match="reason"):
        say_goodbye(person=trust.referrer, by=trust.coordinator, because=" ")
