"""Who is told at a step, and whether they can be reached: the one answer to "would this reach a
human?".

The page before a flag, the engine when a step falls due and the check of what is to come all ask
here, so that what was shown before saving is what happens.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.utils import timezone

from findings.models import (
    Audience,
    Event,
    HandOver,
    Membership,
    Person,
    PhoneCall,
    Post,
    RotaEntry,
    Team,
)
from findings.models import Question as Questions
from findings.models.cover import stand_in
from findings.reach import Ask, Recipient, StepPreview, Subject, sentences
from findings.services.acknowledge import acknowledgers
from findings.timetable import PlannedStep
from findings.words import day, when
from notifications.models import Channel, Notification, Route
from notifications.roll import WATCHERS, Question, Roll

Duty = Membership.Duty


@dataclass(frozen=True)
class Reached:
    """Somebody of an audience with the routes they can be told by, or why there is none."""

    person: Person
    routes: tuple[Route, ...]
    # A sentence for a person; empty when there is a route.
    unreachable_because: str = ""
    # Why in this application alone; empty where there is another way, too.
    only_here_because: str = ""

    @cached_property
    def recipient(self) -> Recipient:
        """As findings asks for it."""
        routes = tuple(Channel(route.channel).label for route in self.routes)
        return Recipient(self.person, routes, self.unreachable_because, self.only_here_because)


@dataclass(frozen=True)
class Reach:
    """Everybody of one audience."""

    people: tuple[Reached, ...]
    # Why those who should be told are not there, in sentences. Not empty beside people: nobody is
    # on the rota, and others are told instead.
    nobody_because: str = ""

    @property
    def told(self) -> list[Reached]:
        return [one for one in self.people if one.routes]

    @property
    def reasons(self) -> list[str]:
        """Why whoever is not told is not, in sentences."""
        return sentences(self.nobody_because, self.people)


def reach(subject: Subject, audience: Audience | str, at: datetime | None = None) -> Reach:
    """The people of an audience as they are at a moment, each with their usable routes."""
    (found,) = reaches([Question(subject, Audience(audience), at or timezone.now())])
    return found


def reaches(questions: Sequence[Question]) -> list[Reach]:
    """As `reach`, for any number of questions in the same few queries."""
    return _reaches(Roll(questions), questions)


def _reaches(roll: Roll, questions: Sequence[Question]) -> list[Reach]:
    found = [_WHO[one.audience](roll, one) for one in questions]
    roll.learn(pk for one in found for pk in _everybody(roll, one))
    return [_reach(roll, one) for one in found]


def preview(subject: Subject, steps: Sequence[PlannedStep]) -> list[StepPreview]:
    """Who would be told at each step, each at its own moment."""
    return Look([(subject, steps)]).answers[0]


class Look:
    """Answers `findings.reach.look`: one roll for all that is asked. What is overdue would be told
    now."""

    def __init__(self, asks: Sequence[Ask]) -> None:
        self._now = timezone.now()
        self._roll = Roll(self._questions(asks))
        self.answers = self.again(asks) if asks else []

    def again(self, asks: Sequence[Ask]) -> list[list[StepPreview]]:
        found = iter(_reaches(self._roll, self._questions(asks)))
        return [[_previewed(step, next(found)) for step in steps] for _, steps in asks]

    def without(self, row: Person | Post | RotaEntry) -> "Look":
        other = copy(self)
        other._roll = self._roll.without(row)
        return other

    def _questions(self, asks: Sequence[Ask]) -> list[Question]:
        return [
            Question(subject, Audience(step.audience), max(step.due_at, self._now))
            for subject, steps in asks
            for step in steps
        ]


def _previewed(step: PlannedStep, found: Reach) -> StepPreview:
    recipients = tuple(one.recipient for one in found.people)
    return StepPreview(step, recipients, found.nobody_because)


# --- Who ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """The people of an audience by id, before anybody asks for their routes."""

    question: Question
    people: Sequence[int]
    # The sentence for when there are none.
    nobody: str = ""
    # Who is told where none of these can be, as when nobody is on a rota.
    instead: "Found | None" = None


Who = Callable[[Roll, Question], Found]


def _owner(roll: Roll, asked: Question) -> Found:
    if asked.subject.owner_person is not None:
        return Found(asked, [asked.subject.owner_person.pk])
    return _members(roll, asked, asked.subject.owner_team or asked.subject.team)


def _members(roll: Roll, asked: Question, team: Team) -> Found:
    return Found(asked, roll.members(team), f"{team} has no member who works here.")


def _team(roll: Roll, asked: Question) -> Found:
    return _members(roll, asked, asked.subject.team)


def _duty(duty: Membership.Duty) -> Who:
    def who(roll: Roll, asked: Question) -> Found:
        """Whoever holds the duty now; whoever held it last is named only where nobody does."""
        team = asked.subject.team
        holders = [place for place in roll.places(team) if place.duty == duty]
        here = [place for place in holders if place.works_here]
        nobody = f"{team} has no {duty.label.lower()}."
        found = Found(asked, [place.person for place in here or holders], nobody)
        return _on_rota(roll, found, roll.members(team))

    return who


def _watchers(roll: Roll, asked: Question) -> Found:
    role = WATCHERS[asked.audience]
    nobody = f"{asked.subject.organisation} has no {role.label.lower()}."
    people = roll.with_role(asked.subject, role)
    return _on_rota(roll, Found(asked, people, nobody), people)


def _on_rota(roll: Roll, holders: Found, may_be_on: Sequence[int]) -> Found:
    """Where there is a post for the duty: whoever is on, and those who hold it only in a gap."""
    asked = holders.question
    posts = roll.posts(asked.subject, asked.audience)
    if not posts:
        return holders
    on = {post: roll.on_rota(post, asked.at) for post in posts}
    people = [person.pk for person in on.values() if person and person.pk in may_be_on]
    gaps = [_gap(post, person, asked) for post, person in on.items()] if not people else []
    return Found(asked, people, " ".join(gaps), holders)


def _gap(post: Post, person: Person | None, asked: Question) -> str:
    if person is None:
        return f"Nobody is on the rota of {post} on {when(asked.at)}."
    return f"{person} is on the rota of {post}, but cannot open findings of {post.team}."


def _radiologist(roll: Roll, asked: Question) -> Found:
    """Whoever flagged it, or reported the examination."""
    flagged_by = asked.subject.flagged_by
    return Found(asked, [flagged_by.pk] if flagged_by else [], "Nobody has flagged it yet.")


def _radiologists(roll: Roll, asked: Question) -> Found:
    site = roll.site(asked.subject)
    here = roll.radiologists(site)
    return _on_rota(roll, Found(asked, here, f"{site} has no radiologist who works here."), here)


def _offered(roll: Roll, asked: Question) -> Found:
    offer = roll.offer(asked.subject)
    if offer is None:
        return Found(asked, [], "The offer has ended.")
    if offer.to_team is not None:
        return _members(roll, asked, offer.to_team)
    assert offer.to_person_id is not None
    return Found(asked, [offer.to_person_id])


def _offered_by(roll: Roll, asked: Question) -> Found:
    accepted = HandOver.objects.filter(
        finding=asked.subject.finding_id, outcome=HandOver.Outcome.ACCEPTED
    )
    last = accepted.order_by("-ended_at").values_list("offered_by", flat=True).first()
    return Found(asked, [last] if last else [], "Nobody has offered it.")


def _question(roll: Roll, asked: Question) -> Found:
    """Whoever flagged it; where they cannot be told, the radiologists of its site."""
    site, flagged_by = roll.site(asked.subject), asked.subject.flagged_by
    assert flagged_by is not None, "nobody asks about what is not flagged"
    others = [pk for pk in roll.radiologists(site) if pk != flagged_by.pk]
    nobody = f"{site} has no other radiologist who works here."
    return Found(asked, [flagged_by.pk], instead=Found(asked, others, nobody))


def _reply(roll: Roll, asked: Question) -> Found:
    answered = Questions.objects.filter(finding=asked.subject.finding_id).exclude(answered_at=None)
    last = answered.order_by("-answered_at").values_list("asked_by", flat=True).first()
    return Found(asked, [last] if last else [], "Nobody has asked anything.")


def _withdrawn(roll: Roll, asked: Question) -> Found:
    """Whoever knows of it: was told by a message that went or may have gone, or by telephone;
    answered for it, flagged it, or read it as theirs; and then whoever holds it, too."""
    holders = set(_owner(roll, asked).people)
    known = _told(asked) | (holders & _readers(asked))
    if known:
        known |= holders if asked.subject.owner_person else set()
    if asked.subject.flagged_by:
        known.add(asked.subject.flagged_by.pk)
    return _but_for_whoever_did_it(asked, known)


def _told(asked: Question) -> set[int]:
    finding = asked.subject.finding_id
    if finding is None:
        return set()
    messages = Notification.objects.filter(finding=finding).went_or_may_have_gone()
    calls = PhoneCall.objects.filter(finding=finding, spoke_to__isnull=False)
    return {
        *messages.values_list("recipient", flat=True),
        *calls.values_list("spoke_to", flat=True),
        *acknowledgers(finding),
    }


def _readers(asked: Question) -> set[int]:
    read = Event.objects.filter(finding=asked.subject.finding_id, kind=Event.Kind.READ)
    return set(read.values_list("by", flat=True))


def _acknowledger(roll: Roll, asked: Question) -> Found:
    """Not who holds it now: they are asked."""
    finding = asked.subject.finding_id
    known = acknowledgers(finding) if finding else set()
    return _but_for_whoever_did_it(asked, known - set(_owner(roll, asked).people))


def _else_told(roll: Roll, asked: Question) -> Found:
    """Whoever knows of it, but for who holds it now or acknowledged it once: they hear, too, and
    in other words."""
    finding = asked.subject.finding_id
    others = set(_owner(roll, asked).people) | (acknowledgers(finding) if finding else set())
    return _but_for_whoever_did_it(asked, _told(asked) - others)


def _but_for_whoever_did_it(asked: Question, people: set[int]) -> Found:
    done_by = asked.subject.done_by
    return Found(asked, sorted(people - {done_by.pk if done_by else 0}))


_WHO: dict[Audience, Who] = {
    Audience.OWNER: _owner,
    Audience.RESPONSIBLE: _duty(Duty.RESPONSIBLE),
    Audience.TEAM: _team,
    Audience.DEPARTMENT: _duty(Duty.DIRECTOR),
    Audience.COORDINATOR: _watchers,
    Audience.RADIOLOGIST: _radiologist,
    Audience.GOVERNANCE: _watchers,
    Audience.RADIOLOGISTS: _radiologists,
    Audience.OFFERED: _offered,
    Audience.OFFERED_BY: _offered_by,
    Audience.WITHDRAWN: _withdrawn,
    Audience.ACKNOWLEDGER: _acknowledger,
    Audience.TOLD: _else_told,
    Audience.QUESTION: _question,
    Audience.REPLY: _reply,
}


# --- Who instead of whoever is away --------------------------------------------------------------


def _here(roll: Roll, found: Found) -> list[int]:
    """Those who are not on leave, and for each who is a deputy; for an owner without one the
    team."""
    asked = found.question
    away = roll.away(asked.at)
    if away.keys().isdisjoint(found.people):  # nearly always
        return list(found.people)
    told = [pk for pk in found.people if pk not in away]
    wanted = {stand_in(pk, away) for pk in found.people if pk in away}
    stand_ins = {pk for pk in wanted if pk is not None}
    if None in wanted and _is_owner_alone(away, found):
        stand_ins |= {pk for pk in roll.members(asked.subject.team) if pk not in away}
    return [*told, *sorted(stand_ins - set(told))]


def _is_owner_alone(away: dict[int, int | None], found: Found) -> bool:
    """Whether the one who holds it is away and nobody stands in."""
    owner = found.question.subject.owner_person
    if found.question.audience not in (Audience.OWNER, Audience.WITHDRAWN) or owner is None:
        return False
    return owner.pk in found.people and owner.pk in away and stand_in(owner.pk, away) is None


def _absent(roll: Roll, found: Found) -> list[int]:
    away = roll.away(found.question.at)
    return [pk for pk in found.people if pk in away]


def _everybody(roll: Roll, found: Found) -> Iterable[int]:
    yield from found.people
    yield from _here(roll, found)
    if found.instead:
        yield from _everybody(roll, found.instead)


def _reach(roll: Roll, found: Found) -> Reach:
    people = [_told_or_knows(roll, pk, found.question) for pk in _here(roll, found)]
    people += [_away(roll, roll.person(pk), found.question) for pk in _absent(roll, found)]
    if found.instead and not any(one.routes for one in people):
        return _instead(people, found, _reach(roll, found.instead))
    return Reach(tuple(people), "" if people else found.nobody)


def _instead(people: list[Reached], found: Found, others: Reach) -> Reach:
    """Nobody on the rota can be told: those who hold the duty are, and it says so."""
    known = {one.person.pk for one in people}
    more = [one for one in others.people if one.person.pk not in known]
    whom = Audience(found.question.audience).label
    told = f"Told instead: {whom}." if any(one.routes for one in more) else ""
    because = [found.nobody, others.nobody_because, told]
    return Reach((*people, *more), " ".join(sentence for sentence in because if sentence))


def _away(roll: Roll, person: Person, asked: Question) -> Reached:
    if not person.is_active:
        return _reached(roll, person)
    last_on = roll.back_after(person.pk, asked.at)
    until = f"{person} is on leave until {day(last_on)}"
    deputy = stand_in(person.pk, roll.away(asked.at))
    instead = f"; {roll.person(deputy)} stands in" if deputy else ""
    return Reached(person, (), f"{until}{instead}.")


def _told_or_knows(roll: Roll, pk: int, asked: Question) -> Reached:
    """Whoever gave it back is in their team as before, and it is for the others to answer."""
    if asked.subject.done_by is None or asked.subject.done_by.pk != pk:
        return _looked_up(roll, pk)
    return Reached(roll.person(pk), (), f"{roll.person(pk)} gave it back, and knows.")


# --- How ---------------------------------------------------------------------------------------


def _looked_up(roll: Roll, pk: int) -> Reached:
    """Each person once, however many steps would tell them."""
    if pk not in roll.looked_up:
        roll.looked_up[pk] = _reached(roll, roll.person(pk))
    return roll.looked_up[pk]


def _reached(roll: Roll, person: Person) -> Reached:
    if not person.is_active:
        return Reached(person, (), f"{person} no longer works here.")
    routes = roll.routes(person)
    usable = tuple(route for route in routes if route.is_usable)
    if not usable:
        return Reached(person, usable, _why_none(person, routes))
    if any(route.channel != Channel.IN_APP for route in usable):
        return Reached(person, usable)
    outside = [route for route in routes if route.channel != Channel.IN_APP]
    return Reached(person, usable, only_here_because=_why_none(person, outside))


def _why_none(person: Person, routes: list[Route]) -> str:
    for route in routes:
        if route.failed_at:
            return f"{person}'s address has refused mail since {day(route.failed_at)}."
    if any(route.verified_at for route in routes):
        return f"{person} can only be told in a way that is not set up here."
    if routes:
        return f"{person}'s address has not been verified."
    return f"{person} has no address."
