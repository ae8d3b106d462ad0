"""An improvement is told of like a finding until it is done, and shows whether anything changed."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import Error, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.models import Clock, Improvement, Rule, Rung, Step, Unroutable
from findings.services import improvements
from findings.services.coverage import check_coverage
from findings.services.policy import sign_rule
from findings.services.timeline import database_now
from notifications.delivery import deliver_due
from notifications.firing import fire_due_steps
from notifications.models import Channel, Notification, Route
from notifications.watchdog import look
from tests.engine.mail import MailServer
from tests.factories import Trust, a_trust, acknowledged, flagged
from tests.integration.desk_scene import ago
from tests.integration.test_at_once import all_at_once
from tests.pages import fill_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(trust: Trust) -> Client:
    return signed_in(trust.governance)


def asked(trust: Trust, *, days: int = 30, **more: Any) -> Improvement:
    """Due so many days from now; before today it was asked for a month before that."""
    at = database_now()
    if days < 0:
        at -= timedelta(days=30 - days)
    given = {"what": "A rota of registrars at night.", "owner": trust.referrer}
    return improvements.ask_for_improvement(
        by=trust.governance,
        due_on=timezone.localdate() + timedelta(days=days),
        measure="acknowledged",
        at=at,
        **{**given, **more},
    )


def typed(name: str, day: date) -> dict[str, str]:
    return {f"{name}-day": f"{day.day}", f"{name}-month": f"{day.month}"} | {
        f"{name}-year": f"{day.year}"
    }


def told(improvement: Improvement) -> set[tuple[Any, str]]:
    rows = Notification.objects.filter(improvement=improvement)
    return {(one.recipient, one.step.audience) for one in rows.select_related("recipient")}


def page_of(improvement: Improvement) -> str:
    return reverse("improvement", args=[improvement.reference])


def test_its_ladder_climbs_to_the_governance_leads_and_stops_when_it_is_done(
    trust: Trust, mail: MailServer
) -> None:
    early, late = asked(trust), asked(trust, days=-8)
    fired = fire_due_steps()
    assert (fired.failed, fired.unreached) == (0, 0)
    assert told(early) == set()
    assert {who for who, _ in told(late)} == {trust.referrer, trust.governance}
    Notification.objects.update(held_until=None, next_attempt_at=database_now())
    deliver_due()
    bodies = [one.text for one in mail.arrived]
    assert any("An improvement that you own is not done yet." in body for body in bodies)
    assert any("An improvement is not done yet." in body for body in bodies)
    assert all("registrars" not in body for body in bodies), "what it is stands on its page"
    shown = Notification.objects.filter(improvement=late, channel=Channel.IN_APP)
    assert set(shown.values_list("status", flat=True)) == {"sent"}
    improvements.carry_out(
        improvement=late,
        by=trust.referrer,
        evidence="The rota of May.",
        in_force_on=timezone.localdate(),
    )
    clock = late.clocks.get()
    assert clock.stopped_because == "answered"
    assert not Step.objects.filter(clock=clock).unfired().exists()
    assert not [one for one in look() if "improvement" in one.text]


def test_what_is_not_needed_any_more_does_not_go_out(trust: Trust, mail: MailServer) -> None:
    late = asked(trust, days=-1)
    fire_due_steps()
    improvements.give_up(improvement=late, by=trust.governance, because="The ward has closed.")
    deliver_due()
    assert not mail.arrived
    assert late.clocks.get().stopped_because == "given_up"


def test_where_its_owner_cannot_be_told_the_ladder_climbs_at_once(trust: Trust) -> None:
    nobody = trust.add(reachable=False)
    late = asked(trust, days=-1, owner=nobody)
    fire_due_steps()
    assert told(late) == {(trust.governance, "governance")}


def test_coverage_asks_ahead_of_it(trust: Trust, lead: Client) -> None:
    """Its owner, and the leads whom its next steps tell: the queue has it until they can be told,
    and no warning stands on every page."""
    improvement, done = asked(trust, days=3), asked(trust, days=3)
    improvements.give_up(improvement=done, by=trust.governance, because="Another way was found.")
    calm = words_of(lead.get(reverse("coverage")))
    assert "of 1 improvement, and" in calm
    assert improvement.reference not in calm
    Route.objects.filter(person=trust.referrer).delete()
    assert [one.subject for one in check_coverage().unroutable] == [improvement]
    (row,) = Unroutable.objects.standing()
    assert row.improvement == improvement
    page = words_of(lead.get(reverse("coverage")))
    assert f"{improvement.reference} Improvement Who cannot be told {trust.referrer}, who" in page
    assert not [one for one in look() if one.page == "coverage"]
    improvements.give_to(
        improvement=improvement, by=trust.governance, to=trust.colleague, because="They left."
    )
    check_coverage()
    assert not Unroutable.objects.standing().exists()


def test_what_its_messages_say_can_be_read_before_they_go(trust: Trust, lead: Client) -> None:
    listed = words_of(lead.get(reverse("wordings")))
    assert "An improvement is not done yet" in listed
    page = words_of(lead.get(reverse("other-message", args=["improve"])))
    assert "An improvement that you own is not done yet." in page
    assert "you own this improvement" in page
    to_lead = words_of(lead.get(reverse("other-message", args=["improve-lead"])))
    assert "give it up with a reason" in to_lead
    assert "you are a governance lead of the trust" in to_lead


@pytest.mark.django_db(transaction=True)
def test_processes_that_fire_together_tell_each_person_once() -> None:
    trust = a_trust()
    late = [asked(trust, days=-8) for _ in range(3)]
    flagged(trust, at=ago(minutes=5))
    all_at_once(*[fire_due_steps] * 4)
    for one in late:
        rows = Notification.objects.filter(improvement=one)
        found = list(rows.values_list("recipient", "channel"))
        assert len(found) == len(set(found)) == 4


def test_without_a_signature_nobody_is_told_and_the_page_says_so(
    trust: Trust, lead: Client, settings: Any
) -> None:
    newest = Rule.objects.filter(policy_id="DEF-IMPROVE").latest("version")
    rungs = list(newest.rungs.all())
    newest.pk, newest.version, newest.fingerprint = None, newest.version + 1, "changed"
    newest.save(force_insert=True)
    for rung in rungs:
        rung.pk, rung.rule = None, newest
    Rung.objects.bulk_create(rungs)
    settings.DEMONSTRATION = False
    one = asked(trust)
    assert not one.clocks.exists()
    assert "has not signed the ladder DEF-IMPROVE" in words_of(lead.get(page_of(one)))
    sign_rule(policy_id="DEF-IMPROVE", name="Dr A", role="Medical director")
    assert improvements.start_missing_clock(one) is not None
    assert improvements.start_missing_clock(one) is None, "twice changes nothing"


def test_from_asking_to_whether_it_worked(trust: Trust, lead: Client) -> None:
    for week in range(12, 2, -1):
        flagged(trust, at=ago(days=7 * week))
    for _ in range(4):
        finding = flagged(trust, at=ago(days=3))
        acknowledged(trust, finding, at=ago(days=3, hours=-0.5))
    soon = timezone.localdate() + timedelta(days=20)
    given = {"what": "A rota.", "owner": trust.referrer.pk, "measure": "acknowledged"}
    ask = reverse("ask-for-improvement")
    sent = lead.post(ask, given | typed("due_on", soon), follow=True)
    one = Improvement.objects.get()
    assert f"{trust.referrer} is told." in words_of(sent)
    owner = signed_in(trust.referrer)
    assert one.reference in words_of(owner.get(reverse("improvements")))
    day = timezone.localdate() - timedelta(days=14)
    done = {"evidence": "In the rota book."} | typed("in_force_on", day)
    fill_in(owner, reverse("improvement-done", args=[one.reference]), done)
    page = words_of(lead.get(page_of(one)))
    assert "Before: 0 % (0 of 1" in page
    assert "After: 100 % (4 of 4)" in page
    assert "1 week after it is better than chance explains." in page
    assert "Outside the process limits" in page
    again = owner.get(reverse("improvement-done", args=[one.reference]), follow=True)
    assert "was done already" in words_of(again)
    verdict = {"worked": "yes", "note": "From none to all."}
    fill_in(lead, reverse("check-improvement", args=[one.reference]), verdict)
    assert "It worked. From none to all." in words_of(lead.get(page_of(one)))
    assert one in Improvement.objects.filter(worked="yes")


def test_the_second_press_is_told_who_was_first_and_keeps_what_was_typed(
    trust: Trust, lead: Client
) -> None:
    one = asked(trust)
    improvements.give_up(improvement=one, by=trust.governance, because="No.")
    address = reverse("improvement-done", args=[one.reference])
    late = lead.post(
        address, {"evidence": "My words."} | typed("in_force_on", timezone.localdate())
    )
    assert f"{trust.governance} has recorded already that it is given up." in words_of(late)
    assert "My words." in late.content.decode()


def test_it_goes_to_somebody_else_and_its_day_does_not_move(trust: Trust, lead: Client) -> None:
    one = asked(trust, days=-1)
    before = one.clocks.get().due_at
    address = reverse("give-improvement", args=[one.reference])
    fill_in(lead, address, {"to": str(trust.colleague.pk), "because": "On leave."})
    one.refresh_from_db()
    assert (one.owner, one.clocks.get().due_at) == (trust.colleague, before)
    fire_due_steps()
    assert (trust.colleague, "owner") in told(one)
    assert "On leave." in words_of(lead.get(page_of(one)))


def test_the_inbox_leads_its_owner_there(trust: Trust) -> None:
    one = asked(trust, days=-1)
    fire_due_steps()
    Notification.objects.update(status="sent", sent_at=database_now(), held_until=None)
    owner = signed_in(trust.referrer)
    assert f"Improvement {one.reference}" in words_of(owner.get(reverse("inbox")))
    row = Notification.objects.get(recipient=trust.referrer, channel=Channel.IN_APP)
    opened = owner.post(reverse("open-notification", args=[row.public_id]))
    assert opened.headers["Location"] == page_of(one)


def test_pages_ask_the_same_few_questions_however_many_there_are(
    trust: Trust, lead: Client
) -> None:
    one = asked(trust)
    addresses = [reverse("improvements"), page_of(one)]
    few = [queries_without_banner(lead, address) for address in addresses]
    for _ in range(4):
        asked(trust)
    assert [queries_without_banner(lead, address) for address in addresses] == few
    assert max(few) <= 25, few


def test_the_database_refuses_what_makes_no_sense(trust: Trust) -> None:
    one = asked(trust)
    rows = Improvement.objects.filter(pk=one.pk)
    now = timezone.now()
    clock = one.clocks.get()
    for change in (
        lambda: rows.update(what="Else."),
        lambda: rows.update(due_on=timezone.localdate() + timedelta(days=90)),
        lambda: rows.update(ended_at=now, ended_by=trust.governance, outcome="done"),
        lambda: rows.update(checked_at=now, checked_by=trust.governance, worked="yes"),
        rows.delete,
        lambda: Clock.objects.filter(pk=clock.pk).update(improvement=None),
        lambda: Clock.objects.create(
            improvement=one,
            kind="act",
            rule=clock.rule,
            started_at=now,
            due_at=now + timedelta(days=1),
        ),
        lambda: Clock.objects.create(
            improvement=one,
            kind="improve",
            rule=clock.rule,
            started_at=now,
            due_at=now + timedelta(days=1),
        ),
    ):
        with pytest.raises(Error), transaction.atomic():
            change()
