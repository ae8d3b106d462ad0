"""Rotas from a file: every change is shown first, a wrong line stops all, and twice is once."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from findings.models import Post, Role, RotaChange
from findings.services.rota import add_entry, make_post
from findings.services.rota_import import dry_run, import_rota
from tests.factories import Trust, a_trust
from tests.integration.test_rotas import shift

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(trust: Trust) -> Post:
    return make_post(
        team=trust.team, by=trust.coordinator, name="On call", stands_for="responsible"
    )


def file(trust: Trust, *lines: str) -> bytes:
    rows = [f"{trust.team.name},On call,{line}" for line in lines]
    return "\n".join(["team,post,person,starts,ends", *rows]).encode()


def two_nights(trust: Trust) -> bytes:
    return file(
        trust,
        f"{trust.referrer.professional_code},2027-01-01 21:00,2027-01-02 10:00",
        f"{trust.colleague.username},02/01/2027 21:00,2027-01-03T10:00",
    )


def rota(post: Post) -> list[str]:
    return [str(one) for one in post.entries.standing().select_related("person")]


def test_a_dry_run_shows_every_change_and_makes_none(trust: Trust, post: Post) -> None:
    outcome = dry_run(two_nights(trust), by=trust.coordinator)
    assert [(one.line, one.what) for one in outcome.changes] == [(2, "Added"), (3, "Added")]
    assert not post.entries.exists()
    assert not post.changes.filter(what=RotaChange.What.ADDED).exists()


def test_the_second_import_changes_nothing(trust: Trust, post: Post) -> None:
    raw = two_nights(trust)
    first = import_rota(raw, by=trust.coordinator, source="rota.csv")
    assert len(first.changes) == 2
    again = import_rota(raw, by=trust.coordinator, source="rota.csv")
    assert (again.changes, again.unchanged) == ([], 2)
    assert rota(post) == [
        f"{trust.referrer}, 1 January 2027 at 21:00 to 2 January 2027 at 10:00",
        f"{trust.colleague}, 2 January 2027 at 21:00 to 3 January 2027 at 10:00",
    ]
    added = post.changes.filter(what=RotaChange.What.ADDED)
    assert set(added.values_list("source", "by")) == {("rota.csv", trust.coordinator.pk)}


def test_the_file_is_the_rota_between_its_first_start_and_last_end(
    trust: Trust, post: Post
) -> None:
    import_rota(two_nights(trust), by=trust.coordinator, source="a.csv")
    outside = shift("2027-01-10 21:00", "2027-01-11 10:00")
    add_entry(post=post, person=trust.colleague, shift=outside, by=trust.coordinator)
    newer = file(
        trust,
        f"{trust.colleague.username},2027-01-01 21:00,2027-01-02 10:00",
        f"{trust.responsible.username},2027-01-02 21:00,2027-01-03 00:00",
        f"{trust.director.username},2027-01-03 00:00,2027-01-03 10:00",
    )
    outcome = import_rota(newer, by=trust.coordinator, source="b.csv")
    assert [(one.line, one.what) for one in outcome.changes] == [
        (0, "Removed"),
        (2, "Changed"),
        (3, "Added"),
        (4, "Added"),
    ]
    assert outcome.changes[1].before.startswith(str(trust.referrer))
    assert [one.split(",")[0] for one in rota(post)] == [
        str(one) for one in (trust.colleague, trust.responsible, trust.director, trust.colleague)
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nobody,2027-01-05 21:00,2027-01-06 10:00", "Line 3: nobody is nobody who can be on it"),
        ("{coordinator},2027-01-05 21:00,2027-01-06 10:00", "is nobody who can be on it"),
        ("{colleague},2027-01-05,2027-01-06 10:00", "Line 3: starts is 2027-01-05: write it like"),
        ("{colleague},2027-01-05 21:00,2027-01-05 20:00", "Line 3: It ends before it starts."),
        ("{colleague},2027-01-02 09:59,2027-01-02 12:00", "Line 3: It overlaps line 2."),
        ("{colleague},2027-01-05 21:00,", "Line 3: ends is empty."),
        ("{colleague},2027-01-05 21:00", "Line 3: There are more or fewer cells than columns."),
        (
            "{colleague},2027-01-20 21:00,2027-01-21 22:00",
            "is on at that time already",
        ),
    ],
)
def test_one_wrong_line_is_named_and_nothing_is_changed(
    trust: Trust, post: Post, line: str, said: str
) -> None:
    later = shift("2027-01-21 21:00", "2027-01-22 10:00")
    add_entry(post=post, person=trust.referrer, shift=later, by=trust.coordinator)
    names = {name: getattr(trust, name).username for name in ("coordinator", "colleague")}
    good = f"{trust.referrer.username},2027-01-01 21:00,2027-01-02 10:00"
    raw = file(trust, good, line.format(**names))
    for outcome in (
        dry_run(raw, by=trust.coordinator),
        import_rota(raw, by=trust.coordinator, source="x"),
    ):
        assert said in " ".join(str(one) for one in outcome.mistakes)
        assert post.entries.count() == 1


def test_another_trusts_post_is_not_there(trust: Trust, post: Post) -> None:
    outcome = import_rota(two_nights(trust), by=a_trust().coordinator, source="x")
    assert "has no post On call that you may change" in str(outcome.mistakes[0])


def test_a_file_that_is_no_table_says_why(trust: Trust) -> None:
    for raw, said in (
        (b"team,post\n", "There is no column person."),
        ("team,post,person,starts,ends\nä".encode("latin-1"), "not UTF-8"),
        (b'team,post,person,starts,ends\n"a', "not CSV"),
    ):
        assert any(said in str(one) for one in dry_run(raw, by=trust.coordinator).mistakes), said


def test_what_changed_since_it_was_shown_is_not_imported(trust: Trust, post: Post) -> None:
    raw = two_nights(trust)
    seen = dry_run(raw, by=trust.coordinator).fingerprint
    night = shift("2027-01-01 21:00", "2027-01-02 10:00")
    add_entry(post=post, person=trust.director, shift=night, by=trust.coordinator)
    outcome = import_rota(raw, by=trust.coordinator, source="x", seen=seen)
    assert outcome.fingerprint != seen
    assert rota(post)[0].startswith(str(trust.director))


def test_odd_wall_times_are_pointed_out(trust: Trust, post: Post) -> None:
    raw = file(trust, f"{trust.referrer.username},2026-10-24 21:00,2026-10-25 01:30")
    (change,) = dry_run(raw, by=trust.coordinator).changes
    assert "01:30 happens twice on 25 October 2026" in change.notes[0]


def test_the_command_shows_first_and_applies_when_told_to(
    trust: Trust, post: Post, tmp_path: Path
) -> None:
    path = tmp_path / "rota.csv"
    path.write_bytes(two_nights(trust))

    def run(*more: Any) -> str:
        out = StringIO()
        named = f"--by={trust.coordinator.username}"
        call_command("import_rota", path, named, *more, stdout=out, stderr=StringIO())
        return out.getvalue()

    assert "Nothing was changed. Run it with --apply." in run()
    assert not post.entries.exists()
    assert "Done." in run("--apply")
    assert post.entries.count() == 2
    assert "Unchanged: 2." in run("--apply")
    path.write_bytes(file(trust, "nobody,2027-01-01 21:00,2027-01-02 10:00"))
    with pytest.raises(CommandError, match="Nothing was changed"):
        run("--apply")
    someone = trust.add(Role.REFERRER)
    with pytest.raises(CommandError):
        call_command("import_rota", path, f"--by={someone.username}", stderr=StringIO())
