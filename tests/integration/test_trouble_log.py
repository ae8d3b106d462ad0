"""Kinds of trouble that others reported in public about escalation, rotas, beat and mail.

Each test names the kind, says in its docstring what went wrong elsewhere and what is right here,
and keeps the figures with which it was described. Kinds that have a room of their own stay there:
rotas over a change of the clocks in test_rotas.py, bank holidays and limits over the change in
test_calendars.py, a broker that restarts in tests/engine/test_broker.py.
"""

import csv
import io
import logging
import mailbox
import re
import shelve
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from celery.beat import PersistentScheduler, ScheduleEntry
from django.conf import settings as current
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from findings import measures, words
from findings.arrivals import ArrivingPatient, ArrivingPerson, ArrivingStatus
from findings.measures import promises_visible_to
from findings.measures.period import last_days
from findings.models import (
    Audience,
    Category,
    Clock,
    Event,
    Finding,
    Membership,
    Person,
    Post,
    Role,
    Step,
    Unroutable,
)
from findings.reach import Subject
from findings.services.acknowledge import acknowledge_finding
from findings.services.act import record_action, record_patient_told
from findings.services.calendars import calendar
from findings.services.close import close_finding
from findings.services.coverage import check_coverage
from findings.services.leave import set_leave
from findings.services.leavers import say_goodbye
from findings.services.offer import offer_finding
from findings.services.rota import add_entry, make_post
from findings.services.staff_import import import_people
from findings.services.timeline import database_now, lock
from findings.shifts import Shift
from findings.states import ClockKind, State
from findings.timetable import parse_duration
from imaging_safety.celery import app
from notifications import messages, rounds, tasks
from notifications.audience import reach
from notifications.delivery import deliver_due
from notifications.escalation import fire_finding
from notifications.firing import fire_due_steps
from notifications.models import Channel, Notification, Route
from notifications.quiet import held_until
from tests.engine.mail import MailServer
from tests.factories import (
    RouteFactory,
    TeamFactory,
    Trust,
    acknowledged,
    flagged,
    reported,
)
from tests.integration.telling import email_to, fired
from tests.integration.test_asking_again import correct
from tests.pages import signed_in, words_of

pytestmark = pytest.mark.django_db
LONDON = ZoneInfo("Europe/London")
Kind = Event.Kind
# The nights in which the clocks change, each with a day before and a day after.
AUTUMN, SPRING = date(2026, 10, 24), date(2026, 3, 28)


def london(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON, fold=fold)


def events(finding: Finding, *kinds: Event.Kind) -> list[Event]:
    return list(finding.events.filter(kind__in=kinds).order_by("number"))


# --- Escalation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["nobody in it works here", "nobody in it has an address"])
def test_a_step_that_reaches_nobody_makes_the_next_one_fall_at_once(trust: Trust, why: str) -> None:
    """An empty rota, or people without an address, made whole delays pass with nobody told. Right:
    at 02:00, not at 02:30, the consultant is told; the timeline says which step reached nobody and
    why; coverage had said so before, and governance sees it."""
    finding = flagged(trust, at=london("2026-11-24 02:00"))
    Finding.objects.filter(pk=finding.pk).update(owner_person=None, owner_team=trust.team)
    plain = Membership.objects.filter(team=trust.team, duty=Membership.Duty.MEMBER)
    plain = list(plain.values_list("person", flat=True))
    ward = TeamFactory(organisation=trust.organisation)
    Finding.objects.filter(pk=finding.pk).update(owner_team=ward)
    Membership.objects.filter(person__in=plain).update(team=ward)
    if why == "nobody in it works here":
        Person.objects.filter(pk__in=plain).update(is_active=False)
    else:
        Route.objects.filter(person__in=plain).delete()
    check_coverage()
    assert Unroutable.objects.standing().filter(finding=finding).exists()
    fire_finding(lock(finding), at=london("2026-11-24 02:00"))
    told = Notification.objects.filter(finding=finding)
    assert {one.recipient for one in told} == {trust.responsible}
    assert {one.created_at for one in told} == {london("2026-11-24 02:00")}
    passed_over = events(finding, Kind.STEP_UNREACHABLE)
    assert [one.data["level"] for one in passed_over] == [1, 2]
    assert all(one.data["because"] for one in passed_over)
    page = words_of(signed_in(trust.governance).get(reverse("coverage")))
    assert finding.reference in page


