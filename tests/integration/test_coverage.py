"""Would this reach a human? Asked of everything open and every duty, before the moment comes."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from findings.models import (
    Audience,
    Examination,
    Finding,
    Membership,
    Organisation,
    Person,
    Role,
    RotaEntry,
    Unroutable,
)
from findings.services.close import withdraw_finding
from findings.services.coverage import check_coverage, coverage_of_everything
from findings.services.duties import DutyGap
from findings.services.leave import set_leave
from findings.services.leavers import say_goodbye
from findings.services.offer import offer_finding
from findings.services.rota import add_entry, make_post, remove_entry
from imaging_safety.celery import app
from notifications import bell, coverage, pulse, rounds, watchdog
from notifications.models import Channel, Pulse, Route
from notifications.routes import mark_as_bounced, remove_route
from tests.factories import Trust, a_trust, flagged, leaves_unseen
from tests.integration.test_rotas import around
from tests.integration.test_waits_are_told import reporting_of
from tests.looking_ahead import coverage_of, duties_of
from tests.pages import queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db


def cut_off(person: Person) -> None:
    Route.objects.filter(person=person).delete()


def reconnect(person: Person) -> None:
    Route.objects.create(person=person, channel=Channel.IN_APP, verified_at=timezone.now())


def queue() -> list[Finding]:
    check_coverage()
    return [row.finding for row in Unroutable.objects.standing()]


def sentences() -> list[str]:
    return [str(one) for one in watchdog.look() if one.page == "coverage"]


# --- Findings ------------------------------------------------------------------------------------


def test_where_everybody_can_be_told_nothing_is_found(trust: Trust) -> None:
    flagged(trust)
    found = check_coverage()
    assert found.is_covered
    assert queue() == []


@pytest.mark.parametrize("why", ["left", "no route", "not verified", "bounced", "on leave"])
def test_a_holder_who_cannot_be_told_is_found_for_every_reason(trust: Trust, why: str) -> None:
    finding = flagged(trust)
    routes = Route.objects.filter(person=trust.referrer)
    if why == "left":
        leaves_unseen(trust.referrer)
    elif why == "no route":
        routes.delete()
    elif why == "not verified":
        routes.update(verified_at=None)
    elif why == "bounced":
        routes.update(failed_at=timezone.now())
    else:
        trust.team.memberships.exclude(person=trust.referrer).delete()
        today = timezone.localdate()
        set_leave(person=trust.referrer, by=trust.referrer, first_on=today, last_on=today)
    assert queue() == [finding]
    row = Unroutable.objects.get()
    assert str(trust.referrer) in row.because
    assert row.because.startswith("Nobody can be told as whoever holds it now: ")
    if why == "left":
        transaction.set_rollback(True)  # nor may this be committed


def test_it_counts_from_when_it_was_found_until_somebody_can_be_told(trust: Trust) -> None:
    finding = flagged(trust)
    cut_off(trust.referrer)
    assert queue() == [finding]
    since = Unroutable.objects.get().since_at
    assert queue() == [finding]
    assert Unroutable.objects.get().since_at == since, "a second check does not begin again"
    reconnect(trust.referrer)
    assert queue() == []
    assert Unroutable.objects.get().mended_at is not None
    cut_off(trust.referrer)
    assert queue() == [finding]
    assert Unroutable.objects.count() == 2, "what was before stays as history"


def test_a_finding_that_ended_leaves_the_queue(trust: Trust) -> None:
    finding = flagged(trust)
    cut_off(trust.referrer)
    assert queue() == [finding]
    withdraw_finding(finding=finding, by=trust.radiologist, because="A slip.")
    assert queue() == []


def test_the_next_step_is_asked_for_however_far_away_it_is(trust: Trust) -> None:
    finding = flagged(trust, category="cancer")
    rounds.fire()
    step = finding.steps.get(clock__kind="acknowledge", audience="responsible")
    finding.steps.unfired().exclude(pk=step.pk).update(cancelled_at=timezone.now())
    cut_off(trust.responsible)
    now = timezone.now() - timedelta(days=30)
    (found,) = coverage_of(Finding.objects.all(), now)
    assert found.stopped is not None
    assert found.stopped.step.audience == "responsible"


def test_a_later_step_that_reaches_nobody_is_a_risk_but_not_in_the_queue(trust: Trust) -> None:
    finding = flagged(trust)
    cut_off(trust.director)
    found = check_coverage()
    assert [one.subject for one in found.at_risk] == [finding]
    assert not found.is_covered
    assert queue() == []


def test_who_will_be_on_leave_when_a_step_falls_is_seen_today(trust: Trust) -> None:
    finding = flagged(trust, category="cancer")
    step = finding.steps.get(level=3, clock__kind="acknowledge")
    day = timezone.localtime(step.due_at).date()
    set_leave(person=trust.responsible, by=trust.responsible, first_on=day, last_on=day)
    (found,) = check_coverage().at_risk
    unreached = [one.step.level for one in found.unreached]
    assert 3 in unreached
    assert f"{trust.responsible} is on leave until" in " ".join(found.unreached[0].reasons)


def test_any_number_of_findings_cost_the_same_few_queries(trust: Trust) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            list(coverage_of(Finding.objects.all(), timezone.now()))
        return len(queries)

    flagged(trust)
    few = count()
    for _ in range(5):
        other = a_trust()
        flagged(other)
        flagged(trust, category="urgent")
    assert count() == few <= 12


def test_what_is_alike_is_found_as_one_by_one(trust: Trust) -> None:
    """Whoever holds it, is away, is offered it, or is on a rota that has a gap."""
    now, today = timezone.now(), timezone.localdate()
    post = make_post(
        team=trust.team, by=trust.coordinator, name="On call", stands_for=Audience.RESPONSIBLE
    )
    add_entry(post=post, person=trust.colleague, shift=around(now), by=trust.coordinator)
    cut_off(trust.responsible)
    other = a_trust()
    cut_off(other.referrer)
    for one in (trust, other):
        for category in ("critical", "urgent", "significant_unexpected"):
            flagged(one, category=category)
            flagged(one, category=category, owner=one.colleague)
    offered = flagged(trust, category="urgent")
    deaf = trust.add(Role.REFERRER, team=trust.team, reachable=False)
    offer_finding(finding=offered, by=trust.referrer, to=deaf, because="On leave from today.")
    set_leave(
        person=trust.colleague,
        by=trust.coordinator,
        first_on=today + timedelta(days=2),
        last_on=today + timedelta(days=3),
    )
    everything = Finding.objects.all(), Examination.objects.none(), []
    found = coverage_of_everything(*everything, now)
    one_by_one = [one for one in coverage_of(Finding.objects.all(), now) if one.unreached]
    assert found.findings == one_by_one
    assert found.open_count == Finding.objects.count() > len(one_by_one) > 3


# --- Duties and rotas ----------------------------------------------------------------------------


def duties_uncovered(organisation: Organisation, now: datetime) -> list[DutyGap]:
    return duties_of(organisation, now).uncovered


def test_a_duty_that_nobody_has_is_found(trust: Trust) -> None:
    now = timezone.now()
    assert duties_uncovered(trust.organisation, now) == []
    trust.director.memberships.update(duty=Membership.Duty.MEMBER)
    cut_off(trust.coordinator)
    first, second = duties_uncovered(trust.organisation, now)
    assert (first.team, first.audience) == (trust.team, "the department's clinical director")
    assert first.reasons == (f"{trust.team} has no clinical director.",)
    assert first.span.lasts == timedelta(days=7)
    assert (second.team, second.audience) == (None, "the coordinators")
    assert second.people == (trust.coordinator,)


def test_leave_of_the_only_holder_is_a_span_of_days(trust: Trust) -> None:
    now = timezone.now()
    first_on = timezone.localdate() + timedelta(days=2)
    last_on = first_on + timedelta(days=1)
    set_leave(person=trust.responsible, by=trust.responsible, first_on=first_on, last_on=last_on)
    (gap,) = duties_uncovered(trust.organisation, now)
    begins, ends = timezone.localtime(gap.span.starts_at), timezone.localtime(gap.span.ends_at)
    assert (begins.date(), begins.hour) == (first_on, 0)
    assert (ends.date(), ends.hour) == (last_on + timedelta(days=1), 0)


def test_a_shift_of_somebody_unreachable_is_covered_by_the_duty_and_a_gap_is_listed(
    trust: Trust,
) -> None:
    now = timezone.now()
    post = make_post(
        team=trust.team, by=trust.coordinator, name="On call", stands_for="responsible"
    )
    shift = around(now + timedelta(days=1))
    add_entry(post=post, person=trust.colleague, shift=shift, by=trust.coordinator)
    assert duties_uncovered(trust.organisation, now) == [], "the consultant is told in the gaps"
    gaps = duties_of(trust.organisation, now).stood_in_for
    assert [one.span.ends_at for one in gaps] == [shift.starts_at, now + timedelta(days=7)]
    cut_off(trust.colleague)
    found = duties_of(trust.organisation, now)
    assert found.uncovered == []
    (all_week,) = found.stood_in_for
    assert all_week.span.lasts == timedelta(days=7), "whoever is on cannot be told"
    cut_off(trust.responsible)
    (gap,) = duties_uncovered(trust.organisation, now)
    assert gap.span.lasts == timedelta(days=7)
    reconnect(trust.colleague)
    before, after = duties_uncovered(trust.organisation, now)
    assert before.span.ends_at == shift.starts_at
    assert after.span.starts_at == shift.ends_at
    assert "Nobody is on the rota of On call" in " ".join(before.reasons)


def test_who_is_told_in_this_application_only_is_counted_with_why(trust: Trust) -> None:
    """Of whoever a wait would tell, too."""
    now = timezone.now()
    assert duties_of(trust.organisation, now).only_here == []
    reporting = reporting_of(trust)
    manager = trust.add(team=reporting)
    for person in (manager, trust.coordinator):
        person.routes.filter(channel=Channel.EMAIL).update(verified_at=None)
    trust.coordinator.routes.filter(channel=Channel.EMAIL).delete()
    found = {one.person: one for one in duties_of(trust.organisation, now).only_here}
    assert set(found) == {manager, trust.coordinator}
    assert found[manager].because == f"{manager}'s address has not been verified."
    assert found[manager].duties == {(reporting, "team")}
    assert found[trust.coordinator].because == f"{trust.coordinator} has no address."
    page = words_of(signed_in(trust.coordinator).get(reverse("coverage")))
    assert "2 of those who have a duty" in page
    assert f"{manager}'s address has not been verified." in page
    out = StringIO()
    with suppress(SystemExit):
        call_command("check_coverage", stdout=out)
    assert f"{manager} is told in this application only: {manager}'s address" in out.getvalue()
    manager.routes.filter(channel=Channel.EMAIL).update(verified_at=now)
    assert manager not in [one.person for one in duties_of(trust.organisation, now).only_here]


# --- The check, the watchdog and the command -----------------------------------------------------


def test_the_watchdog_says_for_how_long_nobody_can_be_told(trust: Trust) -> None:
    finding = flagged(trust)
    cut_off(trust.referrer)
    rounds.watch()
    (said,) = sentences()
    assert said.startswith("Nobody can be told of 1 open finding; the longest has waited")
    assert finding.reference not in said
    withdraw_finding(finding=finding, by=trust.radiologist, because="A slip.")
    assert sentences() == [], "at once, without waiting for the next check"


def test_a_check_that_did_not_run_is_said(trust: Trust, monkeypatch: Any) -> None:
    def last_checked() -> list[str]:
        return [one for one in map(str, watchdog.look()) if "would reach anybody" in one]

    def broken() -> None:
        raise RuntimeError

    assert last_checked() == []
    monkeypatch.setattr(coverage, "check_coverage", broken)
    rounds.watch()
    assert last_checked() == [
        "Whether messages would reach anybody was never checked: see the log."
    ]
    monkeypatch.undo()
    rounds.watch()
    assert last_checked() == []
    Pulse.objects.filter(name=pulse.COVERAGE).update(at=timezone.now() - timedelta(hours=4))
    assert "was last checked on" in last_checked()[0]
    rounds.watch()
    assert last_checked() == []


def test_the_check_runs_once_an_hour(trust: Trust) -> None:
    rounds.watch()
    flagged(trust)
    cut_off(trust.referrer)
    rounds.watch()
    assert not Unroutable.objects.exists()
    Pulse.objects.filter(name=pulse.COVERAGE).update(at=timezone.now() - timedelta(hours=1))
    rounds.watch()
    assert Unroutable.objects.exists()


def no_other_can_be_told(trust: Trust) -> None:
    for person in (trust.colleague, trust.responsible, trust.director):
        cut_off(person)


def leaves(trust: Trust) -> None:
    say_goodbye(person=trust.referrer, by=trust.coordinator, because="Another trust.")


def goes_on_leave(trust: Trust) -> None:
    today = timezone.localdate()
    set_leave(person=trust.referrer, by=trust.referrer, first_on=today, last_on=today)


def refuses_mail(trust: Trust) -> None:
    mark_as_bounced(trust.referrer.routes.get(channel=Channel.EMAIL), "550 5.1.1 No such mailbox")


def removes_an_address(trust: Trust) -> None:
    route = trust.referrer.routes.get(channel=Channel.EMAIL)
    remove_route(route=route, by=trust.referrer)


def is_taken_off_the_rota(trust: Trust) -> None:
    remove_entry(entry=RotaEntry.objects.get(), by=trust.coordinator)


@pytest.fixture
def woken(broker_at: Callable[[str], None]) -> Callable[[], list[str]]:
    """The tasks that a broker was given, in this process."""
    broker_at("memory://")
    bell.try_again()

    def tasks() -> list[str]:
        with app.connection_for_read() as broker, broker.SimpleQueue("celery") as queue:
            return [queue.get_nowait().headers["task"] for _ in range(queue.qsize())]

    tasks()
    return tasks


@pytest.mark.parametrize(
    "change",
    [leaves, goes_on_leave, refuses_mail, removes_an_address, is_taken_off_the_rota],
)
def test_what_makes_a_finding_unroutable_is_seen_at_once(
    trust: Trust,
    woken: Callable[[], list[str]],
    django_capture_on_commit_callbacks: Any,
    change: Callable[[Trust], None],
) -> None:
    finding = flagged(trust, category="urgent")
    if change is is_taken_off_the_rota:
        on_call_is_next(trust, finding)
    else:
        trust.referrer.routes.exclude(channel=Channel.EMAIL).delete()
        no_other_can_be_told(trust)
    rounds.watch()
    assert not Unroutable.objects.exists()
    rounds.watch()
    assert not Unroutable.objects.exists()
    connection.run_on_commit.clear()  # what was before has been committed
    with django_capture_on_commit_callbacks(execute=True):
        change(trust)
    assert "notifications.tasks.watch" in woken()
    rounds.watch()
    assert [row.finding for row in Unroutable.objects.standing()] == [finding]
    checked = pulse.last(pulse.COVERAGE)
    rounds.watch()
    assert pulse.last(pulse.COVERAGE) == checked, "once for each request"


def on_call_is_next(trust: Trust, finding: Finding) -> None:
    """Only whoever is on call can be told at the next step."""
    cut_off(trust.responsible)
    post = make_post(
        team=trust.team, by=trust.coordinator, name="On call", stands_for="responsible"
    )
    step = finding.steps.get(clock__kind="acknowledge", audience="responsible")
    on = around(step.due_at, days=1)
    add_entry(post=post, person=trust.colleague, shift=on, by=trust.coordinator)
    finding.steps.unfired().exclude(pk=step.pk).update(cancelled_at=timezone.now())


def test_a_request_while_a_check_runs_is_not_forgotten(trust: Trust, monkeypatch: Any) -> None:
    finding = flagged(trust)

    def asked_meanwhile() -> None:
        cut_off(trust.referrer)
        coverage.ask()

    monkeypatch.setattr(coverage, "check_coverage", asked_meanwhile)
    rounds.watch()
    monkeypatch.undo()
    rounds.watch()
    assert [row.finding for row in Unroutable.objects.standing()] == [finding]


def test_the_command_fails_when_something_would_reach_nobody(trust: Trust) -> None:
    def run() -> str:
        out = StringIO()
        call_command("check_coverage", stdout=out)
        return out.getvalue()

    finding = flagged(trust)
    assert run() == "Every open finding and every duty would reach somebody.\n"
    cut_off(trust.director)
    said = StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("check_coverage", stdout=said)
    assert stopped.value.code == 1
    assert f"{finding.reference}: a later step would reach nobody." in said.getvalue()
    assert f"{trust.director} has no address." in said.getvalue()


# --- The page ------------------------------------------------------------------------------------


def test_the_page_shows_what_would_reach_nobody_and_where_to_mend_it(trust: Trust) -> None:
    finding, elsewhere = flagged(trust), flagged(a_trust())
    client = signed_in(trust.coordinator)
    calm = words_of(client.get(reverse("coverage")))
    assert "Somebody can be told of everything that is open, now and at its next step." in calm
    cut_off(trust.referrer)
    cut_off(elsewhere.owner_person)
    check_coverage()
    response = client.get(reverse("coverage"))
    page = words_of(response)
    assert finding.reference in page
    assert f"{trust.referrer} has no address." in page
    assert reverse("person", args=[trust.referrer.pk]) in response.content.decode()
    assert elsewhere.reference not in page
    assert finding.examination.patient.family_name not in page
    listed = words_of(client.get(reverse("open-findings") + "?unroutable=yes"))
    assert "1 of which nobody can be told" in listed
    assert finding.reference in listed


def test_an_administrator_sees_duties_but_no_finding(trust: Trust) -> None:
    finding = flagged(trust)
    cut_off(trust.referrer)
    cut_off(trust.director)
    page = words_of(signed_in(trust.administrator).get(reverse("coverage")))
    assert finding.reference not in page
    assert f"{trust.team}: the department's clinical director" in page


def test_the_page_asks_as_much_for_twenty_findings(trust: Trust) -> None:
    client = signed_in(trust.coordinator)
    flagged(trust)
    cut_off(trust.referrer)
    few = queries_without_banner(client, reverse("coverage"))
    for _ in range(10):
        trust.add(Role.REFERRER, team=trust.team)
        flagged(trust)
    check_coverage()
    assert queries_without_banner(client, reverse("coverage")) == few <= 25


# --- What the database refuses ------------------------------------------------------------------


def test_the_database_keeps_the_queue_and_its_beginning(trust: Trust) -> None:
    finding = flagged(trust)
    now = timezone.now()
    row = Unroutable.objects.create(finding=finding, since_at=now, because="x")
    rows = Unroutable.objects.filter(pk=row.pk)
    for change, message in (
        (lambda: Unroutable.objects.create(finding=finding, since_at=now, because="y"), "once_at"),
        (lambda: rows.update(because=""), "unroutable_says_why"),
        (lambda: rows.update(mended_at=now - timedelta(1)), "unroutable_is_mended_after"),
    ):
        with pytest.raises(IntegrityError, match=message), transaction.atomic():
            change()
    for change, message in (
        (lambda: rows.delete(), "Cannot delete"),
        (lambda: rows.update(since_at=now - timedelta(1)), "Cannot update"),
    ):
        with pytest.raises(Exception, match=message), transaction.atomic():
            change()
