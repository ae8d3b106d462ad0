"""Rotas: who is on at which moment, who is told then, and what every change leaves behind."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from findings.models import Audience, Event, Membership, Person, Post, Role, RotaChange, RotaEntry
from findings.reach import Subject
from findings.rules import NotAllowed
from findings.services.leave import set_leave
from findings.services.rota import (
    add_entries,
    add_entry,
    change_entry,
    end_post,
    entries_between,
    gaps_of,
    make_post,
    remove_entry,
)
from findings.shifts import Repeat, Shift, moment, repeated
from findings.timetable import PlannedStep
from notifications import rounds
from notifications.audience import preview, reach
from notifications.models import Notification, Route
from notifications.standing import Standing
from tests.factories import TeamFactory, Trust, a_trust, flagged

pytestmark = pytest.mark.django_db
LONDON = ZoneInfo("Europe/London")


@pytest.fixture
def on_call(trust: Trust) -> Person:
    """A plain member of the team who takes part in its rota."""
    return trust.add(Role.REFERRER, team=trust.team)


@pytest.fixture
def post(trust: Trust) -> Post:
    return make_post(
        team=trust.team,
        by=trust.coordinator,
        name="On-call consultant",
        stands_for=Post.StandsFor.RESPONSIBLE,
    )


def shift(starts: str, ends: str) -> Shift:
    return Shift.between(datetime.fromisoformat(starts), datetime.fromisoformat(ends))


def around(at: datetime, **hours: float) -> Shift:
    """A shift around a moment, in local time."""
    span = timedelta(**(hours or {"hours": 2}))
    here = timezone.localtime(at).replace(tzinfo=None, second=0, microsecond=0)
    return Shift.between(here - span, here + span)


def put_on(post: Post, person: Person, when: Shift, trust: Trust) -> RotaEntry:
    return add_entry(post=post, person=person, shift=when, by=trust.coordinator)


def told(trust: Trust, at: datetime | None = None, whom: str = "responsible") -> set[Person]:
    return {one.person for one in reach(subject(trust), Audience(whom), at).told}


def subject(trust: Trust) -> Subject:
    return Subject(trust.referrer, None, trust.team, trust.radiologist, trust.organisation)


# --- Wall time ------------------------------------------------------------------------


def test_a_day_rota_made_in_summer_keeps_its_hours_in_winter(trust, post, on_call):
    days = repeated(
        shift("2026-07-01 08:30", "2026-07-01 17:30"), Repeat.WEEKDAYS, _date("2026-10-30")
    )
    add_entries(post=post, person=on_call, shifts=days, by=trust.coordinator)

    def on(time: str) -> bool:
        at = datetime.fromisoformat(f"2026-10-26 {time}").replace(tzinfo=LONDON)
        return told(trust, at) == {on_call}

    assert [on("08:29"), on("08:30"), on("17:29"), on("17:30")] == [False, True, True, False]


def _date(text: str) -> Any:
    return datetime.fromisoformat(text).date()


@pytest.mark.parametrize(
    ("starts", "ends", "hours"),
    [
        ("2026-10-24 20:00", "2026-10-25 08:00", 13),
        ("2026-03-28 20:00", "2026-03-29 08:00", 11),
        ("2026-10-24 21:00", "2026-10-25 10:00", 14),
        ("2026-03-28 21:00", "2026-03-29 10:00", 12),
    ],
)
def test_the_database_gives_a_night_shift_its_real_length(
    trust, post, on_call, starts, ends, hours
):
    entry = put_on(post, on_call, shift(starts, ends), trust)
    entry.refresh_from_db()
    assert entry.ends_at - entry.starts_at == timedelta(hours=hours)
    assert gaps_of([entry], entry.starts_at, entry.ends_at) == []


@pytest.mark.parametrize("night", ["2026-03-29", "2026-10-25", "2026-07-01"])
def test_the_database_reads_wall_times_as_the_program_does(night):
    for half_hours in range(10):
        wall = datetime.fromisoformat(night) + timedelta(minutes=30 * half_hours)
        with connection.cursor() as cursor:
            cursor.execute("SELECT timezone('Europe/London', %s::timestamp)", [wall])
            assert cursor.fetchone()[0] == moment(wall.date(), wall.time()), wall


# --- Who is told ------------------------------------------------------------------------


def test_whoever_is_on_the_rota_is_told_instead_of_whoever_holds_the_duty(trust, post, on_call):
    now = timezone.now()
    put_on(post, on_call, around(now), trust)
    assert told(trust, now) == {on_call}
    assert told(trust, now, "department") == {trust.director}, "this post stands for one duty"


def test_a_gap_falls_back_to_the_duty_and_says_so(trust, post, on_call):
    night = datetime(2027, 1, 9, 2, tzinfo=UTC)
    found = reach(subject(trust), Audience.RESPONSIBLE, night)
    assert [one.person for one in found.told] == [trust.responsible]
    assert found.reasons == [
        "Nobody is on the rota of On-call consultant on 9 January 2027 at 02:00."
        " Told instead: the responsible consultant."
    ]


def test_a_gap_where_nobody_holds_the_duty_reaches_nobody_and_says_both(trust, post):
    trust.responsible.memberships.update(duty=Membership.Duty.MEMBER)
    found = reach(subject(trust), Audience.RESPONSIBLE)
    assert found.told == []
    (said,) = found.reasons
    assert "Nobody is on the rota of On-call consultant" in said
    assert f"{trust.team} has no responsible consultant." in said
    assert "Told instead" not in said


@pytest.mark.parametrize("why_not", ["left", "no route", "not a member", "on leave"])
def test_whoever_is_on_but_cannot_be_told_is_named_and_the_duty_is_told(
    trust, post, on_call, why_not
):
    now = timezone.now()
    put_on(post, on_call, around(now), trust)
    if why_not == "left":
        Person.objects.filter(pk=on_call.pk).update(is_active=False)
    elif why_not == "no route":
        Route.objects.filter(person=on_call).delete()
    elif why_not == "not a member":
        on_call.memberships.all().delete()
    else:
        today = timezone.localdate()
        set_leave(person=on_call, by=on_call, first_on=today, last_on=today)
    found = reach(subject(trust), Audience.RESPONSIBLE, now)
    assert [one.person for one in found.told] == [trust.responsible]
    said = " ".join(found.reasons)
    assert str(on_call) in said
    assert "Told instead: the responsible consultant." in said


def test_the_deputy_of_whoever_is_on_is_told(trust, post, on_call):
    now = timezone.now()
    put_on(post, on_call, around(now), trust)
    today = timezone.localdate()
    set_leave(person=on_call, by=on_call, first_on=today, last_on=today, deputy=trust.colleague)
    assert told(trust, now) == {trust.colleague}


def test_a_coordinator_on_duty_is_told_for_all_coordinators(trust):
    other = trust.add(Role.COORDINATOR, team=trust.coordination)
    assert told(trust, whom="coordinator") == {trust.coordinator, other}
    post = make_post(
        team=trust.coordination,
        by=trust.administrator,
        name="Coordinator on duty",
        stands_for=Post.StandsFor.COORDINATOR,
    )
    put_on(post, other, around(timezone.now()), trust)
    assert told(trust, whom="coordinator") == {other}
    end_post(post=post, by=trust.coordinator)
    assert told(trust, whom="coordinator") == {trust.coordinator, other}


def test_each_step_is_shown_with_whoever_is_on_at_its_own_moment(trust, post, on_call):
    """And whoever will be away then, however many steps in the same few queries."""
    now = timezone.now()
    nights = [now + timedelta(days=number) for number in range(1, 8)]
    for night in nights[:5]:
        put_on(post, on_call, around(night), trust)
    first_on = timezone.localtime(nights[2]).date()
    set_leave(
        person=on_call, by=on_call, first_on=first_on, last_on=first_on, deputy=trust.colleague
    )

    def shown(moments: list[datetime]) -> tuple[list[set[Person]], int]:
        steps = [PlannedStep(1, at, Audience.RESPONSIBLE, "") for at in moments]
        with CaptureQueriesContext(connection) as queries:
            previews = preview(subject(trust), steps)
        return [
            {one.person for one in step.recipients if not one.unreachable_because}
            for step in previews
        ], len(queries)

    people, many = shown([now, *nights])
    _, few = shown([nights[0]])
    assert people[1:4] == [{on_call}, {on_call}, {trust.colleague}]
    assert people[0] == people[6] == people[7] == {trust.responsible}
    assert few == many <= 8


def test_the_step_that_fires_tells_whoever_is_on_and_a_gap_stands_in_the_timeline(
    trust, post, on_call
):
    at = timezone.now() - timedelta(minutes=31)
    finding = flagged(trust, at=at)
    entry = put_on(post, on_call, around(timezone.now()), trust)
    rounds.fire()
    assert Notification.objects.filter(finding=finding, recipient=on_call).exists()
    assert not Notification.objects.filter(finding=finding, recipient=trust.responsible).exists()
    assert (
        Standing([on_call]).why(finding, on_call)
        == "you are on the rota of the team that holds this finding"
    )
    remove_entry(entry=entry, by=trust.coordinator)
    other = flagged(trust, at=at)
    rounds.fire()
    assert Notification.objects.filter(finding=other, recipient=trust.responsible).exists()
    fired = Event.objects.filter(finding=other, kind=Event.Kind.STEP_FIRED)
    (not_told,) = [one.data["not_told"] for one in fired if one.data["audience"] == "responsible"]
    assert "Nobody is on the rota of On-call consultant" in " ".join(not_told)


# --- Keeping ------------------------------------------------------------------------


def test_two_people_cannot_be_on_one_post_at_once(trust, post, on_call):
    entry = put_on(post, on_call, shift("2027-01-01 08:00", "2027-01-01 20:00"), trust)
    clash = shift("2027-01-01 19:59", "2027-01-02 08:00")
    with pytest.raises(ValueError, match="is on at that time already") as refused:
        put_on(post, trust.colleague, clash, trust)
    assert str(on_call) in str(refused.value)
    put_on(post, trust.colleague, shift("2027-01-01 20:00", "2027-01-02 08:00"), trust)
    remove_entry(entry=entry, by=trust.coordinator)
    put_on(post, trust.colleague, shift("2027-01-01 08:00", "2027-01-01 20:00"), trust)


def test_a_series_is_added_whole_or_not_at_all(trust, post, on_call):
    put_on(post, on_call, shift("2027-01-03 12:00", "2027-01-03 13:00"), trust)
    days = repeated(
        shift("2027-01-01 08:00", "2027-01-01 20:00"), Repeat.DAILY, _date("2027-01-05")
    )
    with pytest.raises(ValueError, match="already"):
        add_entries(post=post, person=trust.colleague, shifts=days, by=trust.coordinator)
    assert post.entries.count() == 1
    assert post.changes.filter(what=RotaChange.What.ADDED).count() == 1


def test_every_change_says_who_when_what_was_and_what_is(trust, post, on_call):
    entry = put_on(post, on_call, shift("2027-01-01 21:00", "2027-01-02 10:00"), trust)
    later = shift("2027-01-01 22:00", "2027-01-02 10:00")
    change_entry(entry=entry, person=trust.colleague, shift=later, by=trust.administrator)
    change_entry(entry=entry, person=trust.colleague, shift=later, by=trust.administrator)
    remove_entry(entry=entry, by=trust.coordinator)
    first, second = (
        f"{on_call}, 1 January 2027 at 21:00 to 2 January 2027 at 10:00",
        f"{trust.colleague}, 1 January 2027 at 22:00 to 2 January 2027 at 10:00",
    )
    rows = post.changes.order_by("pk").values_list("what", "before", "after", "by")
    assert list(rows)[1:] == [
        ("added", "", first, trust.coordinator.pk),
        ("changed", first, second, trust.administrator.pk),
        ("removed", second, "", trust.coordinator.pk),
    ]
    with pytest.raises(ValueError, match="taken this off"):
        remove_entry(entry=entry, by=trust.coordinator)


def test_only_those_who_can_open_the_findings_can_be_on(trust, post):
    stranger = trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))
    with pytest.raises(ValueError, match="could not open"):
        put_on(post, stranger, around(timezone.now()), trust)
    with pytest.raises(ValueError, match="coordination team"):
        make_post(team=trust.team, by=trust.coordinator, name="x", stands_for="coordinator")
    with pytest.raises(ValueError, match="stands for the responsible consultant already"):
        make_post(team=trust.team, by=trust.coordinator, name="Second", stands_for="responsible")
    with pytest.raises(ValueError, match="end after it starts"):
        put_on(post, trust.colleague, shift("2027-01-01 08:00", "2027-01-01 08:00"), trust)


def test_only_coordinators_and_administrators_of_the_trust_keep_rotas(trust, post, on_call):
    entry = put_on(post, on_call, around(timezone.now()), trust)
    for person in (trust.referrer, trust.radiologist, trust.governance, a_trust().coordinator):
        with pytest.raises(NotAllowed):
            make_post(team=trust.team, by=person, name="x", stands_for="department")
        with pytest.raises(NotAllowed):
            add_entry(post=post, person=on_call, shift=entry.shift, by=person)
        with pytest.raises(NotAllowed):
            change_entry(entry=entry, person=on_call, shift=entry.shift, by=person)
        with pytest.raises(NotAllowed):
            remove_entry(entry=entry, by=person)
        with pytest.raises(NotAllowed):
            end_post(post=post, by=person)


def test_gaps_of_the_next_four_weeks_are_listed_and_a_leaver_covers_nothing(trust, post, on_call):
    start, end = (
        moment(_date("2027-01-04"), _time("08:00")),
        moment(_date("2027-02-01"), _time("08:00")),
    )
    weeks = repeated(
        shift("2027-01-04 08:00", "2027-01-11 08:00"), Repeat.WEEKLY, _date("2027-01-11")
    )
    add_entries(post=post, person=on_call, shifts=weeks, by=trust.coordinator)
    put_on(post, trust.colleague, shift("2027-01-18 09:00", "2027-02-01 08:00"), trust)
    assert [str(gap) for gap in gaps_of(entries_between(post, start, end), start, end)] == [
        "18 January 2027 at 08:00 to 09:00 (1 hour)"
    ]
    Person.objects.filter(pk=on_call.pk).update(is_active=False)
    (gap,) = gaps_of(entries_between(post, start, end), start, end)
    assert (gap.starts_at, gap.lasts) == (start, timedelta(days=14, hours=1))


def _time(text: str) -> Any:
    return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007


# --- What the database refuses --------------------------------------------------------------------


def refused(change: Any, message: str) -> None:
    with pytest.raises(Error, match=message), transaction.atomic():
        change()


def test_the_database_refuses_overlaps_lost_history_and_a_second_post(trust, post, on_call):
    entry = put_on(post, on_call, shift("2027-01-01 08:00", "2027-01-01 20:00"), trust)
    rows = RotaEntry.objects.filter(pk=entry.pk)
    other = put_on(post, on_call, shift("2027-01-01 20:00", "2027-01-02 08:00"), trust)
    refused(
        lambda: RotaEntry.objects.filter(pk=other.pk).update(starts_time=_time("19:00")),
        "rota_entries_of_one_post_do_not_overlap",
    )
    refused(lambda: rows.update(ends_time=_time("08:00")), "rota_entry_ends_after_it_starts")
    refused(lambda: rows.update(zone="Mars/Olympus"), "time zone")
    refused(lambda: rows.delete(), "Cannot delete")
    refused(lambda: RotaChange.objects.update(before="x"), "Cannot update")
    refused(
        lambda: Post.objects.create(team=trust.team, name="B", stands_for="responsible"),
        "one_post_for_a_duty_of_a_team",
    )
    remove_entry(entry=entry, by=trust.coordinator)
    refused(lambda: rows.update(removed_at=None), "was removed")
