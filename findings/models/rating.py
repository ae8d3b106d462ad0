"""How useful a flag was, as whoever answered for it says. Of the flag, never of a person."""

from django.db import models
from django.db.models import Exists, OuterRef, Q

from findings.models.append_only import append_only


class RatingQuerySet(models.QuerySet["Rating"]):
    """Questions about ratings."""

    def standing(self) -> "RatingQuerySet":
        """The last one of each person for each finding: a later one takes the place of it."""
        later = Rating.objects.filter(
            finding=OuterRef("finding"), rated_by=OuterRef("rated_by"), pk__gt=OuterRef("pk")
        )
        return self.filter(~Exists(later))


class Rating(models.Model):
    """What one person thought of one flag. Nobody has to say, and no clock hears of it."""

    class Useful(models.TextChoices):
        YES = "yes", "Useful"
        NO = "no", "Not useful"
        CATEGORY = "category", "In the wrong category"

    finding = models.ForeignKey("findings.Finding", models.PROTECT, related_name="ratings")
    useful = models.CharField(max_length=8, choices=Useful)
    note = models.TextField(blank=True)
    rated_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    rated_at = models.DateTimeField()

    objects = RatingQuerySet.as_manager()

    class Meta:
        ordering = ["rated_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="rating_is_known", condition=Q(useful__in=["yes", "no", "category"])
            ),
        ]
        indexes = [models.Index(fields=["rated_at"], name="ratings_by_day")]
        triggers = [append_only("rating")]

    def __str__(self) -> str:
        return f"rating {self.pk}"
