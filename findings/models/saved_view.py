"""The filters of a list that somebody keeps under a name: their own, and nobody else's."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    """Questions about saved views."""

    def kept(self) -> "SavedViewQuerySet":
        return self.filter(removed_at__isnull=True)


class SavedView(models.Model):
    """An address of a list: which page, and which filters. Filters name no patient."""

    person = models.ForeignKey("findings.Person", models.PROTECT, related_name="saved_views")
    # "/findings/", and behind the question mark "state=awaiting&late=yes".
    path = models.CharField(max_length=120)
    query = models.CharField(max_length=500, blank=True)
    name = models.CharField(max_length=60)
    saved_at = models.DateTimeField(db_default=Now())
    # It can be put back.
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                "person",
                "path",
                Lower("name"),
                condition=Q(removed_at__isnull=True),
                name="name_of_a_view_is_used_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path
