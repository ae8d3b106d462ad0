"""Another category: which deadline holds is decided once, nearer and never farther, and shown."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from findings.models import Action, Category, Clock, Event, Finding, Person, Step
from findings.rules import NotAllowed
from findings.services.acknowledge import acknowledge_finding
from findings.services.act import record_action
from findings.services.change_category import change_category, foresee_change
from findings.services.clocks import clock_of_state
from findings.services.close import withdraw_finding
from findings.services.flag import reopen_finding
from findings.services.offer import offer_finding
from findings.services.timeline import lock
from findings.states import ClockKind, MoveRefused
from notifications.escalation import fire_finding
from notifications.models import DeliveryAttempt, Notification
from notifications.rounds import deliver, fire
from tests.factories import Trust, acknowledged, flagged
from tests.pages import fill_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WHY, LATER = "The nodule was there in 2019.", "Agreed with the chest physicians."


def category(code: str) -> Category:
    return Category.objects.get(code=code)


def changed(finding: Finding, to: str, by: Person, **more: Any) -> Finding:
    return change_category(finding=finding, by=by, category=category(to), because=WHY, **more)


def due(finding: Finding) -> datetime:
    return clock_of_state(finding).due_at


def fired(finding: Finding, at: datetime) -> list[tuple[str, int]]:
    """What of the clock of its state fires at this moment, in order."""
    before = set(finding.steps.filter(fired_at__isnull=False).values_list("pk", flat=True))
    fire_finding(finding, at=at)
    steps = finding.steps.filter(fired_at__isnull=False, level__gt=0).exclude(pk__in=before)
    return list(steps.order_by("falls_at", "level").values_list("audience", "level"))


def test_a_nearer_limit_counts_from_the_flag_and_not_from_now(trust: Trust) -> None:
    at = timezone.now() - 20 * MINUTE
    finding = flagged(trust, category="significant_unexpected", at=at)
    old = clock_of_state(finding)
    finding = changed(finding, "critical", trust.radiologist)
    new = clock_of_state(finding)
    assert (new.started_at, new.due_at) == (at, at + HOUR)
    old.refresh_from_db()
    assert (new.replaces, old.stopped_because) == (old, Clock.StoppedBecause.CATEGORY)
    assert str(new.rule).startswith("DEF-CRIT")


def test_what_has_fired_does_not_fire_again_and_what_should_have_does_at_once(
    trust: Trust,
) -> None:
    at = timezone.now() - 50 * MINUTE
    finding = flagged(trust, category="significant_unexpected", at=at)
    assert fired(finding, at + MINUTE) == [("owner", 1)]
    finding = changed(finding, "critical", trust.radiologist)
    # The reminder of 15 minutes, the consultant of 30 and the team of 45; not the first telling.
    now = timezone.now()
    assert fired(finding, now) == [("owner", 2), ("responsible", 3), ("team", 4)]
    assert fired(finding, now + MINUTE) == []
    assert fired(finding, at + HOUR) == [("radiologist", 5), ("coordinator", 6)]


def test_a_later_limit_does_not_hold_and_the_clock_runs_on(trust: Trust) -> None:
    finding = flagged(trust, category="critical")
    clock = clock_of_state(finding)
    finding = changed(finding, "significant_unexpected", trust.radiologist)
    assert clock_of_state(finding) == clock
    assert finding.category.code == "significant_unexpected"


def test_nor_does_it_hold_once_somebody_has_acknowledged(trust: Trust) -> None:
    """The time to act was promised with the flag, too."""
    at = timezone.now() - 10 * MINUTE
    finding = changed(flagged(trust, at=at), "significant_unexpected", trust.radiologist)
    assert due(acknowledged(trust, finding)) == at + 4 * HOUR


def test_a_coordinator_lets_the_later_limit_hold_with_a_reason(trust: Trust) -> None:
    at = timezone.now() - 10 * MINUTE
    finding = flagged(trust, at=at)
    finding = changed(finding, "urgent", trust.coordinator, later_because=LATER)
    clock = clock_of_state(finding)
    assert (clock.due_at, clock.later_because) == (at + 12 * HOUR, LATER)
    assert due(acknowledged(trust, finding)) == at + 24 * HOUR


def test_nobody_else_does(trust: Trust) -> None:
    for by in (trust.radiologist, trust.referrer, trust.governance):
        with pytest.raises(NotAllowed):
            changed(flagged(trust), "urgent", by, later_because=LATER)


def test_there_and_back_gives_no_more_time(trust: Trust) -> None:
    finding = flagged(trust, category="urgent")
    before = due(finding)
    finding = changed(finding, "significant_unexpected", trust.radiologist)
    finding = changed(finding, "urgent", trust.radiologist)
    assert due(finding) == before
    near = due(changed(finding, "critical", trust.radiologist))
    assert due(changed(finding, "urgent", trust.radiologist)) == near < before


def test_what_was_told_two_changes_ago_is_not_told_again(trust: Trust) -> None:
    at = timezone.now() - 30 * MINUTE
    finding = flagged(trust, category="significant_unexpected", at=at)
    fired(finding, at + MINUTE)
    finding = changed(finding, "urgent", trust.radiologist)
    finding = changed(finding, "critical", trust.radiologist)
    assert ("owner", 1) not in fired(finding, timezone.now())


def test_a_corrected_report_counts_under_the_category_of_now(trust: Trust) -> None:
    finding = changed(flagged(trust), "significant_unexpected", trust.radiologist)
    finding = acknowledged(trust, finding)
    at = timezone.now()
    reopen_finding(finding=lock(finding), because="Corrected.", at=at)
    finding.refresh_from_db()
    limit = foresee_change(finding, category("significant_unexpected"))
    assert due(finding) == limit[0].new_due_at > at + DAY


def test_the_time_to_act_that_passed_is_passed_and_its_ladder_begins_now(trust: Trust) -> None:
    """An owner who acted in time as they were asked is not reported in the same second."""
    at = timezone.now() - 2 * DAY
    finding = flagged(trust, category="significant_unexpected", at=at)
    finding = acknowledge_finding(finding=finding, by=trust.referrer, plan="CT.", at=at + HOUR)
    finding = changed(finding, "critical", trust.radiologist)
    clock = clock_of_state(finding)
    assert clock.due_at == at + 4 * HOUR
    assert fired(finding, timezone.now()) == [("owner", 2)]


def test_what_is_sent_goes_in_the_order_of_the_new_category(trust: Trust) -> None:
    finding = flagged(trust, category="significant_unexpected")
    finding = changed(finding, "critical", trust.radiologist)
    unfired = Step.objects.unfired().filter(finding=finding)
    assert set(unfired.values_list("priority", "may_wait")) == {(1, False)}
    finding = changed(finding, "significant_unexpected", trust.radiologist)
    # The promise of a critical finding still holds, and does not wait for the morning.
    ladder = Step.objects.unfired().filter(finding=finding, level__gt=0)
    assert set(ladder.values_list("priority", "may_wait")) == {(4, False)}


def test_the_owner_hears_at_once_that_it_became_more_urgent(trust: Trust) -> None:
    finding = flagged(trust, category="significant_unexpected")
    fire()
    deliver()
    changed(finding, "critical", trust.radiologist)
    fire()
    told = Notification.objects.filter(finding=finding, step__priority=1)
    assert {one.recipient for one in told} == {trust.referrer}
    assert {one.held_until for one in told} == {None}


def test_a_message_on_its_way_still_goes_and_says_the_new_limit(trust: Trust) -> None:
    finding = flagged(trust, category="significant_unexpected")
    fire()
    changed(finding, "critical", trust.radiologist)
    fire()  # while the critical step is not fired, nothing less severe goes
    Notification.objects.filter(finding=finding).update(held_until=None, next_attempt_at=Now())
    deliver()
    sent = DeliveryAttempt.objects.filter(notification__finding=finding)
    assert sent.exists()
    assert all("59 minutes" in one.subject + one.body for one in sent)


def test_an_offer_that_nobody_heard_of_yet_is_told(trust: Trust) -> None:
    finding = flagged(trust, category="significant_unexpected")
    offer_finding(finding=finding, by=trust.referrer, because="Away.", to=trust.colleague)
    changed(finding, "critical", trust.radiologist)
    fire()
    told = Notification.objects.filter(finding=finding, step__audience="offered")
    assert {one.recipient for one in told} == {trust.colleague}


def test_a_result_that_is_awaited_keeps_its_date(trust: Trust) -> None:
    finding = acknowledged(trust, flagged(trust, category="significant_unexpected"))
    record_action(
        finding=finding,
        by=trust.referrer,
        kind=Action.Kind.IMAGING,
        text="CT.",
        result_expected_on=(timezone.localdate() + 20 * DAY),
    )
    finding.refresh_from_db()
    before = clock_of_state(finding)
    assert clock_of_state(changed(finding, "critical", trust.radiologist)) == before


def test_the_reason_and_the_primary_site_are_asked_for(trust: Trust) -> None:
    finding = flagged(trust)
    with pytest.raises(ValueError, match="primary site"):
        changed(finding, "cancer", trust.radiologist)
    with pytest.raises(ValueError, match="already"):
        changed(finding, "critical", trust.radiologist)
    with pytest.raises(ValueError, match="reason"):
        change_category(
            finding=finding, by=trust.radiologist, category=category("urgent"), because=" "
        )
    assert changed(finding, "cancer", trust.radiologist, primary_site="Lung").primary_site == "Lung"


def test_only_an_open_finding_changes(trust: Trust) -> None:
    finding = flagged(trust)
    withdraw_finding(finding=finding, by=trust.radiologist, because="Another patient.")
    with pytest.raises(MoveRefused):
        changed(finding, "urgent", trust.radiologist)


# --- The database ------------------------------------------------------------------------------


def replaced(clock: Clock, because: str = "category", **more: Any) -> None:
    """As a mistake in our own code would."""
    with transaction.atomic():
        Clock.objects.filter(pk=clock.pk).update(stopped_at=timezone.now(), stopped_because=because)
        if more:
            Clock.objects.create(
                finding=clock.finding,
                kind=clock.kind,
                rule=clock.rule,
                started_at=clock.started_at,
                replaces=clock,
                **more,
            )
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_database_refuses_a_later_limit_without_a_reason(trust: Trust) -> None:
    clock = clock_of_state(flagged(trust))
    with pytest.raises(IntegrityError, match="is due later than it"):
        replaced(clock, due_at=clock.due_at + MINUTE)
    replaced(clock, due_at=clock.due_at + MINUTE, later_because=LATER)


def test_the_database_refuses_to_drop_a_promise_that_is_to_be_replaced(trust: Trust) -> None:
    finding = flagged(trust)
    for kind, because in ((ClockKind.TELL_PATIENT, "category"), ("tell_patient", "handed_over")):
        with pytest.raises(IntegrityError, match="nothing replaces it"):
            replaced(finding.clocks.get(kind=kind), because)
    with pytest.raises(IntegrityError, match="was not stopped to be replaced"):
        replaced(clock_of_state(finding), "answered", due_at=timezone.now() + MINUTE)


# --- The page ----------------------------------------------------------------------------------


def page_of(finding: Finding) -> str:
    return reverse("change-category", args=[finding.reference])


def test_the_page_says_beforehand_which_limit_will_hold(trust: Trust) -> None:
    finding = flagged(trust, category="urgent")
    client = signed_in(trust.radiologist)
    assert queries_without_banner(client, page_of(finding)) <= 25
    page = words_of(client.get(page_of(finding)))
    assert "counted from the same start; now it is" in page
    assert "as now: it is nearer. The new limit would be" in page
    assert "Why may it be later" not in page
    page = words_of(signed_in(trust.coordinator).get(page_of(finding)))
    assert "unless you let it hold" in page
    assert "Why may it be later" in page


def test_it_does_what_it_said(trust: Trust) -> None:
    finding = flagged(trust, category="urgent")
    client = signed_in(trust.coordinator)
    typed = {"category": "significant_unexpected", "because": WHY, "limit": "later"}
    page = fill_in(client, page_of(finding), typed)
    assert "Say why it may be later" in words_of(page)
    page = fill_in(client, page_of(finding), {**typed, "later_because": LATER})
    assert page.status_code == 302
    shown = words_of(client.get(page.url))
    assert "Category changed from urgent to significant unexpected." in shown
    assert f"The later limit may hold: {LATER}" in shown
    event = finding.events.get(kind=Event.Kind.CATEGORY_CHANGED)
    assert [one["clock"] for one in event.data["limits"]] == ["acknowledge", "act"]


def test_the_api_says_what_the_limit_took_the_place_of(trust: Trust) -> None:
    finding = flagged(trust, category="urgent")
    before = due(finding)
    changed(finding, "critical", trust.radiologist)
    client = signed_in(trust.referrer)
    given = client.get(reverse("api-finding", args=[finding.reference])).json()["clocks"]
    clock = next(one for one in given if one["kind"] == "acknowledge")
    assert datetime.fromisoformat(clock["replaces_due_at"]) == before
    assert clock["later_because"] == ""
