"""Which team holds a finding whose order leads to nobody who could answer it.

The rules are asked in order; one whose team has nobody who can be told is passed over, and at the
end stand the coordinators. So every combination ends at a person or with the coordinators.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from django.db import IntegrityError, transaction
from django.utils import timezone

from findings import reach
from findings.models import (
    Audience,
    Category,
    Examination,
    Organisation,
    Person,
    RoutingChange,
    RoutingRule,
    Site,
    Team,
)
from findings.reach import Subject
from findings.rules import check_can_route
from findings.services.taken_back import taken_back
from findings.timetable import PlannedStep

ANY_OTHER = "any other"


@dataclass(frozen=True)
class Asked:
    """What the rules look at."""

    category: Category | None
    # The requester's job and the requesting location, as they are written.
    specialty: str
    site: Site | None

    @classmethod
    def of(cls, examination: Examination, category: Category | None) -> "Asked":
        requester = examination.requested_by
        job = requester.job_title if requester else ""
        return cls(category, f"{job} {examination.location_as_sent}", examination.site)


def matches(rule: RoutingRule, asked: Asked) -> bool:
    return (
        (rule.category_id is None or rule.category == asked.category)
        and (rule.site_id is None or rule.site == asked.site)
        and rule.specialty.casefold() in asked.specialty.casefold()
    )


class Routing:
    """The rules of one trust, read once for any number of questions. `before` has asked about most
    of its teams already: a change of rules changes nobody who works in them."""

    def __init__(self, organisation: Organisation, before: "Routing | None" = None) -> None:
        self.organisation = organisation
        self._reaches: dict[int, bool] = before._reaches if before else {}

    @cached_property
    def rules(self) -> list[RoutingRule]:
        return list(RoutingRule.objects.filter(organisation=self.organisation).in_order())

    @cached_property
    def reachable(self) -> set[int]:
        """The teams of the rules in which somebody can be told now, as for any finding."""
        teams = {rule.team_id: rule.team for rule in self.rules}
        new = [team for pk, team in teams.items() if pk not in self._reaches]
        now = PlannedStep(0, timezone.now(), Audience.OWNER, "")
        asks = [(Subject(None, team, team, None, self.organisation), [now]) for team in new]
        for team, (shown,) in zip(new, reach.previews(asks) if asks else [], strict=True):
            self._reaches[team.pk] = shown.reaches_somebody
        return {pk for pk in teams if self._reaches[pk]}

    def passed_over(self, asked: Asked) -> tuple[RoutingRule | None, list[RoutingRule]]:
        """The rule that decides, None where nobody can be told by any; and those before it that
        match but reach nobody."""
        passed: list[RoutingRule] = []
        for rule in self.rules:
            if not matches(rule, asked):
                continue
            if rule.team_id in self.reachable:
                return rule, passed
            passed.append(rule)
        return None, passed


def why(rule: RoutingRule | None, passed: list[RoutingRule], left_empty: Team | None = None) -> str:
    """The sentence for the page and the timeline. `left_empty`: the order's own team."""
    begin = "The order names nobody and no team that we know"
    if left_empty:
        begin = f"Nobody who works here could answer in {left_empty}"
    if passed:
        begin += f"; nobody of {' or '.join(str(one.team) for one in passed)} can be told"
    if rule is None or rule.team.kind == Team.Kind.COORDINATION:
        return f"{begin}, so the coordinators hold it."
    return f"{begin}, so by the routing rule “{rule.condition}” {rule.team} holds it."


# --- Keeping the rules ----------------------------------------------------------------------


def add_rule(
    *,
    organisation: Organisation,
    by: Person,
    team: Team,
    category: Category | None = None,
    specialty: str = "",
    site: Site | None = None,
    position: int = 0,
) -> RoutingRule:
    """A new rule at this place, 1 is the first, 0 the last before the last rule. `ValueError`
    carries a sentence."""
    check_can_route(by, organisation)
    rule = RoutingRule(organisation=organisation)
    return _save(rule, by, team, category, specialty, site, position)


def change_rule(
    *,
    rule: RoutingRule,
    by: Person,
    team: Team,
    category: Category | None = None,
    specialty: str = "",
    site: Site | None = None,
    position: int = 0,
) -> RoutingRule:
    """Of the last rule only the team can change."""
    check_can_route(by, rule.organisation)
    return _save(rule, by, team, category, specialty, site, position)