def by_page(trust: Trust) -> None:
    say_goodbye(person=trust.referrer, by=trust.coordinator, because="New post elsewhere.")


def by_date(trust: Trust) -> None:
    yesterday = timezone.localdate() - timedelta(days=1)
    Person.objects.filter(pk=trust.referrer.pk).update(leaves_on=yesterday)
    rounds.fire()


def by_directory(trust: Trust) -> None:
    row = {
        "username": trust.referrer.username,
        "given_name": trust.referrer.given_name,
        "family_name": trust.referrer.family_name,
        "organisation": trust.organisation.ods_code,
        "leaves": "now",
    }
    written = io.StringIO()
    writer = csv.DictWriter(written, list(row))
    writer.writeheader()
    writer.writerow(row)
    outcome = import_people(written.getvalue().encode(), by=trust.administrator)
    assert not outcome.mistakes


@pytest.mark.parametrize("leaves", [by_page, by_date, by_directory])
def test_whoever_was_deactivated_gets_nothing_and_keeps_nothing(
    mail: MailServer, trust: Trust, leaves: Callable[[Trust], None]
) -> None:
    """Leavers went on getting mail, and what they held stayed with them. Right: however somebody
    is switched off, they get no mail from then on; the 3 findings that they held are their team's,
    each with its line, and the team is told at once."""
    held = [flagged(trust) for _ in range(3)]
    leaves(trust)
    rounds.fire()
    rounds.deliver()
    assert mail.to(trust.referrer.email) == []
    for finding in held:
        finding.refresh_from_db()
        assert (finding.owner_person, finding.owner_team) == (None, trust.team)
        (line,) = events(finding, Kind.HANDED_OVER)
        assert str(trust.referrer) in line.data["because"]
        subjects = [str(one.message["Subject"]) for one in mail.to(trust.colleague.email)]
        assert any(finding.reference in subject for subject in subjects)


def test_a_report_that_names_somebody_who_left_goes_to_their_team(trust: Trust) -> None:
    """The order of the day before still names the leaver. Right: their team holds what is found;
    and where nobody of it works here any more, the routing rules decide, so that whoever holds it
    is somebody who can be told."""
    by_page(trust)
    code = ArrivingPerson(code=trust.referrer.professional_code)
    next_day = flagged(trust, examination=reported(trust, requester=code, requesting_location=""))
    assert (next_day.owner_person, next_day.owner_team) == (None, trust.team)
    (flag,) = events(next_day, Kind.FLAGGED)
    assert "no longer works here, so their team holds it" in flag.data["why_this_owner"]
    for person in (trust.colleague, trust.responsible, trust.director):
        say_goodbye(person=person, by=trust.coordinator, because="The ward closes.")
    after = flagged(trust, examination=reported(trust, requester=code))
    assert (after.owner_person, after.owner_team) == (None, trust.coordination)
    (flag,) = events(after, Kind.FLAGGED)
    assert flag.data["why_this_owner"].startswith(
        f"Nobody who works here could answer in {trust.team}"
    )


def test_a_correction_of_what_a_leaver_had_closed_asks_their_team(trust: Trust) -> None:
    """What had ended stays with whoever held it, so a correction re-opened it for somebody who had
    gone. Right: it is the team's in the same moment, and no round is needed for that."""
    finding = acknowledged(trust, flagged(trust, at=timezone.now() - timedelta(hours=2)))
    close(trust, finding, at=database_now())
    by_page(trust)
    correct(trust, finding.examination, "A nodule after all.", ArrivingStatus.CORRECTED)
    finding.refresh_from_db()
    assert finding.state == State.AWAITING
    assert (finding.owner_person, finding.owner_team) == (None, trust.team)
    fire_due_steps()
    told = Notification.objects.filter(finding=finding, step__clock__stopped_at=None)
    recipients = {one.recipient for one in told}
    assert trust.colleague in recipients
    assert trust.referrer not in recipients


