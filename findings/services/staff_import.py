"""People from a file: a dry run that shows every change, and the same again for good.

All or nothing, and the same file twice changes nothing. Whoever leaves does so as on the page:
their open findings go to their teams, in the same transaction.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction

from findings import doorbell, newcomers
from findings.models import Membership, Person, Role
from findings.rules import NotAllowed, check_can_let_leave, keeps
from findings.services.concerns import by_anybody_of
from findings.services.directory_trail import NAMES, STAFF_LIST, note, note_place
from findings.services.leavers import (
    findings_held_by,
    leave_team,
    plan_goodbye,
    say_goodbye,
    welcome_back,
)
from findings.services.shown_first import Outcome, done, tried
from findings.services.staff_file import NOW, PLAIN, Line, read
from findings.services.table_file import Mistake
from findings.services.timeline import database_now
from findings.words import day, local, plural

BECAUSE = "the staff list says that they left."
PLANNED = "the staff list says that they leave."
LEFT_OUT = "they are not on the staff list."


@dataclass(frozen=True)
class Change:
    """What a file changes for one person. Line 0: they are not in it."""

    line: int
    who: str
    # "new", "changed", "leaves" or "back"
    kind: str
    details: tuple[str, ...] = ()


def dry_run(
    raw: bytes, *, by: Person | None, complete: bool = False, addresses_verified: bool = False
) -> Outcome[Change]:
    """What the file would change."""
    return tried(
        lambda outcome: _take(raw, by, complete, addresses_verified, outcome),
        by_anybody_of(by) if by else None,
    )


def import_people(
    raw: bytes,
    *,
    by: Person | None,
    complete: bool = False,
    addresses_verified: bool = False,
    seen: str = "",
) -> Outcome[Change]:
    """Change what the file says, unless a line is wrong or, with `seen`, something else would
    change than what was shown. `by` None: whoever runs the command.

    `complete`: whoever of its organisations is not in the file leaves. `addresses_verified`: `by`
    says so of the addresses in the file, and is recorded with each.
    """
    return done(lambda outcome: _take(raw, by, complete, addresses_verified, outcome), seen)


def _take(
    raw: bytes,
    by: Person | None,
    complete: bool,
    addresses_verified: bool,
    outcome: Outcome[Change],
) -> None:
    if addresses_verified and by is None:
        raise ValueError("Somebody must say that the addresses are verified.")
    lines, mistakes = read(raw)
    outcome.mistakes += mistakes
    for line in lines:
        _take_line(line, by, by if addresses_verified else None, outcome)
    if complete and not outcome.mistakes:
        _leave_out(lines, by, outcome)


def _take_line(
    line: Line, by: Person | None, vouches: Person | None, outcome: Outcome[Change]
) -> None:
    try:
        with transaction.atomic():
            change = _applied(line, by, vouches)
    except ValidationError as error:
        outcome.mistakes += [Mistake(line.number, words) for words in _words(error)]
    except (NotAllowed, ValueError) as error:
        outcome.mistakes.append(Mistake(line.number, str(error)))
    else:
        if change is None:
            outcome.unchanged += 1
        else:
            outcome.changes.append(change)
            doorbell.look_again_after_commit()


def _words(error: ValidationError) -> list[str]:
    """By column where one is to blame."""
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    return [
        words if name == "__all__" else f"{name}: {words}"
        for name, every in error.message_dict.items()
        for words in every
    ]


def _applied(line: Line, by: Person | None, vouches: Person | None) -> Change | None:
    person = Person.objects.select_for_update(no_key=True).filter(username=line.username).first()
    is_new = person is None
    person = person or Person(username=line.username, organisation=line.organisation)
    if by is not None and not (keeps(by, person) and keeps(by, _as_in(line))):
        raise NotAllowed(f"{line.username} belongs to a trust whose directory you do not keep.")
    _check_can_still_answer(person, line)
    before = person.email
    was = {name: getattr(person, name) for name in NAMED}
    details = [*_fields(person, line)]
    _check_code(person)
    if is_new:
        person.set_unusable_password()
    if is_new or details:
        person.full_clean()
        person.save()
        _note(person, None if is_new else was, by)
        newcomers.greet(person)
    details += _messages(person, before, vouches if line.fields.get("email") else None)
    details += _places(person, line, by)
    kind, more = _leaving(person, line, by)
    details += more
    if is_new:
        kind = "new"
    elif not details:
        return None
    return Change(line.number, str(person), kind, tuple(details))


# What a line may change of somebody who is there.
NAMED = (*PLAIN, "organisation", "site", "roles")


def _note(person: Person, was: dict[str, object] | None, by: Person | None) -> None:
    """None: they were not in the directory before."""
    if was is None:
        note(person, "In the directory", "", person.role_words or "Yes", by=by, source=STAFF_LIST)
        return
    for name in NAMED:
        before, after = was[name], getattr(person, name)
        note(person, NAMES[name], before, after, by=by, source=STAFF_LIST)


def _messages(person: Person, before: str, vouches: Person | None) -> Iterator[str]:
    """Where their messages go from now on, if that changes."""
    moved = newcomers.moved(person, before) if before and before != person.email else ""
    if vouches and newcomers.vouch(person, vouches):
        instead = f", and no more to {before}" if moved else ""
        yield f"messages will go to {person.email} without a code{instead}"
    elif moved:
        yield moved


def _check_can_still_answer(person: Person, line: Line) -> None:
    """Whoever holds a finding must be able to answer it for as long as they work here."""
    loses = line.roles is not None and Role.REFERRER in person.roles
    if person.pk is None or not loses or Role.REFERRER in (line.roles or ()) or line.leaves == NOW:
        return
    if held := findings_held_by(person).count():
        raise ValueError(
            f"roles: {person} holds {plural(held, 'open finding')} and must stay a referring"
            " clinician until they are handed over."
        )


def _check_code(person: Person) -> None:
    """By whom it is taken, which the constraint would not say."""
    code = person.professional_code
    others = Person.objects.filter(professional_code=code).exclude(pk=person.pk)
    if code and (other := others.first()):
        raise ValueError(f"professional_code {code} is {other}'s ({other.username}).")


def _as_in(line: Line) -> Person:
    return Person(organisation=line.organisation)


def _fields(person: Person, line: Line) -> Iterator[str]:
    wanted: dict[str, object] = {name: line.fields[name] for name in PLAIN if name in line.fields}
    wanted["organisation"] = line.organisation
    if line.site is not None:
        wanted["site"] = line.site
    if line.roles is not None:
        wanted["roles"] = line.roles
    for name, value in wanted.items():
        before = getattr(person, name)
        same = sorted(before) == value if name == "roles" else before == value
        if same:
            continue
        setattr(person, name, value)
        if person.pk is None and not value:
            continue
        was = "" if person.pk is None else f"{_shown(before)} becomes "
        yield f"{name}: {was}{_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(Role(one).label for one in value) or "nothing"
    return str(value or "nothing")


def _places(person: Person, line: Line, by: Person | None) -> list[str]:
    """Their teams as the file has them."""
    if line.places is None:
        return []
    said = []
    places = {place.team: place for place in person.memberships.select_related("team")}
    for team in places:
        if team not in line.places:
            stay = leave_team(person=person, team=team, by=by)
            said.append(f"leaves the team {team}{_stay(len(stay))}")
    for team, duty in line.places.items():
        if team not in places:
            Membership.objects.create(person=person, team=team, duty=duty)
            note_place(person, team, None, duty, by=by, source=STAFF_LIST)
            said.append(f"joins the team {team}, {_duty(duty)}")
        elif places[team].duty != duty:
            said.append(f"in the team {team}: {_duty(places[team].duty)} becomes {_duty(duty)}")
            Membership.objects.filter(pk=places[team].pk).update(duty=duty)
            note_place(person, team, places[team].duty, duty, by=by, source=STAFF_LIST)
    return said


def _stay(count: int) -> str:
    if not count:
        return ""
    return f", with which {plural(count, 'open finding')} {'stays' if count == 1 else 'stay'}"


def _duty(duty: str) -> str:
    return Membership.Duty(duty).label.lower()


def _leaving(person: Person, line: Line, by: Person | None) -> tuple[str, list[str]]:
    """The kind of change, and what it says of their going or coming back."""
    leaves, today = line.leaves, local(database_now()).date()
    if leaves is None:
        return "changed", []
    if leaves == NOW or (isinstance(leaves, date) and leaves < today):
        return ("leaves", _gone(person, by, BECAUSE)) if person.is_active else ("changed", [])
    if isinstance(leaves, date):
        if person.is_active and person.leaves_on == leaves:
            return "changed", []
        plan_goodbye(person=person, by=by, last_day=leaves, because=PLANNED)
        return "leaves", [f"last day: {day(leaves)}. {_held(person)}"]
    if person.is_active and person.leaves_on is None:
        return "changed", []
    welcome_back(person=person, by=by)
    return "back", ["stays after all" if person.is_active else "works here again"]


def _gone(person: Person, by: Person | None, because: str) -> list[str]:
    said = _held(person)
    say_goodbye(person=person, by=by, because=because)
    return [f"leaves now. {said}"]


def _held(person: Person) -> str:
    teams = sorted({str(one.team) for one in findings_held_by(person).select_related("team")})
    if not teams:
        return "Holds no open finding"
    held = plural(findings_held_by(person).count(), "open finding")
    return f"{held} will go to {', '.join(teams)}"


def _leave_out(lines: list[Line], by: Person | None, outcome: Outcome[Change]) -> None:
    """Accounts of sending systems are no people, and nobody imports themselves away."""
    here = {line.organisation.pk for line in lines}
    names = [line.username for line in lines]
    missing = Person.objects.active().filter(organisation__in=here, sender=None)
    for person in missing.exclude(username__in=names).order_by("family_name", "pk"):
        if by is not None and person.pk == by.pk:
            continue
        try:
            if by is not None:
                check_can_let_leave(by, person)
            said = _gone(person, by, LEFT_OUT)
        except NotAllowed as error:
            outcome.mistakes.append(Mistake(0, f"{person}: {error}"))
            continue
        outcome.changes.append(Change(0, str(person), "leaves", tuple(said)))
