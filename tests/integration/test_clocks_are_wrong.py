"""The database's clock goes back by ten minutes, or a machine's differs from it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from findings.arrivals import ArrivingPatient
from findings.models import Finding, PatientChange, Step
from findings.services.acknowledge import acknowledge_finding, decline_finding
from findings.services.close import withdraw_finding
from findings.services.leavers import say_goodbye
from findings.services.merge import merge_patients
from findings.services.offer import offer_finding
from findings.services.patient_change import Change, confirm_owner, record_change, undo_change
from findings.services.timeline import add_note
from findings.states import ClockKind
from notifications import clockwork, rounds, watchdog
from notifications.models import Notification
from tests.engine.mail import MailServer
from tests.factories import Trust, acknowledged, flagged, report, reported
from tests.wrong_clock import DatabaseClock

TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture
def clock(db: None) -> DatabaseClock:
    return DatabaseClock()


def a_round() -> None:
    rounds.fire()
    rounds.deliver()


def said() -> list[str]:
    return [str(sentence) for sentence in watchdog.look()]


def test_nobody_is_told_twice_and_what_falls_due_meanwhile_is_told_late_by_no_more(
    trust: Trust, mail: MailServer, clock: DatabaseClock
) -> None:
    flagged(trust, at=timezone.now() - timedelta(minutes=20))
    a_round()
    before = len(mail.arrived)
    assert before > 0
    clock.is_wrong_by(-TEN_MINUTES)
    waits = flagged(trust, at=timezone.now())  # as if just before the clock went back
    a_round()
    assert len(mail.arrived) == before, "nothing again, and nothing before its time"
    clock.is_wrong_by(timedelta())
    a_round()
    assert waits.steps.filter(fired_at__isnull=False).count() == 1
    told = [one.message_id for one in mail.arrived]
    assert len(told) > before
    assert len(told) == len(set(told)), "each of them once"


def test_a_message_that_waits_for_its_next_try_is_sent_once_the_clock_has_caught_up(
    trust: Trust, mail: MailServer, clock: DatabaseClock
) -> None:
    flagged(trust)
    rounds.fire()
    clock.is_wrong_by(-TEN_MINUTES)
    rounds.deliver()
    assert mail.arrived == []
    clock.is_wrong_by(timedelta())
    rounds.deliver()
    assert len(mail.arrived) == 1
    waiting = Notification.objects.exclude(status=Notification.Status.SENT)
    assert not waiting.exists()


ANSWERS: dict[str, Callable[[Trust, Finding], object]] = {
    "acknowledge": lambda trust, finding: acknowledge_finding(
        finding=finding, by=trust.referrer, plan="CT this week."
    ),
    "decline": lambda trust, finding: decline_finding(
        finding=finding, by=trust.referrer, because="Not ours.", to=trust.colleague
    ),
    "offer": lambda trust, finding: offer_finding(
        finding=finding, by=trust.referrer, because="Your patient.", to=trust.colleague
    ),
    "withdraw": lambda trust, finding: withdraw_finding(
        finding=finding, by=trust.radiologist, because="Wrong side."
    ),
    "record a discharge": lambda trust, finding: record_change(
        patient=finding.examination.patient,
        change=Change(PatientChange.Kind.DISCHARGED, timezone.now() - timedelta(hours=1)),
        by=trust.coordinator,
    ),
    "merge": lambda trust, finding: merge_patients(
        keep=reported(trust).patient,
        merged=finding.examination.patient,
        because="One patient.",
        by=trust.coordinator,
    ),
    "note": lambda trust, finding: add_note(
        finding=finding, by=trust.referrer, text="Rang the ward."
    ),
    "leave": lambda trust, finding: say_goodbye(
        person=trust.referrer, by=trust.administrator, because="A new post."
    ),
    "correct": lambda trust, finding: report(
        trust,
        accession=finding.examination.accession,
        patient=ArrivingPatient(nhs_number=finding.examination.patient.nhs_number),
        reported_at=finding.report.reported_at + timedelta(seconds=1),
        text="Nothing of note.",
    ),
}


# What an acknowledged finding is not asked any more.
FIRST = ("acknowledge", "decline")


@pytest.mark.parametrize(
    ("name", "is_acknowledged"),
    [
        *((name, False) for name in ANSWERS),
        *((name, True) for name in ANSWERS if name not in FIRST),
    ],
)
def test_what_is_answered_meanwhile_is_kept_and_never_earlier_than_the_line_before(
    trust: Trust, clock: DatabaseClock, name: str, is_acknowledged: bool
) -> None:
    finding = flagged(trust)
    if is_acknowledged:
        acknowledged(trust, finding)
    before = finding.events.order_by("-number")[0]
    clock.is_wrong_by(-TEN_MINUTES)
    ANSWERS[name](trust, finding)
    after = finding.events.order_by("number").filter(number__gt=before.number)
    assert after.exists()
    assert all(event.at >= before.at for event in after)


def test_what_is_taken_back_meanwhile_comes_after_what_it_takes_back(
    trust: Trust, clock: DatabaseClock
) -> None:
    finding = flagged(trust)
    died = Change(PatientChange.Kind.DIED, timezone.now() - timedelta(hours=1))
    change = record_change(patient=finding.examination.patient, change=died, by=trust.coordinator)
    clock.is_wrong_by(-TEN_MINUTES)
    confirm_owner(finding=finding, by=trust.referrer, text="I will ask the family.")
    undo_change(change=change, because="Somebody else.", by=trust.coordinator)
    times = list(finding.events.order_by("number").values_list("at", flat=True))
    assert times == sorted(times)


def test_the_next_promise_is_counted_from_the_flag_as_ever(
    trust: Trust, clock: DatabaseClock
) -> None:
    finding, other = flagged(trust), flagged(trust)
    acknowledged(trust, other)
    clock.is_wrong_by(-TEN_MINUTES)
    acknowledge_finding(finding=finding, by=trust.referrer, plan="CT this week.")
    limits = [
        one.clocks.get(kind=ClockKind.ACT).due_at - one.flagged_at for one in (finding, other)
    ]
    assert limits[0] == limits[1]
    steps = [Step.objects.filter(finding=one).unfired().count() for one in (finding, other)]
    assert steps[0] == steps[1]


def test_by_more_than_an_hour_it_is_not_believed(trust: Trust, clock: DatabaseClock) -> None:
    finding = flagged(trust)
    clock.is_wrong_by(timedelta(hours=-2))
    with pytest.raises(IntegrityError):
        acknowledge_finding(finding=finding, by=trust.referrer, plan="CT this week.")


def test_it_is_said_until_the_clock_has_caught_up(db: None, clock: DatabaseClock) -> None:
    a_round()
    assert said() == []
    clock.is_wrong_by(-TEN_MINUTES)
    a_round()  # which itself must not forget it
    apart, back = said()
    assert apart.startswith("The clocks of this machine and of the database differ by ")
    assert back.startswith("The clock of the database went back by ")
    assert back.endswith("until it has caught up, people are told that much later.")
    clock.is_wrong_by(timedelta())
    a_round()
    assert said() == []


@pytest.mark.parametrize("hours", [1, -1, 24])
def test_a_machine_whose_clock_is_wrong_is_said(db: None, hours: int) -> None:
    a_round()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
        (sentence,) = said()
    assert sentence.startswith("The clocks of this machine and of the database differ by ")
    assert said() == []


def test_a_slow_answer_is_no_wrong_clock() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    seconds = timedelta(seconds=1)
    assert clockwork.apart(noon, noon + 20 * seconds, noon + 30 * seconds) is None
    assert clockwork.apart(noon, noon + 36 * seconds, noon + 30 * seconds) == 6 * seconds
    assert clockwork.apart(noon, noon - 6 * seconds, noon + 30 * seconds) == 6 * seconds
    assert clockwork.apart(noon, noon - 4 * seconds, noon) is None
