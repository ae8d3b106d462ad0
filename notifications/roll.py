"""The roll: who works where, who is away and who is on, read once for any number of questions.

A page asks about every step of a ladder, the coverage check about every finding; each part is read
with one query, when the first question needs it, for all of them together.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.db.models import Model, Q

from findings.models import (
    Audience,
    Finding,
    HandOver,
    Leave,
    Membership,
    Organisation,
    Person,
    Post,
    Role,
    RotaEntry,
    Site,
    Team,
)
from findings.reach import Subject
from findings.words import local
from notifications.models import Route

WATCHERS = {Audience.COORDINATOR: Role.COORDINATOR, Audience.GOVERNANCE: Role.GOVERNANCE}
# Those of whom some work where the images were made.
OF_THE_SITE = (Audience.RADIOLOGISTS, Audience.QUESTION)


@dataclass(frozen=True)
class Question:
    """Whom an audience of this finding would be at this moment."""

    subject: Subject
    audience: Audience
    at: datetime


@dataclass(frozen=True)
class Place:
    """Somebody's place in a team."""

    person: int
    duty: str
    works_here: bool


class Roll:
    """What the questions need to know, by id."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        self._people: dict[int, Person] = {}
        self._routes: dict[int, list[Route]] = defaultdict(list)
        self._away: dict[date, dict[int, int | None]] = {}
        self._days: dict[datetime, date] = {}
        # What `notifications/audience.py` found out about somebody.
        self.looked_up: dict[int, Any] = {}
        self._gone: Person | Post | RotaEntry | None = None

    def without(self, row: Person | Post | RotaEntry) -> "Roll":
        """As if somebody had left, a post had been given up or a shift taken off. What was read is
        shared; what was made of it is not."""
        other = copy(self)
        other._gone, other._away, other.looked_up = row, {}, {}
        return other

    def _is_gone(self, kind: type[Model], pk: int | None) -> bool:
        return isinstance(self._gone, kind) and self._gone.pk == pk

    # --- People ------------------------------------------------------------------------------

    def learn(self, people: Iterable[int]) -> None:
        """Read these people with the routes that they keep."""
        new = set(people) - self._people.keys()
        if new:
            self._people.update(Person.objects.in_bulk(new))
            # Not as a prefetch, which makes a query set for each person.
            for route in Route.objects.kept().filter(person__in=new).order_by("position", "pk"):
                self._routes[route.person_id].append(route)

    def person(self, pk: int) -> Person:
        """Somebody who was learned."""
        person = self._people[pk]
        if self._is_gone(Person, pk):
            person = copy(person)
            person.is_active = False
        return person

    def routes(self, person: Person) -> list[Route]:
        """Those of somebody who was learned, in their order."""
        return self._routes[person.pk]

    # --- Teams and roles -----------------------------------------------------------------------

    @cached_property
    def _places(self) -> dict[int, list[Place]]:
        teams: set[int] = {offer.to_team_id for offer in self._offers.values() if offer.to_team_id}
        for question in self.questions:
            teams.add(question.subject.team.pk)
            if question.subject.owner_team:
                teams.add(question.subject.owner_team.pk)
        found = defaultdict(list)
        rows = Membership.objects.filter(team__in=teams).order_by("person")
        for team, person, duty, is_active in rows.values_list(
            "team", "person", "duty", "person__is_active"
        ):
            found[team].append(Place(person, duty, is_active))
        return found

    def places(self, team: Team) -> list[Place]:
        if self._gone is None:  # nearly always
            return self._places[team.pk]
        return [
            replace(place, works_here=False) if self._is_gone(Person, place.person) else place
            for place in self._places[team.pk]
        ]

    def members(self, team: Team) -> list[int]:
        """Those who work here."""
        return [place.person for place in self.places(team) if place.works_here]

    @cached_property
    def _with_role(self) -> dict[tuple[type[Organisation] | type[Site], int, str], list[int]]:
        """Whoever watches over the trusts that are asked about, and the radiologists of sites."""
        asked = self.questions
        trusts = {one.subject.organisation.pk for one in asked if one.audience in WATCHERS}
        of_sites = (self.site(one.subject) for one in asked if one.audience in OF_THE_SITE)
        sites = {site.pk for site in of_sites if site}
        watch = Q(organisation__in=trusts, roles__overlap=list(WATCHERS.values()))
        there = Q(site__in=sites, roles__contains=[Role.RADIOLOGIST])
        found: dict[tuple[type[Organisation] | type[Site], int, str], list[int]] = defaultdict(list)
        people = Person.objects.active().filter(watch | there).order_by("pk")
        for pk, trust, site, roles in people.values_list("pk", "organisation", "site", "roles"):
            for role in roles:
                found[Organisation, trust, role].append(pk)
                found[Site, site, role].append(pk)
        return found

    def with_role(self, subject: Subject, role: Role) -> list[int]:
        """Those of the trust of which watchers are asked."""
        return self._here(self._with_role[Organisation, subject.organisation.pk, role])

    def _here(self, people: list[int]) -> list[int]:
        if self._gone is None:
            return people
        return [pk for pk in people if not self._is_gone(Person, pk)]

    @cached_property
    def _sites(self) -> dict[int, Site]:
        """Of findings: where the images were made."""
        asked = (one.subject for one in self.questions if one.audience in OF_THE_SITE)
        wanted = {subject.finding_id for subject in asked if subject.finding_id}
        if not wanted:
            return {}
        rows = Finding.objects.filter(pk__in=wanted).select_related("site").only("site")
        return {row.pk: row.site for row in rows}

    def site(self, subject: Subject) -> Site | None:
        """Where the images were made; of a finding only where its radiologists are asked about."""
        return subject.site or self._sites.get(subject.finding_id or 0)

    def radiologists(self, site: Site | None) -> list[int]:
        """Those of a site, who work here."""
        return self._here(self._with_role[Site, site.pk, Role.RADIOLOGIST]) if site else []

    # --- Rotas -----------------------------------------------------------------------------------

    @cached_property
    def _posts(self) -> dict[tuple[str, int | None], list[Post]]:
        """By the duty that they stand for and of whom it is: a trust, a site or a team."""
        found = defaultdict(list)
        for post in self._read_posts():
            found[post.stands_for, _whose(post)].append(post)
        return found

    def _read_posts(self) -> Iterable[Post]:
        wanted = Post.StandsFor.values
        subjects = [one.subject for one in self.questions if one.audience in wanted]
        if not subjects:
            return []
        of_organisation = Q(
            team__organisation__in={subject.organisation.pk for subject in subjects},
            stands_for=Post.StandsFor.COORDINATOR,
        )
        of_team = Q(team__in={subject.team.pk for subject in subjects})
        sites = {site.pk for subject in subjects if (site := self.site(subject))}
        of_site = Q(team__site__in=sites, stands_for=Post.StandsFor.RADIOLOGISTS)
        posts = Post.objects.standing().filter(of_team | of_organisation | of_site)
        return posts.select_related("team").order_by("pk")

    def posts(self, subject: Subject, audience: Audience) -> list[Post]:
        """The posts that stand in front of this duty."""
        whose: Organisation | Site | Team | None = subject.team
        if audience == Audience.COORDINATOR:
            whose = subject.organisation
        elif audience == Audience.RADIOLOGISTS:
            whose = self.site(subject)
        found = self._posts.get((audience, whose.pk), ()) if whose else ()
        return [post for post in found if not self._is_gone(Post, post.pk)]

    @cached_property
    def _entries(self) -> dict[int, list[RotaEntry]]:
        """By post."""
        found = defaultdict(list)
        posts = [post for some in self._posts.values() for post in some]
        if posts:
            moments = [question.at for question in self.questions]
            entries = RotaEntry.objects.between(min(moments), max(moments))
            for entry in entries.filter(post__in=posts).select_related("person"):
                found[entry.post_id].append(entry)
        return found

    def on_rota(self, post: Post, at: datetime) -> Person | None:
        """Who is on at this moment; None in a gap."""
        for entry in self._entries[post.pk]:
            is_on = entry.starts_at <= at < entry.ends_at
            if is_on and not self._is_gone(RotaEntry, entry.pk):
                return entry.person
        return None

    # --- Offers ----------------------------------------------------------------------------------

    @cached_property
    def _offers(self) -> dict[int, HandOver]:
        wanted = {
            one.subject.finding_id for one in self.questions if one.audience == Audience.OFFERED
        }
        if not wanted:
            return {}
        offers = HandOver.objects.open().filter(finding__in=wanted).select_related("to_team")
        return {offer.finding_id: offer for offer in offers}

    def offer(self, subject: Subject) -> HandOver | None:
        return self._offers.get(subject.finding_id) if subject.finding_id else None

    # --- Leave -----------------------------------------------------------------------------------

    @cached_property
    def _leave(self) -> list[Leave]:
        days = {self._day(question.at) for question in self.questions}
        leave = Leave.objects.standing().filter(first_on__lte=max(days), last_on__gte=min(days))
        return list(leave.select_related("deputy"))

    def away(self, at: datetime) -> dict[int, int | None]:
        """Whoever is on leave, with their deputy; as `findings.models.cover.away_on`."""
        day = self._day(at)
        if day not in self._away:
            self._away[day] = {
                leave.person_id: leave.deputy_id
                if leave.deputy
                and leave.deputy.is_active
                and not self._is_gone(Person, leave.deputy_id)
                else None
                for leave in self._leave
                if leave.first_on <= day <= leave.last_on
            }
        return self._away[day]

    def _day(self, at: datetime) -> date:
        if at not in self._days:
            self._days[at] = local(at).date()
        return self._days[at]

    def back_after(self, person: int, at: datetime) -> date | None:
        """The last day of somebody's leave at this moment."""
        day = self._day(at)
        for leave in self._leave:
            if leave.person_id == person and leave.first_on <= day <= leave.last_on:
                return leave.last_on
        return None


def _whose(post: Post) -> int | None:
    """Whose duty it stands for, by id: a site has radiologists, a trust has coordinators."""
    if post.stands_for == Audience.COORDINATOR:
        return post.team.organisation_id
    if post.stands_for == Audience.RADIOLOGISTS:
        return post.team.site_id
    return post.team_id
