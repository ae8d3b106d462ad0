"""What the database refuses, whoever asks: raw SQL, a bulk update, a mistake in our own code."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import Error, IntegrityError, connection, transaction
from django.utils import timezone

from findings.models import (
    APPEND_ONLY,
    Clock,
    Event,
    Examination,
    Finding,
    IncomingMessage,
    NoReport,
    Person,
    Receipt,
    Recommendation,
    ReportIdentifier,
    Sender,
    Step,
    Unroutable,
)
from findings.services.close import withdraw_finding
from findings.services.follow_up import Advised
from notifications.models import Notification
from tests.factories import (
    a_trust,
    acknowledged,
    flagged,
    report,
    reported,
    unreported,
    waiting_examination,
)

pytestmark = pytest.mark.django_db


def commit(change: Callable[[], object]) -> None:
    with transaction.atomic():
        change()
        with connection.cursor() as cursor:  # deferred triggers speak at commit
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def refused(change: Callable[[], object], message: str) -> None:
    """Run the change to its commit, as a request would, and see that it fails and why."""
    with pytest.raises(Error, match=message):
        commit(change)


def test_an_unknown_state_is_refused() -> None:
    finding = flagged(a_trust())
    refused(lambda: Finding.objects.filter(pk=finding.pk).update(state="lost"), "check constraint")


def test_a_finding_has_exactly_one_owner() -> None:
    trust = a_trust()
    rows = Finding.objects.filter(pk=flagged(trust).pk)
    refused(lambda: rows.update(owner_team=trust.team), "exactly_one_owner")
    refused(lambda: rows.update(owner_person=None), "exactly_one_owner")


def test_nobody_leaves_a_team_with_its_finding() -> None:
    trust = a_trust()
    flagged(trust)
    place = trust.referrer.memberships.filter(team=trust.team)
    refused(lambda: place.delete(), "still holds an open finding of team")
    refused(lambda: place.update(team=trust.coordination), "still holds an open finding of team")
    commit(lambda: place.update(duty="responsible"))


def test_closing_needs_when_who_and_outcome() -> None:
    finding = acknowledged(a_trust())
    rows = Finding.objects.filter(pk=finding.pk)
    refused(lambda: rows.update(state="closed"), "closed_says_when_who_and_outcome")


def test_acknowledging_needs_a_plan() -> None:
    trust = a_trust()
    rows = Finding.objects.filter(pk=flagged(trust).pk)
    refused(
        lambda: rows.update(
            state="acknowledged", acknowledged_at=timezone.now(), acknowledged_by=trust.referrer
        ),
        "acknowledged_says_when_who_and_plan",
    )


def test_times_cannot_be_out_of_order() -> None:
    finding = acknowledged(a_trust())
    before = finding.flagged_at - timedelta(seconds=1)
    refused(
        lambda: Finding.objects.filter(pk=finding.pk).update(acknowledged_at=before),
        "times_are_in_order",
    )


def test_an_open_finding_always_has_a_running_clock() -> None:
    finding = flagged(a_trust())
    clocks = Clock.objects.filter(finding=finding)
    refused(
        lambda: clocks.update(stopped_at=timezone.now(), stopped_because="answered"),
        "has no running clock",
    )


def test_an_ended_finding_has_no_running_clock() -> None:
    trust = a_trust()
    finding = flagged(trust)
    withdraw_finding(finding=finding, by=trust.radiologist, because="Wrong patient.")
    clock = finding.clocks.get(kind="acknowledge")
    refused(
        lambda: Clock.objects.create(
            finding=finding,
            kind="act",
            rule=clock.rule,
            started_at=clock.started_at,
            due_at=clock.due_at,
        ),
        "ended finding",
    )


def test_a_clock_cannot_have_a_reason_for_stopping_and_no_time() -> None:
    clocks = Clock.objects.filter(finding=flagged(a_trust()))
    refused(lambda: clocks.update(stopped_because="answered"), "stopped_clock_says_when_and_why")


def test_two_running_clocks_of_one_kind_are_refused() -> None:
    finding = flagged(a_trust())
    clock = finding.clocks.get(kind="acknowledge")
    refused(
        lambda: Clock.objects.create(
            finding=finding,
            kind=clock.kind,
            rule=clock.rule,
            started_at=clock.started_at,
            due_at=clock.due_at,
        ),
        "one_running_clock_of_a_kind",
    )


@pytest.mark.parametrize("field", ["due_at", "started_at"])
def test_a_promise_never_changes(field: str) -> None:
    finding = flagged(a_trust())
    later = timezone.now() + timedelta(days=1)
    refused(lambda: Clock.objects.filter(finding=finding).update(**{field: later}), "Cannot update")


def test_a_step_never_fires_early() -> None:
    step = flagged(a_trust()).steps.order_by("due_at").last()
    refused(
        lambda: Step.objects.filter(pk=step.pk).update(fired_at=timezone.now()),
        "step_never_fires_early",
    )


def test_a_step_never_fires_twice_nor_after_it_was_cancelled() -> None:
    finding = flagged(a_trust())
    first, second = finding.steps.order_by("due_at")[:2]
    now = timezone.now() + timedelta(seconds=1)
    Step.objects.filter(pk=first.pk).update(fired_at=now)
    Step.objects.filter(pk=second.pk).update(cancelled_at=now)
    for step in (first, second):
        refused(lambda step=step: Step.objects.filter(pk=step.pk).update(fired_at=now), "has fired")


def test_a_step_is_brought_nearer_and_never_put_off() -> None:
    step = flagged(a_trust()).steps.order_by("due_at").last()
    rows = Step.objects.filter(pk=step.pk)
    refused(
        lambda: rows.update(brought_forward_to=step.due_at + timedelta(minutes=1)),
        "step_only_moves_nearer",
    )
    refused(lambda: rows.update(due_at=step.due_at + timedelta(minutes=1)), "Cannot update")


def test_one_notification_for_a_step_person_and_route() -> None:
    trust = a_trust()
    step = flagged(trust).steps.first()
    fields = {
        "step": step,
        "finding": step.finding,
        "recipient": trust.referrer,
        "route": trust.referrer.routes.first(),
        "channel": "in_app",
        "priority": 1,
    }
    Notification.objects.create(**fields)
    refused(lambda: Notification.objects.create(**fields), "one_notification_a_step_and_route")


def test_sending_needs_a_lease_and_sent_says_when() -> None:
    trust = a_trust()
    step = flagged(trust).steps.first()
    notification = Notification.objects.create(
        step=step,
        finding=step.finding,
        recipient=trust.referrer,
        route=trust.referrer.routes.first(),
        channel="in_app",
        priority=1,
    )
    rows = Notification.objects.filter(pk=notification.pk)
    refused(lambda: rows.update(status="sending"), "sending_has_a_lease")
    refused(lambda: rows.update(status="sent"), "sent_says_when")


def test_an_accession_is_one_examination_of_one_patient() -> None:
    trust = a_trust()
    first, second = reported(trust), reported(trust)
    refused(
        lambda: Examination.objects.filter(pk=second.pk).update(accession=first.accession),
        "accession_is_one_examination",
    )


def test_a_report_version_is_received_once() -> None:
    version = report(a_trust())
    copy = {
        "examination": version.examination,
        "status": version.status,
        "text": "Other words.",
        "reported_at": version.reported_at,
    }
    make = version.examination.reports.create
    refused(lambda: make(**copy, version=version.version, fingerprint="x"), "is_received_once")
    refused(lambda: make(**copy, version=2, fingerprint=version.fingerprint), "is_received_once")


def test_a_report_identifier_leads_to_one_examination() -> None:
    trust = a_trust()
    first, second = reported(trust), reported(trust)
    named = {"sender": trust.sender, "system": "urn:ris", "value": "R1"}
    ReportIdentifier.objects.create(examination=first, **named)
    make = ReportIdentifier.objects.create
    refused(lambda: make(examination=second, **named), "report_identifier_is_one_examination")
    empty = {**named, "value": ""}
    refused(lambda: make(examination=first, **empty), "report_identifier_is_never_empty")


def test_a_refused_part_of_a_message_says_why_and_has_no_report() -> None:
    version = report(a_trust())
    message = IncomingMessage.objects.create(body=b"HELLO", fingerprint="0" * 64, origin="mllp")
    given = {"message": message, "part": 1, "outcome": "refused"}
    refused(lambda: Receipt.objects.create(**given), "refused_says_why")
    refused(
        lambda: Receipt.objects.create(**given, reason="unreadable", report=version),
        "receipt_leads_to_what_it_made",
    )
    for outcome in ("new_report", "ordered", "merged"):
        refused(
            lambda outcome=outcome: Receipt.objects.create(**given | {"outcome": outcome}),  # type: ignore[misc]
            "receipt_leads_to_what_it_made",
        )


def test_event_numbers_have_no_gaps_and_hashes_hold_on_to_each_other() -> None:
    finding = acknowledged(a_trust())
    events = list(finding.events.order_by("number"))
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [event.previous_hash for event in events] == ["", *(e.hash for e in events[:-1])]
    assert len({event.hash for event in events}) == len(events) > 3


def test_an_event_cannot_choose_its_number() -> None:
    finding = flagged(a_trust())
    last = finding.events.order_by("number").last().number
    Event.objects.create(finding=finding, kind=Event.Kind.NOTE, number=1)
    assert finding.events.order_by("number").last().number == last + 1


@pytest.mark.parametrize("table", ["findings_event", "findings_report", "findings_rule"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_written_once_tables_refuse_raw_sql(table: str, verb: str) -> None:
    flagged(a_trust())
    with pytest.raises(Error, match="Cannot"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb.format(table))


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_the_applications_role_has_no_right_to_rewrite(table: str, application_role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege(%s, 'INSERT'),"
            " has_table_privilege(%s, 'UPDATE, DELETE, TRUNCATE')",
            [table, table],
        )
        assert cursor.fetchone() == (True, False)


def test_nothing_that_something_points_at_can_be_deleted() -> None:
    trust = a_trust()
    flagged(trust)
    with pytest.raises(IntegrityError), transaction.atomic():
        trust.referrer.delete()


def test_findings_clocks_and_steps_are_never_deleted() -> None:
    finding = flagged(a_trust())
    for rows in (Step.objects.filter(finding=finding), Clock.objects.filter(finding=finding)):
        with pytest.raises(Error), transaction.atomic():
            rows._raw_delete(rows.db)


def test_whoever_holds_an_open_finding_is_not_switched_off() -> None:
    trust = a_trust()
    flagged(trust)
    refused(
        lambda: Person.objects.filter(pk=trust.referrer.pk).update(is_active=False),
        "still holds an open finding",
    )
    commit(lambda: Person.objects.filter(pk=trust.colleague.pk).update(is_active=False))


def test_another_clock_does_not_stand_in_for_the_one_of_the_state() -> None:
    """The one to tell the patient runs on; the finding is not counted down by it."""
    clocks = Clock.objects.filter(finding=flagged(a_trust()), kind="acknowledge")
    refused(
        lambda: clocks.update(stopped_at=timezone.now(), stopped_because="answered"),
        "has no running clock",
    )


def test_a_finding_awaits_one_examination_and_what_became_of_it_is_said() -> None:
    trust = a_trust()
    due_on = timezone.localdate() + timedelta(days=90)
    finding = flagged(trust, advised=Advised("CT", "chest", due_on))
    rows = finding.recommendations.all()
    refused(lambda: rows.update(due_on=due_on + timedelta(days=1)), "Cannot update")
    refused(
        lambda: rows.update(ended_at=timezone.now(), ended_by=trust.referrer, outcome="elsewhere"),
        "recommendation_not_done_here_says_why",
    )
    refused(
        lambda: Recommendation.objects.create(
            finding=finding,
            modality="MR",
            due_on=due_on,
            recorded_by=trust.referrer,
            recorded_at=timezone.now(),
        ),
        "one_open_recommendation_a_finding",
    )


def test_that_no_report_comes_is_said_once_with_words_and_kept() -> None:
    trust = a_trust()
    examination = reported(trust)

    def say(**fields: object) -> NoReport:
        given = {"reason": "cancelled", "because": "Cancelled at the door."} | fields
        return NoReport.objects.create(
            examination=examination, said_at=timezone.now(), said_by=trust.coordinator, **given
        )

    refused(lambda: say(reason="lost"), "no_report_has_a_reason")
    refused(lambda: say(because=""), "no_report_has_a_reason")
    said = NoReport.objects.filter(pk=say().pk)
    refused(lambda: say(), "no_report_is_said_once")
    refused(lambda: said.update(because="Another."), "Cannot update")
    refused(lambda: said.delete(), "Cannot delete")
    now = timezone.now()
    refused(lambda: said.update(undone_at=now), "undone_no_report_says_when_and_why")
    commit(lambda: said.update(undone_at=now, undone_because="It came.", undone_by=None))
    refused(lambda: said.update(undone_because="Another."), "was undone")
    commit(say)


def test_the_setting_of_an_examination_and_the_silence_of_a_sender_are_known() -> None:
    trust = a_trust()
    rows = Examination.objects.filter(pk=reported(trust).pk)
    refused(lambda: rows.update(setting="other"), "setting_of_examination_is_known")
    senders = Sender.objects.filter(pk=trust.sender.pk)
    refused(lambda: senders.update(silence="unheard"), "silence_of_sender_is_known")


def test_a_clock_is_of_a_finding_or_of_an_examination_that_waits_for_its_report() -> None:
    trust = a_trust()
    finding = flagged(trust)
    clock = waiting_examination(trust).clocks.get()
    fields = {"rule": clock.rule, "started_at": clock.started_at, "due_at": clock.due_at}
    examination = unreported(trust)
    wrong = [
        {"kind": "report_by"},
        {"kind": "report_by", "finding": finding},
        {"kind": "report_by", "finding": finding, "examination": examination},
        {"kind": "act", "examination": examination},
    ]
    for one in wrong:
        refused(
            lambda one=one: Clock.objects.create(**fields, **one),
            "each_subject_has_promises_of_its_own",
        )


def test_an_examination_waits_for_its_report_once_at_a_time() -> None:
    clock = waiting_examination(a_trust()).clocks.get()
    Clock.objects.filter(pk=clock.pk).update(stopped_at=timezone.now(), stopped_because="reported")
    clock.pk = None
    clock.save()  # the report was withdrawn
    clock.pk = None
    refused(clock.save, "one_running_clock_of_an_examination")


def test_what_is_waited_for_never_changes() -> None:
    trust = a_trust()
    examination, another = waiting_examination(trust), unreported(trust)
    for rows in (examination.clocks.all(), examination.steps.all()):
        refused(lambda rows=rows: rows.update(examination=another), "Cannot update")


def test_a_step_and_its_message_are_of_a_finding_or_of_an_examination() -> None:
    trust = a_trust()
    step, finding = waiting_examination(trust).steps.first(), flagged(trust)
    message = Notification(
        step=step,
        examination=step.examination,
        finding=finding,
        recipient=trust.coordinator,
        route=trust.coordinator.routes.first(),
        channel="in_app",
        priority=1,
    )
    refused(message.save, "notification_is_of_one_thing")
    step.pk, step.finding = None, finding
    refused(step.save, "step_is_of_one_thing")
    step.finding = step.examination = None
    refused(step.save, "step_is_of_one_thing")


def test_what_nobody_can_be_told_of_is_a_finding_or_an_examination_once_at_a_time() -> None:
    trust = a_trust()
    given = {"since_at": timezone.now(), "because": "Nobody works here."}
    examination = waiting_examination(trust)
    refused(
        lambda: Unroutable.objects.create(examination=examination, finding=flagged(trust), **given),
        "unroutable_is_of_one_thing",
    )
    Unroutable.objects.create(examination=examination, **given)
    refused(
        lambda: Unroutable.objects.create(examination=examination, **given),
        "an_examination_is_unroutable_once_at_a_time",
    )