@transaction.atomic
def _save(
    rule: RoutingRule,
    by: Person,
    team: Team,
    category: Category | None,
    specialty: str,
    site: Site | None,
    position: int,
) -> RoutingRule:
    _take_turn(rule.organisation)
    before = str(RoutingRule.objects.get(pk=rule.pk)) if rule.pk else ""
    where = rule.position
    rule.team = team
    if not rule.is_last:
        rule.category, rule.specialty, rule.site = category, specialty.strip(), site
        if not (category or rule.specialty or site):
            raise ValueError("Say for which category, specialty or site. The last rule is for all.")
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError as refused:
        if "routing_rule_is_there_once" not in str(refused):
            raise
        raise ValueError("There is a rule for exactly this already.") from refused
    if not rule.is_last:
        _put(rule, position)
    if str(rule) != before or rule.position != where:
        _note(rule.organisation, by, before, f"{rule} (number {rule.position})")
    return rule


def remove_rule(*, rule: RoutingRule, by: Person) -> None:
    check_can_route(by, rule.organisation)
    if rule.is_last:
        raise ValueError("The last rule cannot be removed: it catches what no other rule does.")
    with transaction.atomic():
        _take_turn(rule.organisation)
        _note(rule.organisation, by, str(rule), "")
        rule.delete()
        _number(_others(rule.organisation))


def _take_turn(organisation: Organisation) -> None:
    """One change at a time: each shows what it would do to what is there."""
    RoutingRule.objects.select_for_update().filter(organisation=organisation, is_last=True).first()


def _others(organisation: Organisation) -> list[RoutingRule]:
    return list(RoutingRule.objects.filter(organisation=organisation, is_last=False).in_order())


def _put(rule: RoutingRule, position: int) -> None:
    others = [one for one in _others(rule.organisation) if one.pk != rule.pk]
    others.insert(position - 1 if position else len(others), rule)
    _number(others)


def _number(rules: list[RoutingRule]) -> None:
    for number, rule in enumerate(rules, start=1):
        if rule.position != number:
            rule.position = number
            rule.save(update_fields=["position"])


def _note(organisation: Organisation, by: Person, before: str, after: str) -> None:
    RoutingChange.objects.create(organisation=organisation, by=by, before=before, after=after)


# --- What a change would do ----------------------------------------------------------------------


@dataclass(frozen=True)
class Combination:
    """One category, specialty and site, and the team that it leads to."""

    category: str
    specialty: str
    site: str
    team: str
    reaches: bool


def combinations(organisation: Organisation) -> list[Combination]:
    """Every category, every specialty that a rule names and any other, and every site."""
    return _combinations(Routing(organisation), *_categories_and_sites(organisation))


def _categories_and_sites(organisation: Organisation) -> tuple[list[Category], list[Site]]:
    offered = Category.objects.filter(is_offered=True)
    return list(offered), list(Site.objects.filter(organisation=organisation))


def _combinations(
    routing: Routing, categories: list[Category], sites: list[Site]
) -> list[Combination]:
    named = sorted({rule.specialty for rule in routing.rules if rule.specialty})
    asked = product(categories, [*named, ""], sites)
    return [_combination(routing, Asked(*one)) for one in asked]


def _combination(routing: Routing, asked: Asked) -> Combination:
    rule, _ = routing.passed_over(asked)
    return Combination(
        str(asked.category),
        asked.specialty or ANY_OTHER,
        str(asked.site),
        str(rule.team) if rule else "the coordinators, whom nobody can tell",
        rule is not None,
    )


@dataclass(frozen=True)
class Effect:
    """One combination that would go elsewhere."""

    before: Combination
    after: Combination


def effects(organisation: Organisation, change: Callable[[], object]) -> list[Effect]:
    """What a change would send elsewhere: done for real and taken back."""
    rest, routing = _categories_and_sites(organisation), Routing(organisation)
    before = {_key(one): one for one in _combinations(routing, *rest)}
    with taken_back():
        change()
        after = _combinations(Routing(organisation, routing), *rest)
    return list(_differences(before, after))


def _key(one: Combination) -> tuple[str, str, str]:
    return one.category, one.specialty, one.site


def _differences(
    before: dict[tuple[str, str, str], Combination], after: list[Combination]
) -> Iterator[Effect]:
    for one in after:
        # A specialty that no rule named before went where any other went.
        category, _, site = key = _key(one)
        was = before.get(key) or before[(category, ANY_OTHER, site)]
        if was.team != one.team:
            yield Effect(was, one)


def fingerprint(found: list[Effect]) -> str:
    """Of what was shown: saving asks for the same."""
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]
