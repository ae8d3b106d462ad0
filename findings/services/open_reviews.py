"""Reviews open by themselves: for every promise that was not kept by its limit, once.

One review holds all that was broken of one finding, or of one examination. The database lets a
promise be reviewed once and such a review be there once, so any number of rounds may do this
together, and none needs to know how far another came.

A trust's history is not opened at its first round: only what falls due from then on. What was
before is opened by `manage.py open_reviews --since`, whenever somebody wants it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from findings.models import Clock, LearningRule, Organisation, Review, ReviewBreach
from findings.services.timeline import database_now
from findings.states import ClockKind

# What is owed to a patient. An answer to a question and the confirming of an alert code are owed to
# a colleague, and the finding or the flag that follows has promises of its own.
REVIEWED = (
    ClockKind.ACKNOWLEDGE,
    ClockKind.ACT,
    ClockKind.FOLLOW_UP,
    ClockKind.TELL_PATIENT,
    ClockKind.REPORT_BY,
)
AT_ONCE = 500


class Opened(NamedTuple):
    """What one round did."""

    reviews: int = 0
    breaches: int = 0


def open_reviews(*, at: datetime | None = None) -> Opened:
    """One round, for every trust, from when its reviews began."""
    at = at or database_now()
    found = Opened()
    for organisation, since in _begun(at).items():
        found = _add(found, open_for(organisation, since=since, until=at))
    return found


def open_for(organisation_id: int, *, since: datetime, until: datetime) -> Opened:
    """Review what was due from `since` on (UTC) and was not kept by `until`; what is reviewed
    already stays as it is."""
    found = Opened()
    broken = list(not_reviewed(organisation_id, since=since, until=until))
    for begin in range(0, len(broken), AT_ONCE):
        with transaction.atomic():
            found = _add(found, _open(organisation_id, broken[begin : begin + AT_ONCE]))
    return found


def not_reviewed(organisation_id: int, *, since: datetime, until: datetime) -> QuerySet[Clock]:
    """Promises of this trust whose limit fell in that time and was not kept, in no review yet."""
    not_kept = Q(stopped_at__isnull=True) | Q(stopped_at__gt=F("due_at"))
    rows = Clock.objects.filter(
        not_kept, kind__in=REVIEWED, due_at__gte=since, due_at__lte=until, reviewed_in=None
    )
    whose = Coalesce("finding__organisation_id", "examination__site__organisation_id")
    return rows.alias(whose=whose).filter(whose=organisation_id).order_by("due_at", "pk")


def rule_of(organisation_id: int) -> LearningRule | None:
    """The one that holds; None before the first round."""
    rules = LearningRule.objects.filter(organisation=organisation_id)
    return rules.order_by("-number").first()


def _begun(at: datetime) -> dict[int, datetime]:
    """Of each trust, from when on its reviews open by themselves: now, in its first round."""
    trusts = Organisation.objects.filter(kind=Organisation.Kind.TRUST)
    first = [
        LearningRule(organisation_id=pk, number=1, reviews_from=at)
        for pk in trusts.exclude(learning_rules__isnull=False).values_list("pk", flat=True)
    ]
    LearningRule.objects.bulk_create(first, ignore_conflicts=True)
    newest = LearningRule.objects.order_by("organisation_id", "-number").distinct("organisation_id")
    return dict(newest.values_list("organisation_id", "reviews_from"))


def _open(organisation_id: int, clocks: Sequence[Clock]) -> Opened:
    before = _reviews(clocks)
    new = {
        (clock.finding_id, clock.examination_id): Review(
            organisation_id=organisation_id,
            kind=Review.Kind.BREACH,
            finding_id=clock.finding_id,
            examination_id=clock.examination_id,
        )
        for clock in clocks
        if (clock.finding_id, clock.examination_id) not in before
    }
    # Whoever does it at the same moment is waited for, and theirs is the one.
    Review.objects.bulk_create(new.values(), ignore_conflicts=True)
    now = _reviews(clocks) if new else before
    rows = [
        ReviewBreach(review_id=now[clock.finding_id, clock.examination_id], clock=clock)
        for clock in clocks
    ]
    ReviewBreach.objects.bulk_create(rows, ignore_conflicts=True)
    made = {one.reference for one in new.values()}
    ours = Review.objects.filter(reference__in=made).count() if made else 0
    return Opened(ours, len(rows))


def _reviews(clocks: Iterable[Clock]) -> dict[tuple[int | None, int | None], int]:
    """By finding and examination: the review of what was broken."""
    every = list(clocks)
    of_findings = Q(finding__in={one.finding_id for one in every if one.finding_id})
    of_examinations = Q(examination__in={one.examination_id for one in every if one.examination_id})
    rows = Review.objects.filter(of_findings | of_examinations, kind=Review.Kind.BREACH)
    return {
        (finding, examination): pk
        for finding, examination, pk in rows.values_list("finding", "examination", "pk")
    }


def _add(one: Opened, other: Opened) -> Opened:
    return Opened(one.reviews + other.reviews, one.breaches + other.breaches)
