"""What reviews have in common, and how many of them wait for whom."""

from datetime import date

from django.db.models import Count, Q

from findings.models import Improvement, Person, Review

# As many as somebody reads beside a case.
SIMILAR_SHOWN = 8


def counts(person: Person) -> dict[str, int]:
    """Of the reviews that this person may see."""
    rows = Review.objects.visible_to(person)
    unfinished = Q(concluded_at__isnull=True)
    found = rows.aggregate(
        unfinished=Count("pk", filter=unfinished),
        not_looked_at=Count("pk", filter=Q(status=Review.Status.OPEN)),
    )
    return found | {"candour": rows.candour_owed().count()}


def to_learn(person: Person, today: date) -> dict[str, int]:
    """With the improvements whose day is over: for the front page of governance."""
    late = Improvement.objects.visible_to(person).open().filter(due_on__lt=today)
    return counts(person) | {"overdue": late.count()}


def similar(review: Review, person: Person) -> list[tuple[Review, int]]:
    """Others of the trust with a cause of it, or of its specialty, each with how many causes they
    have in common; the most first."""
    causes = [
        one.cause_id for one in review.found_causes.all() if one.undone_at is None and one.was_one
    ]
    shared = Count(
        "found_causes",
        filter=Q(
            found_causes__cause__in=causes,
            found_causes__undone_at__isnull=True,
            found_causes__was_one=True,
        ),
        distinct=True,
    )
    specialty = specialty_of(review)
    of_specialty = Q(finding__team__specialty=specialty) if specialty else Q(pk__in=[])
    rows = Review.objects.visible_to(person).filter(organisation=review.organisation_id)
    rows = rows.exclude(pk=review.pk).annotate(shared=shared)
    rows = rows.filter(Q(shared__gt=0) | of_specialty).select_related("theme", "finding__team")
    found = rows.order_by("-shared", "-opened_at", "-pk")[:SIMILAR_SHOWN]
    return [(one, one.shared) for one in found]


def specialty_of(review: Review) -> str:
    """Of the team of its finding; empty where it has none."""
    return review.finding.team.specialty if review.finding else ""
