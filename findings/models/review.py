"""The review: what the organisation learned from a broken promise, a complaint or a discrepancy.

It refers to the finding or examination and copies nothing of it. Once concluded it stays as it is,
and is added to (review_parts.py).
"""

import pgtrigger
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from findings.models.append_only import append_only, never_deleted, settled_once
from findings.models.finding import reference_with
from findings.models.people import Person, Role
from findings.models.review_parts import CandourStep, ReviewBreach


def new_review_reference() -> str:
    return reference_with("R")


class ReviewQuerySet(models.QuerySet["Review"]):
    """Questions about reviews; `visible_to` is the only door for pages."""

    def visible_to(self, person: Person) -> "ReviewQuerySet":
        """Of the trust that they coordinate or whose governance they lead; and what they raised
        themselves."""
        if person.has_role(Role.COORDINATOR, Role.GOVERNANCE):
            return self.filter(organisation=person.organisation_id)
        if person.has_role(Role.RADIOLOGIST):
            return self.filter(opened_by=person)
        return self.none()

    def unfinished(self) -> "ReviewQuerySet":
        return self.filter(concluded_at__isnull=True)

    def candour_owed(self) -> "ReviewQuerySet":
        """The duty of candour holds, and not each of its steps is recorded."""
        steps = CandourStep.objects.standing().filter(review=OuterRef("pk"))
        lacks = [~Exists(steps.filter(step=step)) for step in CandourStep.Which.values]
        owed = Q()
        for one in lacks:
            owed |= Q(one)
        return self.filter(owed, harm__in=Review.Harm.owes_candour())

    def broken_again(self) -> "ReviewQuerySet":
        """A further promise was broken after it was concluded."""
        later = ReviewBreach.objects.filter(review=OuterRef("pk"))
        return self.filter(Exists(later.filter(added_at__gt=OuterRef("concluded_at"))))


