"""Three firing and four delivering processes at once, two of them killed, people answering."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from findings.models import Event, Examination, Finding, NoReport, Person, Step
from findings.services.acknowledge import acknowledge_finding
from findings.services.report_by import no_report_expected
from findings.states import BY_STATE, MoveRefused
from notifications.models import Channel, DeliveryAttempt, Notification
from notifications.outcomes import UNDELIVERED
from tests.engine.mail import AFTER, BEFORE, MailServer
from tests.engine.world import Engines, all_quiet, check_history, engines, wait_until
from tests.factories import Trust, flagged, waiting_examination

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

LEASE = 12.0  # seconds


@pytest.fixture
def engine(trust: Trust, mail: MailServer, tmp_path: Path) -> Iterator[Engines]:
    with engines(tmp_path, mail, DELIVERY_LEASE_SECONDS=str(int(LEASE))) as made:
        yield made


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


def first_step(finding: Finding) -> Step:
    return finding.steps.get(clock__kind="acknowledge", level=1)


def acknowledge_at_once(finding: Finding, *people: Person) -> list[object]:
    """What each of them got: the finding, or why not. All start at the same moment."""
    barrier, got = threading.Barrier(len(people)), []

    def answer(person: Person) -> None:
        barrier.wait()
        try:
            got.append(acknowledge_finding(finding=finding, by=person, plan="I will see them."))
        except MoveRefused as refused:
            got.append(refused)
        finally:
            connection.close()

    threads = [threading.Thread(target=answer, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_of_two_who_acknowledge_at_once_one_wins_and_the_other_is_told(trust: Trust) -> None:
    for _ in range(5):
        finding = flagged(trust)
        got = acknowledge_at_once(finding, trust.referrer, trust.colleague)
        assert sorted(type(one).__name__ for one in got) == ["Finding", "MoveRefused"]
        assert finding.events.filter(kind=Event.Kind.ACKNOWLEDGED).count() == 1
        running = finding.clocks.filter(stopped_at__isnull=True, kind__in=BY_STATE)
        assert running.count() == 1


def test_whoever_is_killed_every_step_fires_once_and_every_message_arrives(
    trust: Trust, mail: MailServer, engine: Engines
) -> None:
    mail.kills = {trust.colleague.email: BEFORE, trust.responsible.email: AFTER}
    mail.answers[trust.director.email] = "550 5.1.1 No such mailbox"
    waiting = [flagged(trust, category=category, at=ago(**since)) for category, since in BACKLOG]
    answered = [flagged(trust, at=ago(minutes=14, seconds=50 + n)) for n in range(4)]
    waits = [waiting_examination(trust, performed_at=ago(days=22)) for _ in range(12)]
    engine.crowd("fire", "fire", "fire", "deliver", "deliver", "deliver", "deliver")

    commits = {}
    for examination in waits[::2]:
        no_report_expected(
            examination, reason=NoReport.Reason.CANCELLED, because="Not done.", by=trust.coordinator
        )
    for finding in answered:
        acknowledge_at_once(finding, trust.referrer, trust.colleague)
        commits[finding.pk] = timezone.now()
        flagged(trust)  # and more comes in meanwhile
    wait_until(lambda: len(mail.killed) == 2, what="both to be killed")
    wait_until(all_quiet, 5 * LEASE, what="every step fired and every message settled")

    check_history(mail, kills=2)
    for finding in waiting:
        _check_everybody_due_was_told(finding, mail)
    _check_nothing_started_after(commits)
    for examination in waits:
        _check_wait(examination, mail)
    _check_the_killed(trust, mail)
    assert UNDELIVERED in str(list(waiting[0].steps.values_list("words", flat=True)))


BACKLOG: list[tuple[str, dict[str, Any]]] = [
    ("critical", {"minutes": 50}),
    ("critical", {"minutes": 46}),
    ("critical", {"minutes": 31}),
    ("urgent", {"hours": 13}),
    ("cancer", {"minutes": 5}),
    ("follow_up_recommended", {"days": 8}),
]


def _check_everybody_due_was_told(finding: Finding, mail: MailServer) -> None:
    """Each person of the last telling has it, by mail or, where mail is refused, marked as such."""
    last = finding.steps.filter(fired_at__isnull=False, level__gt=0).order_by("-level")[0]
    told = Notification.objects.filter(step=last, channel=Channel.EMAIL)
    assert told.exists()
    for notification in told.select_related("recipient"):
        if notification.recipient.email in mail.answers:
            assert notification.status == Notification.Status.FAILED
        elif notification.status != Notification.Status.NOT_NEEDED:
            assert notification.message_id in {one.message_id for one in mail.arrived}


def _check_nothing_started_after(commits: dict[int, datetime]) -> None:
    for finding_id, at in commits.items():
        late = DeliveryAttempt.objects.filter(
            notification__finding=finding_id,
            notification__step__clock__kind="acknowledge",
            started_at__gt=at,
        )
        assert not late.exists(), "nothing is sent for the first time after an acknowledgement"


def _check_wait(examination: Examination, mail: MailServer) -> None:
    """Told once while it waits, and not any more once its clock has stopped."""
    clock = examination.clocks.get()
    messages = examination.notifications.filter(channel=Channel.EMAIL)
    ids = [one.message_id for one in messages]
    if clock.stopped_at:
        late = DeliveryAttempt.objects.filter(
            notification__examination=examination, started_at__gt=clock.stopped_at
        )
        assert not late.exists(), "nothing is sent after its clock has stopped"
        assert not clock.steps.filter(fired_at__gt=clock.stopped_at).exists()
    else:
        assert len(ids) == 1
        assert [one.message_id for one in mail.arrived].count(ids[0]) == 1


def _check_the_killed(trust: Trust, mail: MailServer) -> None:
    """Killed before: one copy. Killed after: two, the second of which says so."""
    unfinished = DeliveryAttempt.objects.filter(result=None)
    assert unfinished.count() == 2
    assert {attempt.notification.recipient for attempt in unfinished} == {
        trust.colleague,
        trust.responsible,
    }
    for attempt in unfinished.select_related("notification"):
        copies = [one for one in mail.arrived if one.message_id == attempt.notification.message_id]
        was_after = attempt.notification.recipient == trust.responsible
        assert [copy.may_be_second for copy in copies] == ([False, True] if was_after else [True])


def test_a_finding_that_somebody_holds_is_passed_over_and_fires_later(
    trust: Trust, engine: Engines
) -> None:
    """A long transaction on one finding keeps no other waiting."""
    from django.db import transaction

    from findings.services.timeline import lock

    held, free = flagged(trust, at=ago(minutes=1)), flagged(trust)
    with transaction.atomic():
        lock(held)
        engine.crowd("fire")
        wait_until(
            lambda: free.steps.get(clock__kind="acknowledge", level=1).fired_at,
            what="the free one to fire",
        )
        time.sleep(0.3)
        assert held.steps.get(clock__kind="acknowledge", level=1).fired_at is None
    wait_until(
        lambda: held.steps.get(clock__kind="acknowledge", level=1).fired_at,
        what="the other one to fire",
    )