def close(trust: Trust, finding: Finding, at: datetime) -> None:
    record_action(
        finding=finding,
        by=trust.referrer,
        kind="imaging",
        text="CT requested.",
        result_expected_on=words.local(at).date(),
        at=at,
    )
    told = Finding.ToldHow.TELEPHONE
    record_patient_told(finding=finding, by=trust.referrer, how=told, told_at=at, at=at)
    close_finding(finding=finding, by=trust.referrer, outcome=Finding.Outcome.NOTHING, at=at)


def test_time_in_which_it_was_closed_is_not_counted_when_it_is_reopened(trust: Trust) -> None:
    """Re-opened after days, it was late in the same second. Right: acknowledged after 20 minutes
    and closed, then a correction 3 days later: 60 minutes from the correction; governance counts
    the first promise as kept and the second as waiting; nobody is told that anything is late."""
    began = timezone.now() - timedelta(days=3, hours=1)
    finding = flagged(trust, at=began)
    acknowledge_finding(
        finding=finding, by=trust.referrer, plan="Clinic.", at=began + timedelta(minutes=20)
    )
    close(trust, finding, at=began + timedelta(minutes=50))
    correct(trust, finding.examination, "The other lung.", ArrivingStatus.CORRECTED)
    first, second = finding.clocks.filter(kind=ClockKind.ACKNOWLEDGE).order_by("started_at")
    assert first.stopped_because == Clock.StoppedBecause.ANSWERED
    assert first.stopped_at - first.started_at == timedelta(minutes=20)
    corrected_at = events(finding, Kind.REOPENED)[0].at
    assert second.is_running
    assert (second.started_at, second.due_at - second.started_at) == (
        corrected_at,
        timedelta(minutes=60),
    )
    assert not Finding.objects.filter(pk=finding.pk).overdue(database_now()).exists()
    promises, now = promises_visible_to(trust.governance), database_now()
    period = last_days(7, timezone.localdate())
    kept = measures.rows("acknowledged", trust.organisation, period, met=True)
    assert list(kept) == [first]
    assert list(measures.COUNTS["waiting"].select(promises, now)) == [second]
    fire_due_steps()
    assert (
        "late"
        not in messages.write(
            email_to(trust.referrer, step__clock=second), at=now, may_be_second=False
        ).text.lower()
    )


# --- Rotas and working days -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ("2026-12-31 20:00", "2027-01-01 08:00"),  # over midnight and the end of the year
        ("2028-02-28 20:00", "2028-02-29 08:00"),  # into a leap day
        ("2026-10-24 20:00", "2026-10-25 01:30"),  # ends in the hour that happens twice
        ("2026-03-28 20:00", "2026-03-29 01:30"),  # ends in the hour that is left out
    ],
)
def test_at_every_moment_of_a_handing_over_exactly_one_is_on(
    trust: Trust, starts: str, ends: str
) -> None:
    """A shift over midnight ended at 23:59, or two were on at the moment of handing over. Right:
    whoever begins is on from the very moment at which the other ends."""
    first, second = (trust.add(Role.REFERRER, team=trust.team) for _ in range(2))
    post = make_post(
        team=trust.team,
        by=trust.coordinator,
        name="On call",
        stands_for=Post.StandsFor.RESPONSIBLE,
    )
    night = Shift.between(datetime.fromisoformat(starts), datetime.fromisoformat(ends))
    day = Shift.between(datetime.fromisoformat(ends), datetime.fromisoformat(ends[:10] + " 18:00"))
    for person, shift in ((first, night), (second, day)):
        add_entry(post=post, person=person, shift=shift, by=trust.coordinator)
    asked = Subject.of(flagged(trust))

    def on(at: datetime) -> set[Person]:
        return {one.person for one in reach(asked, Audience.RESPONSIBLE, at).told}

    midnight = night.starts_at.astimezone(LONDON).replace(hour=0, minute=0) + timedelta(days=1)
    moment = timedelta(microseconds=1)
    for at in (night.starts_at, midnight - moment, midnight, night.ends_at - moment):
        assert on(at) == {first}, at
    assert on(night.ends_at) == on(night.ends_at + moment) == {second}


