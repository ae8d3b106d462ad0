"""What a change would do to open findings is shown before it is saved, and is what happens."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import Audience, Finding, Leave, Person, Post, Role, RotaEntry, Team
from findings.services.concerns import Concern, by_leaver, by_person, by_post, span_of
from findings.services.foretell import Foretold, Without, foretell
from findings.services.leave import set_leave
from findings.services.rota import add_entry, make_post
from findings.shifts import Shift
from notifications.models import Route
from tests.factories import TeamFactory, Trust, a_trust, flagged, waiting_examination
from tests.pages import fill_in, hidden_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db

WAITS = "significant_unexpected"


@pytest.fixture
def trust() -> Trust:
    return a_trust()


@pytest.fixture
def post(trust: Trust) -> Post:
    return make_post(
        team=trust.team, by=trust.coordinator, name="On call", stands_for=Audience.RESPONSIBLE
    )


def whole_week() -> Shift:
    now = timezone.localtime()
    start, end = now.date(), now.date() + timedelta(days=20)
    midnight = now.time().replace(hour=0, minute=0, second=0, microsecond=0)
    return Shift(start, midnight, end, midnight, "Europe/London")


def days(first: int, last: int) -> dict[str, str]:
    today = timezone.localdate()
    found = {}
    for name, on in (("first_on", first), ("last_on", last)):
        day = today + timedelta(days=on)
        parts = {"day": day.day, "month": day.month, "year": day.year}
        found |= {f"{name}-{part}": str(number) for part, number in parts.items()}
    return found


def named(person: Person) -> dict[str, str]:
    return {"name": person.family_name, "person": str(person.pk)}


def test_leave_shows_whose_findings_somebody_else_would_hear_of(trust: Trust) -> None:
    held = flagged(trust, category=WAITS)
    deaf = trust.add(Role.REFERRER, reachable=False, family_name="Deaf")
    client, address = signed_in(trust.referrer), reverse("leave", args=[trust.referrer.pk])
    first = fill_in(client, address, days(0, 9) | named(deaf))
    assert first.status_code == 200, "nothing is saved yet"
    said = words_of(first)
    assert "1 open finding would be told to other people than now" in said
    assert held.reference in said
    assert "Nobody could be told at a step of 1 open finding" in said
    assert f"{deaf} has no address." in said
    assert not Leave.objects.exists()
    again = days(0, 9) | named(trust.colleague) | hidden_in(first)
    other = client.post(address, again)
    assert other.status_code == 409, "something else than what was seen"
    assert str(trust.colleague) in words_of(other)
    assert client.post(address, again | hidden_in(other)).status_code == 302
    assert Leave.objects.get().deputy == trust.colleague
    other = signed_in(deaf).post(reverse("leave", args=[deaf.pk]), days(0, 9))
    assert other.status_code == 302, "of nothing of theirs would anybody hear"


def test_what_is_shown_is_what_happens_and_looking_leaves_no_trace(trust: Trust) -> None:
    flagged(trust, category=WAITS)
    span = span_of(timezone.localdate(), timezone.localdate() + timedelta(days=9))
    concern = by_person(trust.responsible, *span)

    def change() -> None:
        set_leave(
            person=trust.responsible,
            by=trust.coordinator,
            first_on=timezone.localdate(),
            last_on=timezone.localdate() + timedelta(days=9),
            deputy=trust.colleague,
        )

    found = foretell(concern, change)
    assert not Leave.objects.exists()
    (one,) = found.differences
    assert (one.audience, one.before, one.after) == (
        Audience.RESPONSIBLE,
        (trust.responsible,),
        (trust.colleague,),
    )
    change()
    assert foretell(concern, lambda: None).differences == []


def shown(found: Foretold) -> object:
    """Without the moments of the two looks."""
    named = [
        (one.subject, one.audience, one.before, one.after, one.nobody_because)
        for one in found.differences
    ]
    return named, found.every, found.unreached, found.fingerprint


def test_looking_without_a_row_sees_what_taking_it_away_does(trust: Trust, post: Post) -> None:
    entry = add_entry(post=post, person=trust.colleague, shift=whole_week(), by=trust.coordinator)
    deputy = trust.add(Role.REFERRER, family_name="Deputy")
    today = timezone.localdate()
    until = today + timedelta(days=9)
    set_leave(
        person=trust.responsible,
        by=trust.coordinator,
        first_on=today,
        last_on=until,
        deputy=deputy,
    )
    for owner in (trust.referrer, trust.colleague, trust.responsible):
        flagged(trust, category=WAITS, owner=owner)
    waiting_examination(trust)
    flagged(trust, category="urgent", owner=trust.responsible)
    now = timezone.now()
    taken_away: list[tuple[Concern, Without, Callable[[], object]]] = [
        (by_post(post), post, lambda: Post.objects.filter(pk=post.pk).update(ended_at=now)),
        (
            by_post(post, [entry.shift]),
            entry,
            lambda: RotaEntry.objects.filter(pk=entry.pk).update(removed_at=now),
        ),
    ]
    for one in (deputy, trust.colleague, trust.responsible, trust.coordinator, trust.radiologist):
        rows = Person.objects.filter(pk=one.pk)
        taken_away.append((by_leaver(one), one, partial(rows.update, is_active=False)))
    counts = []
    for concern, row, change in taken_away:
        found = foretell(concern, change, row)
        assert shown(found) == shown(foretell(concern, change)), row
        counts.append(sum(found.every))
    assert sum(bool(count) for count in counts) >= 5, counts


def test_of_a_finding_the_step_of_which_nobody_would_hear_is_named(
    trust: Trust, post: Post
) -> None:
    """Though an earlier one would only tell somebody else."""
    flagged(trust, category=WAITS, owner=trust.colleague)
    set_leave(
        person=trust.colleague,
        by=trust.coordinator,
        first_on=timezone.localdate() + timedelta(days=1),
        last_on=timezone.localdate() + timedelta(days=20),
        deputy=trust.responsible,
    )
    (one,) = foretell(by_leaver(trust.responsible), lambda: None, trust.responsible).differences
    assert one.audience == Audience.RESPONSIBLE
    assert one.reaches_nobody


def test_a_rota_shows_it_and_so_does_giving_up_a_post(trust: Trust, post: Post) -> None:
    finding = flagged(trust, category=WAITS)
    flagged(a_trust(), category=WAITS)
    entry = add_entry(post=post, person=trust.colleague, shift=whole_week(), by=trust.coordinator)
    client = signed_in(trust.coordinator)
    Route.objects.filter(person=trust.responsible).delete()
    for name, key in (("remove-shift", entry.pk), ("end-post", post.pk)):
        page = client.get(reverse(name, args=[key]))
        said = words_of(page)
        assert "1 open finding would be told to other people than now" in said
        assert finding.reference in said
        assert "Nobody could be told" in said
        assert client.post(reverse(name, args=[key])).status_code == 200, "it was not seen"
    assert RotaEntry.objects.standing().exists()
    assert client.post(reverse("end-post", args=[post.pk]), hidden_in(page)).status_code == 302
    assert not Post.objects.standing().exists()


def test_letting_somebody_leave_shows_what_others_hold(trust: Trust) -> None:
    mine, others = flagged(trust, category=WAITS), flagged(trust, owner=trust.colleague)
    client, address = (
        signed_in(trust.coordinator),
        reverse("let-leave", args=[trust.responsible.pk]),
    )
    said = words_of(client.get(address))
    assert "2 open findings would be told to other people than now" in said
    assert mine.reference in said
    assert "Nobody could be told" in said
    assert trust.responsible.is_active
    fields = {"when": "now", "because": "Retired."}
    assert fill_in(client, address, fields).status_code == 302
    trust.responsible.refresh_from_db()
    assert not trust.responsible.is_active
    assert Finding.objects.get(pk=others.pk).owner_person == trust.colleague


def test_whoever_sees_to_reports_is_shown_what_waits(trust: Trust) -> None:
    team = TeamFactory(organisation=trust.organisation, kind=Team.Kind.REPORTING)
    manager = trust.add(Role.GOVERNANCE, team=team)
    at = timezone.now() - timedelta(days=2)
    wait = waiting_examination(trust, performed_at=at)
    client, address = signed_in(trust.coordinator), reverse("let-leave", args=[manager.pk])
    said = words_of(client.get(address))
    assert "1 waiting examination would be told to other people than now" in said
    assert f"{wait.reference} Waits for its report" in said


def test_a_coordinator_who_goes_is_missed_where_nobody_else_watches(trust: Trust) -> None:
    flagged(trust, category=WAITS)
    elsewhere = flagged(a_trust(), category=WAITS)

    def gone() -> None:
        Person.objects.filter(pk=trust.coordinator.pk).update(is_active=False)

    found = foretell(by_leaver(trust.coordinator), gone)
    assert {one.audience for one in found.differences} == {Audience.COORDINATOR}
    assert [one.reaches_nobody for one in found.differences] == [True]
    assert elsewhere not in [one.subject for one in found.differences]
    trust.add(Role.COORDINATOR)
    assert foretell(by_leaver(trust.coordinator), gone).differences[0].after != ()


def test_many_findings_cost_as_many_queries_as_few(trust: Trust, post: Post) -> None:
    entry = add_entry(post=post, person=trust.colleague, shift=whole_week(), by=trust.coordinator)
    both = trust.add(Role.REFERRER, Role.COORDINATOR, team=trust.team)
    client = signed_in(trust.coordinator)
    addresses = [
        reverse("remove-shift", args=[entry.pk]),
        reverse("end-post", args=[post.pk]),
        *(reverse("let-leave", args=[one.pk]) for one in (trust.responsible, trust.referrer, both)),
    ]
    flagged(trust, category=WAITS, owner=both)
    flagged(trust, category=WAITS)
    waiting_examination(trust)
    few = [queries_without_banner(client, one) for one in addresses]
    for owner in (trust.referrer, both, trust.colleague) * 5:
        flagged(trust, category=WAITS, owner=owner)
    assert [queries_without_banner(client, one) for one in addresses] == few
    assert max(few) <= 25
    said = words_of(client.get(addresses[0]))
    assert "17 open findings would be told" in said
    assert "And 7 others." in said
