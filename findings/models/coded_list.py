"""Coded lists that reviews choose from: themes and contributory causes, as data. What has no
organisation is there for every trust; a trust adds its own beside it."""

from typing import Any

from django.db import models
from django.db.models import Q


class CodedQuerySet(models.QuerySet[Any]):
    """Questions about the entries of a list."""

    def of(self, organisation_id: int) -> "CodedQuerySet":
        """Everybody's and this trust's, but for what it does not use any more."""
        whose = Q(organisation__isnull=True) | Q(organisation=organisation_id)
        return self.filter(whose, ended_at__isnull=True).order_by("position", "words")


class Coded(models.Model):
    """One entry. Its code never changes, so that years can be compared."""

    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, null=True, blank=True, related_name="+"
    )
    code = models.SlugField(max_length=40, db_index=False)
    words = models.CharField(max_length=120)
    # Where it comes from, as a page says it.
    source = models.CharField(max_length=120)
    position = models.PositiveSmallIntegerField(default=100)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = CodedQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.words


class Theme(Coded):
    """What kind of failure it was: one of the Ombudsman's four, or a trust's own."""

    class Meta:
        ordering = ["position", "words"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "code"], nulls_distinct=False, name="theme_is_there_once"
            ),
            models.CheckConstraint(
                name="theme_says_what_and_whence", condition=~Q(words="") & ~Q(source="")
            ),
        ]


class Cause(Coded):
    """What contributed. Of systems and circumstances, never the name of a person."""

    class Meta:
        ordering = ["position", "words"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "code"], nulls_distinct=False, name="cause_is_there_once"
            ),
            models.CheckConstraint(
                name="cause_says_what_and_whence", condition=~Q(words="") & ~Q(source="")
            ),
        ]