@pytest.mark.parametrize(
    ("nation", "start", "within", "ends"),
    [
        # The last minute of a week, in summer: the day is London's, not UTC's.
        ("ENG", "2026-07-03 23:59", "P1D", "2026-07-06 23:59"),
        ("ENG", "2026-07-04 00:00", "P1D", "2026-07-06 00:00"),
        ("ENG", "2026-07-05 23:30", "P1D", "2026-07-06 23:30"),
        # The end of a year, with New Year's Day on a Friday; 2 January is Scotland's own.
        ("ENG", "2026-12-31 17:30", "P1D", "2027-01-04 17:30"),
        ("SCT", "2026-12-31 17:30", "P1D", "2027-01-05 17:30"),
        # Good Friday is one in Scotland, too; Easter Monday is not.
        ("SCT", "2026-04-02 09:00", "P1D", "2026-04-06 09:00"),
        ("ENG", "2026-04-02 09:00", "P1D", "2026-04-07 09:00"),
        # 12 July is a Sunday in 2026: its substitute closes Northern Ireland alone.
        ("NIR", "2026-07-10 09:00", "P1D", "2026-07-14 09:00"),
        ("ENG", "2026-07-10 09:00", "P1D", "2026-07-13 09:00"),
        # 29 February 2028 is a Tuesday on which people work.
        ("ENG", "2028-02-28 09:00", "P1D", "2028-02-29 09:00"),
        ("ENG", "2028-02-29 09:00", "P1D", "2028-03-01 09:00"),
        # Over the weekends on which the clocks change, to the same time on the wall.
        ("ENG", "2026-10-23 16:00", "P1D", "2026-10-26 16:00"),
        ("ENG", "2026-03-27 16:00", "P1D", "2026-03-30 16:00"),
        ("ENG", "2026-10-23 16:00", "P1DT4H", "2026-10-26 20:00"),
    ],
)
def test_working_days_end_right_at_every_boundary_of_the_calendar(
    trust: Trust, nation: str, start: str, within: str, ends: str
) -> None:
    """Limits were wrong at the edges: a Friday night, the end of a year, one nation's days, a
    leap day, a change of the clocks."""
    trust.site.nation = nation
    due_at = calendar("working", trust.site).add(london(start), parse_duration(within))
    assert due_at.astimezone(LONDON) == london(ends)


def test_time_that_has_passed_is_said_as_it_passed_when_the_clocks_change() -> None:
    """Wall clock from wall clock made 3 hours 30 of the night in October. Right: from 24 October
    2026 at 23:00 to 25 October at 02:30 are 4 hours 30 minutes, and in March 2 hours 30."""
    assert words.time_left(london("2026-10-24 23:00"), london("2026-10-25 02:30")) == (
        "4 hours 30 minutes late"
    )
    assert words.time_left(london("2026-10-25 02:30"), london("2026-10-24 23:00")) == (
        "in 4 hours 30 minutes"
    )
    assert words.time_left(london("2026-03-28 23:00"), london("2026-03-29 02:30")) == (
        "2 hours 30 minutes late"
    )
    twice = london("2026-10-25 01:30"), london("2026-10-25 01:30", fold=1)
    assert words.time_left(*twice) == "1 hour late"


def test_a_message_of_that_night_says_how_late_it_really_is(trust: Trust) -> None:
    """As above, as somebody reads it: due at 23:00, read at 02:30 by the clock on the wall."""
    flagged(trust, at=london("2026-10-24 22:00"))
    fire_due_steps()
    notification = email_to(trust.responsible, step__clock__kind=ClockKind.ACKNOWLEDGE)
    said = messages.write(notification, at=london("2026-10-25 02:30"), may_be_second=False)
    assert said.subject.startswith("Critical: please answer, 4 hours 30 minutes late")


