"""The pages on which rotas are kept: from a post without anybody to a rota without a gap."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from findings.models import Post, Role, RotaEntry
from findings.services.rota import add_entry, make_post
from findings.shifts import Shift
from tests.factories import Trust
from tests.integration.test_rota_import import two_nights
from tests.integration.test_rotas import shift
from tests.pages import fill_in, hidden_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(trust: Trust) -> Post:
    return make_post(
        team=trust.team, by=trust.coordinator, name="On call", stands_for="responsible"
    )


@pytest.fixture
def keeper(trust: Trust) -> Client:
    return signed_in(trust.coordinator)


def wall(name: str, day: int, time: str, month: int = 1) -> dict[str, str]:
    given = {"day": str(day), "month": str(month), "year": "2027", "time": time}
    return {f"{name}-{part}": value for part, value in given.items()}


def page_of(post: Post) -> str:
    return reverse("post", args=[post.pk])


def test_a_coordinator_makes_a_post_and_puts_somebody_on_it(trust: Trust, keeper: Client) -> None:
    assert "No team has a post yet" in words_of(keeper.get(reverse("rotas")))
    typed = {"team": str(trust.team.pk), "name": "On call", "stands_for": "responsible"}
    made = fill_in(keeper, reverse("add-post"), typed)
    assert "Nobody is on the rota of On call yet." in words_of(keeper.get(made.url))
    post = Post.objects.get()
    night = wall("starts", 1, "21:00") | wall("ends", 2, "10:00")
    typed = {"person": str(trust.colleague.pk), **night}
    added = fill_in(keeper, reverse("add-to-rota", args=[post.pk]), typed)
    page = words_of(keeper.get(f"{added.url}?from=2027-01-01"))
    assert f"Added: {trust.colleague}, 1 January 2027 at 21:00 to 2 January 2027 at 10:00." in page
    for said in ("Friday 1 January 2027 at 21:00", "2 January 2027 at 10:00", "13 hours"):
        assert said in page
    assert "Nobody is on at 2 times in these four weeks." in page


def test_a_shift_is_changed_and_taken_off_and_both_are_remembered(
    trust: Trust, keeper: Client, post: Post
) -> None:
    night = shift("2027-01-01 21:00", "2027-01-02 10:00")
    entry = add_entry(post=post, person=trust.colleague, shift=night, by=trust.coordinator)
    change = reverse("change-shift", args=[entry.pk])
    assert 'value="21:00"' in keeper.get(change).content.decode()
    typed = {"person": str(trust.referrer.pk)}
    fill_in(keeper, change, typed | wall("starts", 1, "20:00") | wall("ends", 2, "10:00"))
    assert str(RotaEntry.objects.get()).startswith(f"{trust.referrer}, 1 January 2027 at 20:00")
    remove = reverse("remove-shift", args=[entry.pk])
    assert "Nobody is on in that time then" in words_of(keeper.get(remove))
    assert RotaEntry.objects.standing().exists(), "looking takes nobody off"
    fill_in(keeper, remove, {})
    page = words_of(keeper.get(page_of(post)))
    for said in ("Added", "Changed", "Removed", str(trust.coordinator)):
        assert said in page
    assert keeper.get(change).status_code == 302
    assert "taken off the rota already" in words_of(keeper.get(change, follow=True))


def test_a_shift_that_repeats_is_put_on_each_time(trust: Trust, keeper: Client, post: Post) -> None:
    typed = {
        "person": str(trust.colleague.pk),
        "repeat": "weekdays",
        "last_on-day": "12", "last_on-month": "1", "last_on-year": "2027",
        **wall("starts", 4, "08:30"),
        **wall("ends", 4, "17:30"),
    }  # fmt: skip
    answer = fill_in(keeper, reverse("add-to-rota", args=[post.pk]), typed)
    assert "Added 7 shifts, the last on 12 January 2027." in words_of(keeper.get(answer.url))
    assert RotaEntry.objects.count() == 7


def test_odd_wall_times_are_taken_and_explained(trust: Trust, keeper: Client, post: Post) -> None:
    typed = {"person": str(trust.colleague.pk)}
    typed |= wall("starts", 28, "01:30", month=3) | wall("ends", 28, "10:00", month=3)
    answer = fill_in(keeper, reverse("add-to-rota", args=[post.pk]), typed)
    assert "There is no 01:30 on 28 March 2027" in words_of(keeper.get(answer.url))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "Select a person"),
        (wall("starts", 1, "99:00"), "Enter the time on a 24-hour clock"),
        (wall("ends", 1, "20:00"), "A shift must end after it starts."),
        (wall("starts", 20, "12:00") | wall("ends", 20, "13:00"), "is on at that time already."),
        ({"repeat": "daily"}, "Enter the last day on which it starts"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(
    trust: Trust, keeper: Client, post: Post, typed: dict[str, str], said: str
) -> None:
    there = shift("2027-01-20 08:00", "2027-01-21 08:00")
    add_entry(post=post, person=trust.referrer, shift=there, by=trust.coordinator)
    good = {
        "person": str(trust.colleague.pk),
        **wall("starts", 1, "21:00"),
        **wall("ends", 2, "9:00"),
    }
    given = {**good, **typed} if typed else {**good, "person": ""}
    answer = keeper.post(reverse("add-to-rota", args=[post.pk]), given)
    assert answer.status_code == 422
    assert said in words_of(answer)
    assert RotaEntry.objects.count() == 1


def test_a_post_is_given_up_after_a_question(trust: Trust, keeper: Client, post: Post) -> None:
    address = reverse("end-post", args=[post.pk])
    keeper.get(address)
    assert Post.objects.standing().exists()
    answer = fill_in(keeper, address, {})
    assert "The responsible consultant is told again." in words_of(keeper.get(answer.url))
    assert not Post.objects.standing().exists()
    assert "Add to the rota" not in words_of(keeper.get(page_of(post)))


def test_a_file_is_shown_first_and_then_imported(trust: Trust, keeper: Client, post: Post) -> None:
    address = reverse("import-rota")
    sent = {"file": SimpleUploadedFile("rota.csv", two_nights(trust))}
    shown = keeper.post(address, sent)
    assert "2 changes" in words_of(shown)
    assert not RotaEntry.objects.exists()
    done = keeper.post(address, hidden_in(shown))
    assert "Imported: 2 changed, 0 not." in words_of(keeper.get(done.url))
    assert RotaEntry.objects.count() == 2
    again = keeper.post(address, hidden_in(shown))
    assert again.status_code == 409
    assert "Something changed since you looked" in words_of(again)
    wrong = {"file": SimpleUploadedFile("rota.csv", b"team,post\n")}
    refused = keeper.post(address, wrong)
    assert refused.status_code == 422
    assert "Line 1: There is no column person." in words_of(refused)


def test_other_days_are_shown_and_nonsense_is_now(keeper: Client, post: Post) -> None:
    assert "1 March 2027 to 29 March 2027" in words_of(
        keeper.get(f"{page_of(post)}?from=2027-03-01")
    )
    for odd in ("2027-02-31", "yesterday", "2027-03-01T25"):
        assert keeper.get(f"{page_of(post)}?from={odd}").status_code == 200


def test_the_number_of_queries_does_not_grow_with_the_rota(
    trust: Trust, keeper: Client, post: Post
) -> None:
    def counts() -> list[int]:
        return [
            queries_without_banner(keeper, address) for address in (reverse("rotas"), page_of(post))
        ]

    from django.utils import timezone

    start = timezone.localtime().replace(tzinfo=None, minute=0, second=0, microsecond=0)
    first: Any = Shift.between(start, start.replace(minute=30))
    add_entry(post=post, person=trust.colleague, shift=first, by=trust.coordinator)
    few = counts()
    for day in range(1, 20):
        person = trust.add(Role.REFERRER, team=trust.team)
        add_entry(post=post, person=person, shift=first.moved(day), by=trust.coordinator)
    make_post(team=trust.team, by=trust.coordinator, name="Other", stands_for="department")
    assert counts() == few
    assert max(few) <= 9
