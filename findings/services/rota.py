"""Posts and who is on them: kept by hand, every change with what was there before and after.

Nobody is told of a change: it counts for whatever falls due from now on, and the page before a
flag and the steps of a finding show it at once.
"""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from findings import doorbell
from findings.models import Person, Post, RotaChange, RotaEntry, Team
from findings.rules import check_can_keep_rota
from findings.services.timeline import database_now
from findings.shifts import ZONE, Gap, Shift, gaps

What = RotaChange.What


def make_post(
    *, team: Team, by: Person, name: str, stands_for: str, zone: str = ZONE, source: str = ""
) -> Post:
    """A post of a team, with nobody on it yet: until somebody is, those who hold the duty are told.

    Raises `ValueError` with a sentence.
    """
    check_can_keep_rota(by, team)
    name = name.strip()
    _check_post(team, name, stands_for)
    ZoneInfo(zone)
    with transaction.atomic():
        post = Post.objects.create(team=team, name=name, stands_for=stands_for, zone=zone)
        _note(post, What.POST_MADE, by, source, after=_in_words(post))
    return post


def _check_post(team: Team, name: str, stands_for: str) -> None:
    if not name:
        raise ValueError("A post needs a name.")
    of_coordinators = stands_for == Post.StandsFor.COORDINATOR
    if of_coordinators != (team.kind == Team.Kind.COORDINATION):
        raise ValueError(
            "A post for the coordinators belongs to the coordination team, any other to the team"
            " whose duty it is."
        )
    of_radiologists = stands_for == Post.StandsFor.RADIOLOGISTS
    if of_radiologists != (team.kind == Team.Kind.RADIOLOGY):
        raise ValueError(
            "A post for the radiologists of a site belongs to its radiology team, any other to the"
            " team whose duty it is."
        )
    if of_radiologists and team.site_id is None:
        raise ValueError(f"{team} is of no one site, so there is nobody for whom it could stand.")
    if team.posts.filter(name=name).exists():
        raise ValueError(f"{team} has a post of this name already.")
    same = team.posts.standing().filter(stands_for=stands_for).first()
    if same:
        raise ValueError(f"{same} stands for {same.get_stands_for_display()} already.")


def end_post(*, post: Post, by: Person) -> None:
    """From now on everybody who holds the duty is told again. Its rota stays as history."""
    check_can_keep_rota(by, post.team)
    with transaction.atomic():
        post = Post.objects.select_for_update().get(pk=post.pk)
        if post.ended_at is None:
            post.ended_at = database_now()
            post.save(update_fields=["ended_at"])
            _note(post, What.POST_ENDED, by, "", before=_in_words(post))


def _in_words(post: Post) -> str:
    return f"{post}, for {post.get_stands_for_display()} of {post.team}"


# --- Entries -------------------------------------------------------------------------------------


def add_entry(
    *, post: Post, person: Person, shift: Shift, by: Person, source: str = ""
) -> RotaEntry:
    """Put somebody on. `ValueError` says who is on already, or why they cannot be."""
    (entry,) = add_entries(post=post, person=person, shifts=[shift], by=by, source=source)
    return entry


def add_entries(
    *, post: Post, person: Person, shifts: Iterable[Shift], by: Person, source: str = ""
) -> list[RotaEntry]:
    """Put somebody on for each of these shifts, or for none of them."""
    check_can_keep_rota(by, post.team)
    _check_person(post, person)
    with transaction.atomic():
        return [_add(post, person, shift, by, source) for shift in shifts]


def _add(post: Post, person: Person, shift: Shift, by: Person, source: str) -> RotaEntry:
    entry = RotaEntry(post=post, person=person, **_columns(shift))
    _save(entry, shift)
    _note(post, What.ADDED, by, source, entry, after=str(entry))
    return entry