# --- Celery, beat, Redis --------------------------------------------------------------------------


def minutes(first: date, days: int = 3) -> Iterator[datetime]:
    """Every minute of so many local days, in UTC."""
    at = datetime.combine(first, time(), LONDON).astimezone(UTC)
    end = datetime.combine(first + timedelta(days=days), time(), LONDON).astimezone(UTC)
    while at < end:
        yield at
        at += timedelta(minutes=1)


@pytest.mark.parametrize("first", [AUTUMN, SPRING])
def test_beat_neither_skips_nor_repeats_nor_stalls_when_the_clocks_change(first: date) -> None:
    """A schedule of local times missed or repeated its runs in the night of the change. Right:
    over 3 days, looked at each minute, each part of the engine is due every time and never pauses
    for longer than 2 minutes."""
    start = next(minutes(first))
    with time_machine.travel(start.astimezone(LONDON), tick=False) as clock:
        entries = [
            ScheduleEntry(name, **entry, app=app, last_run_at=start)
            for name, entry in app.conf.beat_schedule.items()
        ]
        ran = {entry.name: [start] for entry in entries}
        for at in minutes(first):
            clock.move_to(at)
            for number, entry in enumerate(entries):
                if entry.is_due().is_due:
                    entries[number] = next(entry)
                    ran[entry.name].append(at)
    for name, at in ran.items():
        gaps = {later - earlier for earlier, later in pairwise(at)}
        assert gaps == {timedelta(minutes=1)}, name


@pytest.mark.parametrize(("first", "hours"), [(AUTUMN, (7, 8, 8)), (SPRING, (8, 7, 7))])
def test_the_digest_of_each_local_day_goes_once_at_eight(
    settings: Any, first: date, hours: tuple[int, ...]
) -> None:
    """The digest of the morning came twice, or an hour off. Right: whatever is saved up in any
    minute of these nights goes at 08:00 on the wall, one moment for each local day."""
    settings.QUIET_HOURS = "20:00-08:00"
    mornings = sorted({until for at in minutes(first) if (until := held_until(at))})
    wanted = [datetime.combine(first + timedelta(days=day), time(8), LONDON) for day in range(4)]
    assert mornings == wanted
    assert [one.astimezone(UTC).hour for one in mornings[:3]] == list(hours)


@pytest.mark.parametrize("first", [AUTUMN, SPRING])
def test_every_step_of_a_ladder_over_the_change_fires_once_and_in_its_round(
    trust: Trust, first: date
) -> None:
    """The rounds themselves, one in every 15 minutes of the two days: each step is told in the
    first round after its time, never before, never twice."""
    finding = flagged(trust, category="urgent", at=datetime.combine(first, time(13), LONDON))
    end = finding.flagged_at + timedelta(days=2)
    at = finding.flagged_at
    while at < end:
        fire_finding(lock(finding), at=at)
        at += timedelta(minutes=15)
    steps = finding.steps.filter(clock__kind=ClockKind.ACKNOWLEDGE)
    assert steps.count() == 7
    for step in steps:
        assert timedelta() <= step.fired_at - step.falls_at < timedelta(minutes=15)
    assert finding.events.filter(kind=Kind.STEP_FIRED).count() == 7


