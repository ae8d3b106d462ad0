"""Answers that cross with an end or a correction, and reminders that cross with an answer."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.arrivals import ArrivingStatus
from findings.models import Action, Audience, Event, Finding, Person, Role, Step
from findings.services.act import record_action, record_patient_told
from findings.services.clocks import clock_of_state
from findings.services.close import close_finding, withdraw_finding
from findings.services.offer import offer_finding, take_offer_back
from findings.services.timeline import lock
from findings.states import State
from notifications import tasks
from notifications.delivery import Delivered, deliver_due
from notifications.escalation import Fired, fire_finding
from notifications.firing import fire_due_steps
from notifications.models import Channel, Notification
from tests.calling import FINDINGS, calling
from tests.engine.mail import MailServer
from tests.factories import TeamFactory, Trust, acknowledged, flagged
from tests.integration.telling import ago, fired
from tests.integration.test_asking_again import correct
from tests.pages import hidden_in, signed_in, words_of

pytestmark = pytest.mark.django_db

Kind = Event.Kind
PLAN = "Clinic on Friday."
KEPT = "It is kept in the timeline."


def answer_by_app(finding: Finding, by: Person, **given: Any) -> Any:
    """The acknowledgement that an application kept back until it had a connection."""
    address = f"{FINDINGS}{finding.reference}/acknowledge/"
    response = calling(by).post(address, {"plan": PLAN, **given}, format="json")
    finding.refresh_from_db()
    return response


def late_lines(finding: Finding) -> list[tuple[Person | None, str]]:
    late = finding.events.filter(kind=Kind.ANSWERED_LATE).select_related("by").order_by("number")
    return [(event.by, event.data["plan"]) for event in late]


def nothing_runs(finding: Finding) -> bool:
    fire_finding(lock(finding), at=timezone.now() + timedelta(days=400))
    running = finding.clocks.filter(stopped_at__isnull=True)
    return not running.exists() and not finding.steps.unfired().exists()


def closed(trust: Trust) -> Finding:
    finding, by = acknowledged(trust), trust.referrer
    result_on = timezone.localdate() + timedelta(days=7)
    kind = Action.Kind.IMAGING
    record_action(finding=finding, by=by, kind=kind, text="CT.", result_expected_on=result_on)
    record_patient_told(finding=finding, by=by, how=Finding.ToldHow.TELEPHONE)
    return close_finding(finding=finding, by=by, outcome=Finding.Outcome.NOTHING)


# --- An acknowledgement that arrives after the end does not re-open the case --------------------


def test_an_acknowledgement_that_arrives_after_the_withdrawal_is_kept_and_reopens_nothing(
    trust: Trust,
) -> None:
    finding = fired(trust)
    withdraw_finding(finding=finding, by=trust.radiologist, because="Another patient.")
    refused = answer_by_app(finding, trust.referrer)
    assert refused.status_code == 409
    assert f"{trust.radiologist} was first" in refused.json()["detail"]
    assert KEPT in refused.json()["detail"]
    assert finding.state == State.WITHDRAWN
    assert late_lines(finding) == [(trust.referrer, PLAN)]
    assert finding.events.filter(kind=Kind.WITHDRAWN).exists()
    assert nothing_runs(finding)


def test_an_acknowledgement_that_arrives_after_the_closure_is_kept_and_reopens_nothing(
    trust: Trust,
) -> None:
    finding = closed(trust)
    refused = answer_by_app(finding, trust.colleague)
    assert (refused.status_code, finding.state) == (409, State.CLOSED)
    assert finding.acknowledged_by == trust.referrer
    assert late_lines(finding) == [(trust.colleague, PLAN)]
    assert nothing_runs(finding)


def test_a_late_acknowledgement_is_one_line_however_often_it_is_sent(trust: Trust) -> None:
    finding = closed(trust)
    for _ in range(3):
        answer_by_app(finding, trust.colleague)
    answer_by_app(finding, trust.colleague, plan="Another plan.")
    assert late_lines(finding) == [(trust.colleague, PLAN), (trust.colleague, "Another plan.")]


def test_nobody_leaves_a_late_acknowledgement_of_what_is_not_theirs(trust: Trust) -> None:
    finding = closed(trust)
    assert answer_by_app(finding, trust.coordinator).status_code == 403
    address = reverse("acknowledge", args=[finding.reference])
    typed = {"choice": "other", "details": PLAN, "seen": "1"}
    late = signed_in(trust.coordinator).post(address, typed)
    assert late.status_code == 409
    assert KEPT not in words_of(late)
    assert late_lines(finding) == []


def test_whoever_was_only_the_second_to_acknowledge_leaves_no_line(trust: Trust) -> None:
    finding = acknowledged(trust)
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    caller = calling(trust.colleague)
    seen = caller.get(f"{FINDINGS}{finding.reference}/").json()["seen"]
    acknowledged(trust, finding)
    assert answer_by_app(finding, trust.colleague, seen=seen).status_code == 409
    assert late_lines(finding) == []


def test_the_page_says_that_it_came_too_late_and_where_it_is_kept(trust: Trust) -> None:
    finding, client = flagged(trust), signed_in(trust.referrer)
    address = reverse("acknowledge", args=[finding.reference])
    opened = hidden_in(client.get(address))
    withdraw_finding(finding=finding, by=trust.radiologist, because="Another patient.")
    late = client.post(address, opened | {"choice": "other", "details": PLAN})
    assert late.status_code == 409
    shown = words_of(late)
    assert f"{trust.radiologist} was first" in shown
    assert KEPT in shown
    assert "It was not saved" not in shown
    assert late_lines(finding) == [(trust.referrer, PLAN)]
    page = words_of(client.get(reverse("finding", args=[finding.reference])))
    assert "An acknowledgement came too late. It changed nothing." in page
    assert PLAN in page
    assert client.get(address).status_code == 409, "only looking leaves no line"
    assert len(late_lines(finding)) == 1


# --- Neither does an offer that is accepted after the end -----------------------------------------


def offered(trust: Trust, finding: Finding) -> tuple[Client, dict[str, str]]:
    """Somebody of another team has the page open on which they can accept it."""
    surgeon = trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))
    offer_finding(finding=finding, by=trust.referrer, because="For surgery.", to=surgeon)
    client = signed_in(surgeon)
    opened = hidden_in(client.get(reverse("accept-offer", args=[finding.reference])))
    return client, opened | {"choice": "other", "details": PLAN}


def test_an_offer_accepted_after_the_withdrawal_says_so_and_is_kept(trust: Trust) -> None:
    finding = flagged(trust)
    client, typed = offered(trust, finding)
    withdraw_finding(finding=finding, by=trust.radiologist, because="Another patient.")
    late = client.post(reverse("accept-offer", args=[finding.reference]), typed)
    assert late.status_code == 409
    assert f"{trust.radiologist} was first" in words_of(late)
    assert KEPT in words_of(late)
    ((by, plan),) = late_lines(finding)
    assert (by.team_ids() == trust.referrer.team_ids(), plan) == (False, PLAN)
    finding.refresh_from_db()
    assert finding.state == State.WITHDRAWN
    assert nothing_runs(finding)


def test_an_offer_accepted_after_a_correction_is_kept_and_must_be_made_anew(trust: Trust) -> None:
    finding = flagged(trust)
    client, typed = offered(trust, finding)
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    late = client.post(reverse("accept-offer", args=[finding.reference]), typed)
    assert "The report changed since you opened this page" in words_of(late)
    assert [plan for _, plan in late_lines(finding)] == [PLAN]


def test_an_offer_accepted_after_it_was_taken_back_says_who_did_and_loses_no_word(
    trust: Trust,
) -> None:
    finding = flagged(trust)
    client, typed = offered(trust, finding)
    take_offer_back(finding=finding, by=trust.referrer)
    late = client.post(reverse("accept-offer", args=[finding.reference]), typed)
    assert late.status_code == 409
    assert f"{trust.referrer} was first" in words_of(late)
    assert PLAN in words_of(late)
    assert late_lines(finding) == []


# --- The RIS withdraws the report, and a second later the acknowledgement comes -----------------
# Our answer differs from closing by itself: docs/adr/0016.


def withdrawn_by_the_ris(trust: Trust) -> Finding:
    finding = acknowledged(trust, fired(trust))
    correct(trust, finding.examination, finding.report.text, ArrivingStatus.WITHDRAWN)
    finding.refresh_from_db()
    return finding


def test_an_acknowledgement_from_before_the_ris_withdrew_the_report_does_not_count(
    trust: Trust,
) -> None:
    finding = withdrawn_by_the_ris(trust)
    clock, steps = clock_of_state(finding), finding.steps.count()
    refused = answer_by_app(finding, trust.colleague)
    assert refused.status_code == 409
    assert "The report changed since" in refused.json()["detail"]
    assert (finding.state, clock_of_state(finding)) == (State.AWAITING, clock)
    assert finding.steps.count() == steps, "no escalation begins anew"
    assert late_lines(finding) == [(trust.colleague, PLAN)]
    assert finding.events.filter(kind=Kind.REOPENED).count() == 1


def test_whoever_has_read_that_the_report_was_withdrawn_can_answer(trust: Trust) -> None:
    finding = withdrawn_by_the_ris(trust)
    assert calling(trust.referrer).get(f"{FINDINGS}{finding.reference}/").status_code == 200
    assert answer_by_app(finding, trust.referrer).status_code == 200
    assert (finding.state, late_lines(finding)) == (State.ACKNOWLEDGED, [])


def test_what_an_application_had_seen_counts_and_not_that_somebody_read_it_since(
    trust: Trust,
) -> None:
    finding = fired(trust)
    caller = calling(trust.referrer)
    seen = caller.get(f"{FINDINGS}{finding.reference}/").json()["seen"]
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    caller.get(f"{FINDINGS}{finding.reference}/")
    assert answer_by_app(finding, trust.referrer, seen=seen).status_code == 409
    assert late_lines(finding) == [(trust.referrer, PLAN)]


def test_on_the_page_a_plan_from_before_the_correction_is_kept_and_may_be_sent_again(
    trust: Trust,
) -> None:
    finding, client = fired(trust), signed_in(trust.referrer)
    address = reverse("acknowledge", args=[finding.reference])
    opened = hidden_in(client.get(address)) | {"choice": "other", "details": PLAN}
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    late = client.post(address, opened)
    assert "Read what it says now before you answer." in words_of(late)
    assert late_lines(finding) == [(trust.referrer, PLAN)]
    client.post(address, opened | hidden_in(late))
    finding.refresh_from_db()
    assert (finding.state, finding.plan) == (State.ACKNOWLEDGED, PLAN)


# --- Personal reminders do not go on after the acknowledgement ----------------------------------


def with_reminders(trust: Trust) -> Finding:
    """Flagged two minutes ago: by e-mail and in the application at once, the owner again after
    five minutes, the responsible consultant after ten."""
    finding = flagged(trust, at=ago(minutes=2))
    clock = clock_of_state(finding)
    for level, minutes, audience in ((20, 5, Audience.OWNER), (21, 10, Audience.RESPONSIBLE)):
        Step.objects.create(
            clock=clock,
            finding=finding,
            level=level,
            audience=audience,
            words="reminder",
            priority=1,
            due_at=clock.started_at + timedelta(minutes=minutes),
        )
    return finding


def test_personal_reminders_end_with_the_acknowledgement(mail: MailServer, trust: Trust) -> None:
    finding = with_reminders(trust)
    fire_due_steps()
    deliver_due()
    assert answer_by_app(finding, trust.referrer).status_code == 200
    for minutes in (5, 10, 12):
        at = finding.flagged_at + timedelta(minutes=minutes)
        assert fire_finding(lock(finding), at=at) == Fired()
    for task in (tasks.fire, tasks.deliver):
        task.apply()
    sent = Notification.objects.filter(status=Notification.Status.SENT)
    assert sorted(sent.values_list("channel", flat=True)) == [Channel.EMAIL, Channel.IN_APP]
    assert Notification.objects.count() == 2
    assert [arrived.to for arrived in mail.arrived] == [trust.referrer.email]


def test_a_reminder_that_was_queued_before_the_acknowledgement_is_not_sent(
    mail: MailServer, trust: Trust
) -> None:
    finding = with_reminders(trust)
    fire_due_steps()
    deliver_due()
    # Both reminders fell due and wait in the queue, as while the mail server was away.
    fire_finding(lock(finding), at=finding.flagged_at + timedelta(minutes=10))
    assert Notification.objects.filter(status=Notification.Status.QUEUED).count() == 4
    Notification.objects.update(next_attempt_at=ago(seconds=1))
    assert answer_by_app(finding, trust.referrer).status_code == 200
    assert deliver_due() == Delivered(not_needed=4)
    assert len(mail.arrived) == 1
