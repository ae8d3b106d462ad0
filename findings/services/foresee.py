"""What flagging would do, before anything is saved: who is told, when, and who cannot be reached.

The page shows it, and asks again when it is no longer what it showed.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial

from findings import reach
from findings.models import Category, Examination, Person, Role, Rule, Site
from findings.services.calendars import calendar
from findings.services.flag import Ownership, Promise, ownership, promise_under
from findings.services.policy import Limit, PolicyError, check_may_promise, limits_under
from findings.services.routing import Routing
from findings.timetable import Calendar


@dataclass(frozen=True)
class Offer:
    """A category that a radiologist may choose, and what choosing it would promise now."""

    category: Category
    limits: Sequence[Limit]
    # None when its limits may not start a clock; `refused` says why and what to run.
    promise: Promise | None
    refused: str = ""
    # The rule gives no time to act: the date comes from the report.
    needs_date: bool = False
    policy: str = ""


@dataclass(frozen=True)
class Foreseen:
    """One offer with the people whom each of its steps would tell."""

    offer: Offer
    # Who would hold it: the routing rules may say so by category.
    held: Ownership
    steps: Sequence[reach.StepPreview]

    @property
    def reaches_somebody(self) -> bool:
        return any(step.reaches_somebody for step in self.steps)

    @property
    def digest(self) -> str:
        """Changes when somebody else would be told, by other routes, or under another policy."""
        said = [self.offer.policy, self.held.team.pk, [_who(step) for step in self.steps]]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:24]


def _who(step: reach.StepPreview) -> list:
    told = [[one.person.pk, one.routes, one.unreachable_because] for one in step.recipients]
    return [step.step.level, step.step.audience, told]


def offers(at: datetime, site: Site | None = None) -> list[Offer]:
    """Every category on offer, the most severe first, in a fixed number of queries."""
    rules = {
        rule.policy_id: rule
        for rule in Rule.objects.in_force().prefetch_related("rungs", "signatures")
    }
    # Read once for all of them, and anew for each page.
    calendar_of = cache(partial(calendar, site=site))
    return [
        _offer(category, rules, at, calendar_of)
        for category in Category.objects.filter(is_offered=True)
    ]


def _offer(
    category: Category, rules: dict[str, Rule], at: datetime, calendar_of: Callable[[str], Calendar]
) -> Offer:
    rule = rules.get(category.local_policy_id)
    if rule is None:
        missing = f"Policy {category.local_policy_id} is not loaded. Run: manage.py load_policy"
        return Offer(category, [], None, missing)
    limits = limits_under(
        rule, rules.get(category.national_policy_id), rules.get(category.patient_policy_id)
    )
    needs_date = not rule.act_within
    try:
        check_may_promise(rule)
        promised = promise_under(rule, at, days=calendar_of(rule.calendar))
    except PolicyError as refused:
        return Offer(category, limits, None, str(refused), needs_date, str(rule))
    return Offer(category, limits, promised, "", needs_date, str(rule))


def foresee(
    *,
    examination: Examination,
    by: Person,
    held: Ownership,
    offered: Sequence[Offer],
    routing: Routing,
) -> list[Foreseen]:
    """What each offer would do with this owner, or with whom the routing rules name for its
    category. Asked once, for the steps of all of them."""
    organisation = examination.site.organisation
    possible = [
        (offer, _held(examination, held, offer.category, routing), offer.promise.steps)
        for offer in offered
        if offer.promise
    ]
    asks = [
        (reach.Subject(one.person, one.owner_team, one.team, by, organisation), steps)
        for _, one, steps in possible
    ]
    shown = reach.previews(asks) if asks else []
    return [
        Foreseen(offer, one, steps) for (offer, one, _), steps in zip(possible, shown, strict=True)
    ]


def _held(
    examination: Examination, held: Ownership, category: Category, routing: Routing
) -> Ownership:
    return ownership(examination, None, category, routing) if held.is_routed else held


def coordinators_to_call(examination: Examination) -> list[Person]:
    """Whom to telephone when no message would reach anybody."""
    return list(
        Person.objects.active()
        .with_role(Role.COORDINATOR)
        .filter(organisation=examination.site.organisation_id)
        .exclude(phone="")
    )