def test_beat_that_restarts_in_summer_time_dispatches_at_once(
    tmp_path: Path, broker_at: Callable[[str], None]
) -> None:
    """Last runs kept as local times and read as UTC: after each restart in summer nothing ran for
    an hour. Right: restarted on 1 July 2026 at 10:00 BST with its file of a minute ago, beat
    sends every part within 2 minutes, and its file knows no other time than UTC."""
    assert current.USE_TZ
    assert (str(app.timezone), app.conf.enable_utc) == ("UTC", True), "what Celery made of it"
    broker_at("memory://")
    kept = str(tmp_path / "beat")

    def beat(at: datetime, for_minutes: int) -> dict[str, list[datetime]]:
        """What a new beat on the same file sends when."""
        with time_machine.travel(at, tick=False) as clock:
            scheduler = PersistentScheduler(app, schedule_filename=kept)
            sent: dict[str, list[datetime]] = {}
            for minute in range(for_minutes + 1):
                clock.move_to(at + timedelta(minutes=minute))
                before = {name: one.total_run_count for name, one in scheduler.schedule.items()}
                while scheduler.tick() <= 0:
                    pass
                for name, one in scheduler.schedule.items():
                    if one.total_run_count > before.get(name, 0):
                        sent.setdefault(name, []).append(datetime.now(UTC))
            scheduler.close()
        with shelve.open(kept) as file:
            kept_as.update(one.last_run_at.utcoffset() for one in file["entries"].values())
        return sent

    kept_as = set[timedelta | None]()

    ten = london("2026-07-01 10:00")
    ours = set(current.CELERY_BEAT_SCHEDULE)
    assert ours <= set(beat(ten - timedelta(minutes=5), 4))
    restarted = beat(ten, 2)
    for name in ours:
        assert restarted[name][0] - ten < timedelta(minutes=2), name
    assert kept_as == {timedelta()}, "kept in local time, or in none at all"


def test_a_wake_up_that_is_delivered_again_tells_nobody_again(
    mail: MailServer, trust: Trust
) -> None:
    """Tasks whose acknowledgement came late, or two beats, were run again, and mail went out
    twice. Right: the same wake-up as often as you like changes nothing, now or an hour later."""
    flagged(trust)
    for _ in range(3):
        tasks.fire()
        tasks.deliver()
    assert len(mail.to(trust.referrer.email)) == 1
    assert Notification.objects.count() == 2  # in the application, and this one


def test_nothing_is_promised_to_the_broker() -> None:
    """A task for later than the visibility timeout was run several times, or lost with the broker.
    Right: no task waits for a time; whatever is due is a row."""
    later = re.compile(r"\b(countdown|eta)\s*=|\.retry\(|crontab\(")
    for package in ("findings", "notifications", "imaging_safety"):
        for source in (current.BASE_DIR / package).rglob("*.py"):
            assert not later.search(source.read_text()), source
    assert app.conf.task_ignore_result
    assert app.conf.result_backend is None
    for entry in app.conf.beat_schedule.values():
        assert entry["options"]["expires"] <= 120, "wake-ups do not pile up while no worker runs"


def test_the_round_needs_no_broker(
    mail: MailServer, trust: Trust, broker_at: Callable[[str], None]
) -> None:
    """With the broker down nothing went out. Right: a command does the same round without it."""
    broker_at("redis://127.0.0.1:1/0")
    finding = flagged(trust)
    call_command("run_clock", "--once")
    (sent,) = mail.to(trust.referrer.email)
    assert finding.reference in str(sent.message["Subject"])


# --- E-mail ---------------------------------------------------------------------------------------


def test_one_refused_recipient_stops_no_other_and_nobody_sees_who_else_was_told(
    mail: MailServer, trust: Trust
) -> None:
    """One bad address in a message to many stopped it for all. Right: a message for each person;
    refused for good, not now, and accepted side by side."""
    finding = flagged(trust, at=timezone.now() - timedelta(minutes=46))
    mail.answers[trust.colleague.email] = "550 5.1.1 No such mailbox"
    mail.answers[trust.responsible.email] = "451 4.7.1 Greylisted"
    fire_due_steps()
    deliver_due()
    by_status = {
        one.recipient: one.status
        for one in Notification.objects.filter(finding=finding, channel=Channel.EMAIL)
    }
    Status = Notification.Status
    assert by_status[trust.colleague] == Status.FAILED
    assert by_status[trust.responsible] == Status.QUEUED
    assert by_status[trust.referrer] == by_status[trust.director] == Status.SENT
    for one in mail.arrived:
        assert str(one.message["To"]) == one.to
        assert not one.message["Cc"]
        assert not one.message["Bcc"]