class Review(models.Model):
    """Of one finding or examination where it was opened by a broken promise; of whatever somebody
    raises otherwise. Nobody is scored by it."""

    class Kind(models.TextChoices):
        BREACH = "breach", "Promise not kept"
        COMPLAINT = "complaint", "Complaint"
        INCIDENT = "incident", "Incident"
        DISCREPANCY = "discrepancy", "Discrepancy"
        NEAR_MISS = "near_miss", "Near miss"
        EXCELLENCE = "excellence", "Excellence"

        @classmethod
        def by_radiologists(cls) -> "tuple[Review.Kind, ...]":
            """What a radiologist may raise: what a learning meeting is for."""
            return (cls.DISCREPANCY, cls.NEAR_MISS, cls.EXCELLENCE)

    class Status(models.TextChoices):
        OPEN = "open", "Not looked at yet"
        IN_REVIEW = "in_review", "In review"
        CONCLUDED = "concluded", "Concluded"
        NOT_BREACH = "not_breach", "Not a breach"

    class Harm(models.TextChoices):
        UNKNOWN = "unknown", "Not yet known"
        NONE = "none", "No harm"
        LOW = "low", "Low harm"
        MODERATE = "moderate", "Moderate harm"
        SEVERE = "severe", "Severe harm"
        DEATH = "death", "Death"
        PSYCHOLOGICAL = "psychological", "Prolonged psychological harm"

        @classmethod
        def owes_candour(cls) -> "tuple[Review.Harm, ...]":
            """From where on regulation 20 holds."""
            return (cls.MODERATE, cls.SEVERE, cls.DEATH, cls.PSYCHOLOGICAL)

    reference = models.CharField(
        max_length=14, unique=True, default=new_review_reference, editable=False
    )
    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, related_name="reviews", db_index=False
    )
    kind = models.CharField(max_length=12, choices=Kind)
    finding = models.ForeignKey(
        "findings.Finding", models.PROTECT, null=True, blank=True, related_name="reviews"
    )
    examination = models.ForeignKey(
        "findings.Examination", models.PROTECT, null=True, blank=True, related_name="reviews"
    )
    # In the words of whoever raised it; of a breach the timeline says it.
    happened = models.TextField(blank=True)
    opened_at = models.DateTimeField(db_default=Now())
    # Empty: opened by itself.
    opened_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    theme = models.ForeignKey(
        "findings.Theme", models.PROTECT, null=True, blank=True, related_name="reviews"
    )
    harm = models.CharField(max_length=14, choices=Harm, default=Harm.UNKNOWN)
    # Since when it is known that the duty of candour holds: the trust's own limit counts from it.
    candour_since = models.DateTimeField(null=True, blank=True)
    lfpse_reference = models.CharField("LFPSE reference", max_length=60, blank=True)
    # What was learned; or why it was no breach.
    conclusion = models.TextField(blank=True)
    concluded_at = models.DateTimeField(null=True, blank=True)
    concluded_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    causes: models.ManyToManyField = models.ManyToManyField(
        "findings.Cause", through="findings.ReviewCause", related_name="reviews"
    )

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="review_is_of_a_finding_or_an_examination",
                condition=Q(finding__isnull=True) | Q(examination__isnull=True),
            ),
            models.CheckConstraint(
                name="breach_is_of_something",
                condition=~Q(kind="breach")
                | Q(finding__isnull=False)
                | Q(examination__isnull=False),
            ),
            models.CheckConstraint(
                name="somebody_raises_what_is_no_breach_and_says_what_happened",
                condition=Q(kind="breach") | (Q(opened_by__isnull=False) & ~Q(happened="")),
            ),
            models.CheckConstraint(
                name="only_a_breach_can_be_none",
                condition=~Q(status="not_breach") | Q(kind="breach"),
            ),
            models.CheckConstraint(
                name="concluded_review_says_when_who_and_what",
                condition=Q(
                    status__in=["open", "in_review"],
                    concluded_at__isnull=True,
                    concluded_by__isnull=True,
                    conclusion="",
                )
                | (
                    Q(
                        status__in=["concluded", "not_breach"],
                        concluded_at__gte=F("opened_at"),
                        concluded_by__isnull=False,
                    )
                    & ~Q(conclusion="")
                ),
            ),
            models.CheckConstraint(
                name="candour_counts_from_when_harm_was_known",
                condition=Q(
                    harm__in=["moderate", "severe", "death", "psychological"],
                    candour_since__isnull=False,
                )
                | Q(harm__in=["unknown", "none", "low"], candour_since__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["finding"],
                condition=Q(kind="breach", finding__isnull=False),
                name="one_review_of_the_breaches_of_a_finding",
            ),
            models.UniqueConstraint(
                fields=["examination"],
                condition=Q(kind="breach", examination__isnull=False),
                name="one_review_of_the_breaches_of_an_examination",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-opened_at", "-id"], name="reviews_of_a_trust")
        ]
        triggers = [
            never_deleted("review"),
            pgtrigger.ReadOnly(
                name="what_is_reviewed_never_changes",
                fields=[
                    "reference",
                    "organisation",
                    "kind",
                    "finding",
                    "examination",
                    "happened",
                    "opened_at",
                    "opened_by",
                ],
            ),
            settled_once("concluded_review_never_changes", "concluded_at", "review % is concluded"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_open(self) -> bool:
        return self.concluded_at is None

    @property
    def owes_candour(self) -> bool:
        return self.harm in self.Harm.owes_candour()


class LearningRule(models.Model):
    """What a trust decided about its reviews. The newest row of a trust holds; none is changed."""

    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, related_name="learning_rules", db_index=False
    )
    number = models.PositiveIntegerField()
    # Promises whose limit fell from then on open a review by themselves.
    reviews_from = models.DateTimeField()
    # The trust's own limit for the written notification; empty: none. Regulation 20 has none.
    candour_days = models.PositiveSmallIntegerField(null=True, blank=True)
    at = models.DateTimeField(db_default=Now())
    # Empty: the first, written when reviews began.
    by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["organisation", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "number"], name="learning_rule_number_is_used_once"
            ),
            models.CheckConstraint(
                name="candour_limit_is_at_least_a_day",
                condition=Q(candour_days__isnull=True) | Q(candour_days__gte=1),
            ),
        ]
        triggers = [append_only("learningrule")]

    def __str__(self) -> str:
        return f"learning rule {self.organisation_id}, {self.number}"
