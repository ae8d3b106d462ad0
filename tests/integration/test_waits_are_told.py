"""An examination that waits for its report: the engine tells of it as it does of a finding."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from findings.models import (
    Audience,
    Clock,
    Event,
    Examination,
    Membership,
    Person,
    Step,
    Team,
)
from findings.models.about import About
from findings.services.leave import set_leave
from notifications.delivery import Delivered, deliver_due
from notifications.firing import _Batch, fire_due_steps
from notifications.models import DeliveryAttempt, Notification
from tests.engine.mail import MailServer
from tests.factories import TeamFactory, Trust, a_trust, flagged, waiting_examination
from tests.integration.telling import next_turn
from tests.integration.test_at_once import all_at_once
from tests.pages import signed_in, words_of

pytestmark = pytest.mark.django_db

Status, Duty = Notification.Status, Membership.Duty
DAY = timedelta(days=1)


@pytest.fixture
def reporting(trust: Trust) -> Team:
    return reporting_of(trust)


def reporting_of(trust: Trust) -> Team:
    return TeamFactory(
        organisation=trust.organisation, site=trust.site, kind=Team.Kind.REPORTING, specialty=""
    )


@pytest.fixture
def manager(trust: Trust, reporting: Team) -> Person:
    return trust.add(team=reporting)


@pytest.fixture
def director(trust: Trust, reporting: Team) -> Person:
    return trust.add(team=reporting, duty=Duty.DIRECTOR)


def waits(trust: Trust, days: float, **fields: object) -> Examination:
    """One whose images were made so many days ago."""
    return waiting_examination(trust, performed_at=timezone.now() - days * DAY, **fields)


def told(examination: Examination) -> set[Person]:
    return {one.recipient for one in examination.notifications.select_related("recipient")}


def report_comes(examination: Examination) -> None:
    """As filing does it."""
    now = timezone.now()
    clocks = Clock.objects.filter(examination=examination, stopped_at__isnull=True)
    clocks.update(stopped_at=now, stopped_because=Clock.StoppedBecause.REPORTED)
    Step.objects.filter(examination=examination).unfired().update(cancelled_at=now)


# --- Firing ------------------------------------------------------------------------------------


def test_the_imaging_managers_are_told_when_its_first_step_falls(
    trust: Trust, manager: Person, director: Person
) -> None:
    early, examination = waits(trust, 20), waits(trust, 21.5)
    fired = fire_due_steps()
    assert (fired.steps, fired.notifications, fired.failed) == (1, 4, 0)
    assert told(examination) == {manager, director}
    assert not told(early)
    assert examination.steps.get(level=1).fired_at is not None
    assert not Event.objects.exists()


def test_after_its_limit_everybody_hears_once(
    trust: Trust, manager: Person, director: Person
) -> None:
    examination = waits(trust, 30)
    fire_due_steps()
    assert told(examination) == {manager, director, trust.governance}
    assert fire_due_steps().steps == 0
    ways = examination.notifications.values_list("recipient", "channel")
    assert len(ways) == len(set(ways))


def test_it_is_fired_once_by_four_at_once(transactional_db: None) -> None:
    trust = a_trust()
    trust.add(team=reporting_of(trust))
    every = [waits(trust, 22) for _ in range(8)]
    findings = [flagged(trust) for _ in range(4)]
    fired = all_at_once(*[fire_due_steps] * 4)
    assert sum(one.steps for one in fired) == len(every) + len(findings)
    assert all(one.notifications.count() == 2 for one in (*every, *findings))


def test_the_most_severe_of_both_are_told_first_and_then_the_most_overdue(
    trust: Trust, manager: Person
) -> None:
    """As far as a batch goes, whatever there is of either kind."""
    significant = flagged(trust, category="significant_unexpected")
    longer, shorter = waits(trust, 25), waits(trust, 22)
    critical = flagged(trust)
    urgent = flagged(trust, category="urgent")
    order = [
        About(finding=critical.pk),
        About(finding=urgent.pk),
        About(finding=significant.pk),
        About(examination=longer.pk),
        About(examination=shorter.pk),
    ]
    for size in range(1, len(order) + 1):
        batch = _Batch()
        batch.take(size, set())
        assert set(batch.subjects) == set(order[:size])
    # A trust may sign a limit of hours for an emergency, and then nothing waits behind it.
    rows = Step.objects.filter(examination=shorter)
    rows.update(priority=1)
    batch = _Batch()
    batch.take(2, set())
    assert set(batch.subjects) == {About(examination=shorter.pk), order[0]}


def test_without_imaging_managers_the_coordinators_hear(trust: Trust) -> None:
    examination = waits(trust, 22)
    fire_due_steps()
    assert told(examination) == {trust.coordinator}


def test_where_nobody_can_be_told_the_ladder_climbs_on(trust: Trust, reporting: Team) -> None:
    trust.add(team=reporting, reachable=False)
    examination = waits(trust, 22)
    assert fire_due_steps().steps == 3
    assert told(examination) == {trust.governance}
    assert fire_due_steps().steps == 0


def test_a_trust_without_coordinators_still_climbs_to_its_governance(trust: Trust) -> None:
    Membership.objects.filter(team=trust.coordination).delete()
    Team.objects.filter(pk=trust.coordination.pk).update(kind=Team.Kind.CLINICAL)
    examination = waits(trust, 22)
    fire_due_steps()
    assert told(examination) == {trust.governance}


def test_one_that_fails_stops_no_other(
    trust: Trust, manager: Person, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good, finding = waits(trust, 22), waits(trust, 22), flagged(trust)
    Step.objects.create(
        clock=bad.clocks.get(),
        examination=bad,
        level=9,
        audience="nobody",
        words="",
        priority=9,
        due_at=timezone.now() - DAY,
    )
    fired = fire_due_steps()
    assert (fired.steps, fired.failed) == (2, 1)
    assert told(good) == {manager}
    assert told(finding) == {trust.referrer}
    assert "examination not escalated" in caplog.text


def test_after_its_report_nothing_fires_and_nothing_is_sent(
    mail: MailServer, trust: Trust, manager: Person
) -> None:
    examination = waits(trust, 22)
    fire_due_steps()
    coming = Step.objects.filter(examination=examination, level=2)
    coming.update(brought_forward_to=timezone.now())
    clocks = Clock.objects.filter(examination=examination)
    clocks.update(stopped_at=timezone.now(), stopped_because=Clock.StoppedBecause.REPORTED)
    assert fire_due_steps().steps == 0
    assert deliver_due() == Delivered(not_needed=2)
    assert not mail.arrived


def test_a_report_that_comes_while_a_message_is_written_keeps_it_back(
    trust: Trust, manager: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifications import messages

    examination, write = waits(trust, 22), messages.write
    fire_due_steps()

    def slowly(*arguments: object, **more: object) -> messages.Message:
        report_comes(examination)
        return write(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(messages, "write", slowly)
    assert next_turn() is None
    assert not DeliveryAttempt.objects.exists()


# --- Telling -----------------------------------------------------------------------------------


def test_a_message_says_what_is_asked_by_when_and_where_and_nothing_of_the_patient(
    mail: MailServer, trust: Trust, manager: Person
) -> None:
    examination = waits(trust, 22, description="CT Pancreas")
    fire_due_steps()
    assert deliver_due() == Delivered(sent=2)
    (arrived,) = mail.to(manager.email)
    subject = str(arrived.message["Subject"])
    assert subject.startswith("Examination: please see that it is reported by ")
    assert subject.endswith(f" ({examination.reference})")
    assert f"/waiting/{examination.public_id}/" in arrived.text
    assert "you are a member of the team that sees to it that examinations are" in arrived.text
    said = " ".join([arrived.text, arrived.raw, subject])
    secrets = [
        examination.patient.family_name,
        examination.accession,
        "Pancreas",
        "CT",
        str(trust.site),
    ]
    assert [secret for secret in secrets if secret in said] == []


WHY: list[tuple[Callable[[Trust], str], str]] = [
    (lambda trust: trust.governance.email, "you are a governance lead of the trust that made"),
    (lambda trust: "director@trust.example", "you are the clinical director of the team that sees"),
]


@pytest.mark.parametrize(("address", "why"), WHY)
def test_whoever_is_told_late_reads_how_late_and_why_they(
    mail: MailServer, trust: Trust, reporting: Team, address: Callable[[Trust], str], why: str
) -> None:
    trust.add(team=reporting, duty=Duty.DIRECTOR, username="director")
    waits(trust, 31)
    fire_due_steps()
    deliver_due()
    (arrived,) = mail.to(address(trust))
    late = "Examination: please see that it is reported, 3 days late"
    assert str(arrived.message["Subject"]).startswith(late)
    assert why in arrived.text


def test_whoever_stands_in_reads_that_they_do(
    mail: MailServer, trust: Trust, manager: Person
) -> None:
    today = timezone.localdate()
    set_leave(
        person=manager, by=manager, first_on=today, last_on=today + DAY, deputy=trust.colleague
    )

    def asked(count: int) -> int:
        """About who is in which team."""
        for _ in range(count):
            waits(trust, 22)
        fire_due_steps()
        with CaptureQueriesContext(connection) as queries:
            deliver_due()
        return sum('FROM "findings_membership"' in one["sql"] for one in queries)

    assert asked(1) == asked(3), "however many there are"
    read = [one.text for one in mail.to(trust.colleague.email)]
    assert len(read) == 4
    assert all("you stand in for a member of the team that sees to it" in text for text in read)


def test_a_later_message_of_the_same_wait_takes_the_place_of_an_earlier(
    mail: MailServer, trust: Trust, manager: Person
) -> None:
    examination = waits(trust, 22, waits=((21, Audience.TEAM), (21.5, Audience.TEAM)))
    steps = examination.steps.order_by("level")
    steps.filter(level=2).update(waits_until=timezone.now() + DAY)
    fire_due_steps()
    steps.filter(level=2).update(waits_until=None)
    fire_due_steps()
    assert deliver_due() == Delivered(sent=2, not_needed=2)
    assert len(mail.arrived) == 1


def test_an_address_that_refuses_brings_the_next_step_forward_and_the_coordinators_hear(
    mail: MailServer, trust: Trust, manager: Person
) -> None:
    mail.answers[manager.email] = "550 5.1.1 No such mailbox"
    examination = waits(trust, 22)
    fire_due_steps()
    deliver_due()
    moved = examination.steps.filter(brought_forward_to__isnull=False)
    assert [step.level for step in moved] == [2]
    fire_due_steps()
    assert trust.coordinator in told(examination)
    deliver_due()
    (arrived,) = mail.to(trust.coordinator.email)
    assert "could not be delivered" in arrived.text
    assert not Event.objects.exists()


def test_saved_up_over_night_it_stands_beside_findings(
    mail: MailServer, trust: Trust, manager: Person
) -> None:
    waits(trust, 22), waits(trust, 23)
    fire_due_steps()
    morning = timezone.now() - timedelta(minutes=1)
    Notification.objects.update(held_until=morning, next_attempt_at=morning)
    deliver_due()
    (arrived,) = mail.to(manager.email)
    assert str(arrived.message["Subject"]) == "Examination: 2 examinations wait for you"


def test_many_are_told_with_the_same_few_questions(trust: Trust, manager: Person) -> None:
    def asked(count: int) -> int:
        for _ in range(count):
            waits(trust, 22)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            fire_due_steps()
        return len(queries)

    assert asked(1) == asked(6)


def test_the_inbox_leads_to_its_page_for_as_long_as_it_is_theirs(
    trust: Trust, reporting: Team, manager: Person
) -> None:
    examination = waits(trust, 22)
    fire_due_steps()
    deliver_due()
    client = signed_in(manager)
    inbox = client.get(reverse("inbox"))
    assert f"Examination {examination.reference}" in words_of(inbox)
    (message,) = Notification.objects.in_app()
    opens = reverse("open-notification", args=[message.public_id])
    assert client.post(opens)["Location"] == reverse("wait", args=[examination.public_id])
    message.refresh_from_db()
    assert message.seen_at is not None
    Membership.objects.filter(person=manager).delete()
    said = words_of(client.post(opens, follow=True))
    assert f"Others see to {examination.reference} now" in said