def test_a_domain_with_other_letters_than_ascii_is_written_to(
    mail: MailServer, trust: Trust
) -> None:
    """Accents in an address stopped the message, or all of them. Right: a domain is written as
    mail servers know it."""
    trust.referrer.routes.filter(channel=Channel.EMAIL).update(address="zoe@bücher.example")
    fired(trust)
    deliver_due()
    assert [one.to for one in mail.arrived] == ["zoe@xn--bcher-kva.example"]


def test_a_name_with_other_letters_before_the_at_is_refused_and_the_next_way_is_tried(
    mail: MailServer, trust: Trust
) -> None:
    """Such a message was sent to an encoded word as its address, which nobody has, and counted as
    sent. Right: no such address is taken; one that got in by another way has failed, in words, and
    the next way is tried."""
    with pytest.raises(ValidationError) as wrong:
        Person(email="zoë@trust.example").full_clean(exclude={"organisation"})
    assert "email" in wrong.value.message_dict
    trust.referrer.routes.filter(channel=Channel.EMAIL).update(address="zoë@trust.example")
    RouteFactory(person=trust.referrer, address="zoe@trust.example", position=3)
    fired(trust, category="urgent")
    deliver_due()
    deliver_due()
    assert [one.to for one in mail.arrived] == ["zoe@trust.example"]
    failed = Notification.objects.get(route__address="zoë@trust.example")
    assert failed.status == Notification.Status.FAILED
    assert failed.route.failed_because == "The name before the @ is not in plain letters."


def test_nobodys_name_gets_into_a_header(mail: MailServer, trust: Trust) -> None:
    """A line break in a name added a header. Right: headers hold nothing that anybody types."""
    typed = "Ann\r\nBcc: thief@example.org\r\n"
    deputy = trust.add(Role.REFERRER)
    Person.objects.filter(pk=trust.referrer.pk).update(given_name=typed, family_name="Zoë " * 15)
    today = timezone.localdate()
    trust.referrer.refresh_from_db()
    set_leave(
        person=trust.referrer, by=trust.referrer, first_on=today, last_on=today, deputy=deputy
    )
    fired(trust)
    deliver_due()
    (sent,) = mail.arrived
    assert sent.to == deputy.email
    assert not sent.message["Bcc"]
    assert "Zoë" in sent.text