def change_entry(
    *, entry: RotaEntry, person: Person, shift: Shift, by: Person, source: str = ""
) -> RotaEntry:
    """Another person or another time. Saying the same again changes nothing."""
    check_can_keep_rota(by, entry.post.team)
    with transaction.atomic():
        entry = _standing(entry)
        before = str(entry)
        if person.pk != entry.person_id:
            _check_person(entry.post, person)
        entry.person = person
        for name, value in _columns(shift).items():
            setattr(entry, name, value)
        if str(entry) == before:
            return entry
        _save(entry, shift)
        _note(entry.post, What.CHANGED, by, source, entry, before=before, after=str(entry))
    return entry


def remove_entry(*, entry: RotaEntry, by: Person, source: str = "") -> None:
    """Take somebody off. The row stays, as what was once planned."""
    check_can_keep_rota(by, entry.post.team)
    with transaction.atomic():
        entry = _standing(entry)
        entry.removed_at = database_now()
        entry.save(update_fields=["removed_at"])
        _note(entry.post, What.REMOVED, by, source, entry, before=str(entry))


def _standing(entry: RotaEntry) -> RotaEntry:
    locked = RotaEntry.objects.select_for_update(of=("self",)).select_related(
        "post__team", "person"
    )
    entry = locked.get(pk=entry.pk)
    if entry.removed_at:
        raise ValueError("Somebody has taken this off the rota meanwhile.")
    return entry


def _columns(shift: Shift) -> dict[str, object]:
    return {
        "starts_on": shift.starts_on,
        "starts_time": shift.starts_time,
        "ends_on": shift.ends_on,
        "ends_time": shift.ends_time,
        "zone": shift.zone,
    }


def _check_person(post: Post, person: Person) -> None:
    if not post.may_be_on.filter(pk=person.pk).exists():
        wanted = {
            Post.StandsFor.COORDINATOR.value: f"a coordinator of {post.team.organisation}",
            Post.StandsFor.RADIOLOGISTS.value: f"a radiologist of {post.team.site}",
        }.get(post.stands_for, f"a referring clinician in {post.team}")
        raise ValueError(f"{person} is not {wanted} who works here, so could not open a finding.")


def _save(entry: RotaEntry, shift: Shift) -> None:
    if shift.ends_at <= shift.starts_at:
        raise ValueError("A shift must end after it starts.")
    if entry.post.ended_at:
        raise ValueError(f"{entry.post} was given up.")
    try:
        with transaction.atomic():
            entry.save()
    except IntegrityError as refused:
        if "rota_entries_of_one_post_do_not_overlap" not in str(refused):
            raise
        met = _meets(entry, shift)
        raise ValueError(f"{met or 'Somebody'} is on at that time already.") from refused


def _meets(entry: RotaEntry, shift: Shift) -> RotaEntry | None:
    others = RotaEntry.objects.standing().filter(post=entry.post).exclude(pk=entry.pk)
    found = others.filter(starts_at__lt=shift.ends_at, ends_at__gt=shift.starts_at)
    return found.select_related("person").first()


def _note(
    post: Post,
    what: RotaChange.What,
    by: Person | None,
    source: str,
    entry: RotaEntry | None = None,
    *,
    before: str = "",
    after: str = "",
) -> None:
    doorbell.look_again_after_commit()
    RotaChange.objects.create(
        post=post, entry=entry, what=what, by=by, source=source, before=before, after=after
    )


# --- Looking ------------------------------------------------------------------------------------


def entries_between(post: Post, start: datetime, end: datetime) -> list[RotaEntry]:
    """Who is on in this time, the earliest first."""
    entries = RotaEntry.objects.between(start, end).filter(post=post)
    return list(entries.select_related("person"))


def gaps_of(entries: Iterable[RotaEntry], start: datetime, end: datetime) -> list[Gap]:
    """When nobody is on. What somebody covers who has left is a gap, too."""
    here = (one for one in entries if one.person.is_active)
    return list(gaps([(one.starts_at, one.ends_at) for one in here], start, end))
