"""What flagging would do, before anything is saved: who is told, when, and who cannot be reached.

The page shows it, and asks again when it is no longer what it showed.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from findings import reach
from findings.models import Category, Examination, Person, Role, Rule, Site
from findings.services.flag import Ownership, Promise, promise_under
from findings.services.policy import Limit, PolicyError, check_may_promise, limits_under


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
    steps: Sequence[reach.StepPreview]

    @property
    def reaches_somebody(self) -> bool:
        return any(step.reaches_somebody for step in self.steps)

    @property
    def digest(self) -> str:
        """Changes when somebody else would be told, by other routes, or under another policy."""
        said = [self.offer.policy, [_who(step) for step in self.steps]]
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
    return [
        _offer(category, rules, at, site) for category in Category.objects.filter(is_offered=True)
    ]


def _offer(category: Category, rules: dict[str, Rule], at: datetime, site: Site | None) -> Offer:
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
        promised = promise_under(rule, at, site)
    except PolicyError as refused:
        return Offer(category, limits, None, str(refused), needs_date, str(rule))
    return Offer(category, limits, promised, "", needs_date, str(rule))


def foresee(
    *, examination: Examination, by: Person, held: Ownership, offered: Sequence[Offer]
) -> list[Foreseen]:
    """What each offer would do with this owner. Asked once, for the steps of all of them."""
    possible = [(offer, offer.promise) for offer in offered if offer.promise]
    subject = reach.Subject(
        held.person, held.owner_team, held.team, by, examination.site.organisation
    )
    shown = iter(
        reach.preview(subject, [step for _, promise in possible for step in promise.steps])
    )
    return [Foreseen(offer, [next(shown) for _ in promise.steps]) for offer, promise in possible]


def coordinators_to_call(examination: Examination) -> list[Person]:
    """Whom to telephone when no message would reach anybody."""
    return list(
        Person.objects.active()
        .with_role(Role.COORDINATOR)
        .filter(organisation=examination.site.organisation_id)
        .exclude(phone="")
    )