def test_an_automatic_reply_answers_nothing_and_is_not_asked_for(
    mail: MailServer, trust: Trust, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An absence note was taken for an answer, or two machines wrote to each other for ever.
    Right: our messages ask machines not to reply, but to send back what cannot be delivered; what
    comes all the same acknowledges nothing, and nothing is ever written back."""
    finding = fired(trust)
    deliver_due()
    (sent,) = mail.arrived
    assert sent.message["Auto-Submitted"] == "auto-generated"
    assert sent.message["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    box = mailbox.Maildir(tmp_path / "box", create=True)
    for subject in ("Automatic reply: Critical", f"Re: {finding.reference}", "1"):
        note = EmailMessage()
        note["Subject"], note["From"] = subject, trust.referrer.email
        note["Auto-Submitted"], note["In-Reply-To"] = "auto-replied", sent.message_id
        note.set_content(f"Mine. I am away until Monday. {sent.message_id}")
        box.add(note.as_bytes())
    call_command("take_bounces", maildir=tmp_path / "box")
    assert "3 not about a message of ours" in capsys.readouterr().out
    finding.refresh_from_db()
    assert finding.state == State.AWAITING
    assert email_to(trust.referrer).status == Notification.Status.SENT
    assert deliver_due().sent == 0
    assert len(mail.arrived) == 1


# What must not be in a message, in every way in which it may be written.
NAMES = ["ALDER", "Alder", "Ann"]
NUMBERS = ["9990000018", "999 000 0018", "999-000-0018", "999\u00a0000\u00a00018", "H0018"]
BIRTHS = ["1950-11-25", "25/11/1950", "25 November 1950", "25 Nov 1950", "19501125", "25.11.1950"]
WORDS = ["lung mass", "Lung mass", "CT chest", "right upper lobe", "Cancer"]
SECRETS = [*NAMES, *NUMBERS, *BIRTHS, *WORDS]


@pytest.fixture
def everywhere(trust: Trust) -> Finding:
    """A finding of ALDER, Ann, with all of it typed into whatever can hold words."""
    typed = ", ".join(SECRETS)
    Category.objects.filter(code="critical").update(name=typed[:50], definition=typed)
    for at, rows in enumerate(
        (trust.team, trust.coordination, trust.organisation, trust.site), start=1
    ):
        type(rows).objects.filter(pk=rows.pk).update(name=f"{at} {typed}"[:120])
    type(trust.team).objects.filter(pk=trust.team.pk).update(specialty=typed[:60])
    people = Person.objects.filter(organisation=trust.organisation)
    people.update(job_title=typed[:80])
    examination = reported(
        trust,
        patient=ArrivingPatient(
            family_name="ALDER",
            given_name="Ann",
            birth_date=date(1950, 11, 25),
            nhs_number="9990000018",
        ),
        text=f"Lung mass. {typed}",
        examination_description="CT chest",
        requesting_location=trust.team.location_code,
    )
    finding = flagged(
        trust,
        examination=examination,
        description=typed,
        recommended_action=typed[:200],
        primary_site="Lung mass",
    )
    Step.objects.filter(finding=finding).update(words=typed[:120])
    return finding


def found_in(said: str) -> list[str]:
    return [secret for secret in SECRETS if secret in said]


def test_nothing_about_the_patient_is_in_any_message_or_log_whatever_a_field_holds(
    mail: MailServer, trust: Trust, everywhere: Finding, caplog: pytest.LogCaptureFixture
) -> None:
    """Names, numbers, dates of birth and findings stood in subjects, bodies, logs and error
    reports. Right: for ALDER, Ann, 9990000018 and a lung mass, in none of them, by whatever way
    they are written and whatever field somebody typed them into: not to the owner, nor up the
    ladder, nor in an offer, nor when a message fails, nor in a digest."""
    typed = ", ".join(SECRETS)
    mail.answers[trust.colleague.email] = f"550 5.1.1 {typed}"
    with caplog.at_level(logging.DEBUG):
        fire_due_steps()
        offer_finding(finding=everywhere, by=trust.referrer, to=trust.director, because=typed)
        fire_due_steps()
        deliver_due()
        (promise,) = everywhere.clocks.filter(kind=ClockKind.ACKNOWLEDGE)
        fire_finding(lock(everywhere), at=promise.due_at + timedelta(days=1))
        Notification.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
        deliver_due()
        fire_due_steps()
        deliver_due()
        acknowledge_finding(finding=everywhere, by=trust.referrer, plan=typed)
        for clock in everywhere.clocks.filter(stopped_at__isnull=True):
            fire_finding(lock(everywhere), at=clock.due_at + timedelta(days=1))
        deliver_due()
    every = list(Notification.objects.select_related("step__clock", "finding", "recipient"))
    assert {one.step.clock.kind for one in every} >= {
        ClockKind.ACKNOWLEDGE,
        ClockKind.ACT,
        ClockKind.TELL_PATIENT,
    }
    assert {one.step.audience for one in every} >= {"owner", "governance", "radiologist", "offered"}
    now = database_now()
    written = [messages.write(one, at=now, may_be_second=True) for one in every]
    written.append(messages.write_digest(*every, at=now, may_be_second=True))
    for message in written:
        assert found_in(message.subject + message.text + message.html) == []
    assert mail.arrived
    for sent in mail.arrived:
        headers = " ".join(f"{name}: {value}" for name, value in sent.message.items())
        assert found_in(headers + sent.text + sent.raw) == []
    ours = [
        one.getMessage() for one in caplog.records if one.name != "mail.log"
    ]  # the other side's
    assert found_in(" ".join(ours)) == []
    assert everywhere.reference in mail.arrived[0].text
