"""The trust's own words for the message of one step: each version a row that stays.

The newest version of a step holds. One without words says that the shipped ones hold again.
"""

from typing import NamedTuple

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from findings.models.append_only import append_only
from findings.states import ClockKind

# Whose steps may be worded: those of a finding that somebody climbs unless it is answered.
WORDED = [
    ClockKind.ACKNOWLEDGE.value,
    ClockKind.ACT.value,
    ClockKind.FOLLOW_UP.value,
    ClockKind.TELL_PATIENT.value,
]


class Place(NamedTuple):
    """The step that is worded: of a category, by its clock, its level and whom it tells. A ladder
    that was changed tells somebody else at a level, so the words for the one are not those for the
    other."""

    category: str
    clock: str
    level: int
    audience: str


class Written(NamedTuple):
    """The parts of a message that a trust may word. All others are always as they are shipped: the
    urgency in front, the limit, the link, and why somebody is told."""

    subject: str = ""
    headline: str = ""
    to_do: str = ""


class WordingQuerySet(models.QuerySet["Wording"]):
    """Questions about versions."""

    def of(self, organisation: int, place: Place) -> "WordingQuerySet":
        """Every version of one step, the newest first."""
        return self.filter(organisation=organisation, **place._asdict()).order_by("-version")

    def in_force(self) -> "WordingQuerySet":
        """The newest version of each step, where that has words."""
        key = ["organisation_id", "category_id", "clock", "level", "audience"]
        newest = self.order_by(*key, "-version").distinct(*key)
        return Wording.objects.filter(pk__in=newest.values("pk")).exclude(subject="")


class Wording(models.Model):
    """One version."""

    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    category = models.ForeignKey(
        "findings.Category", models.PROTECT, related_name="+", db_index=False
    )
    clock = models.CharField(max_length=12)
    level = models.PositiveSmallIntegerField()
    audience = models.CharField(max_length=12)
    version = models.PositiveIntegerField()
    # With variables of own_words.VARIABLES in braces.
    subject = models.CharField(max_length=100, blank=True)
    headline = models.CharField(max_length=200, blank=True)
    to_do = models.TextField(blank=True)
    by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(db_default=Now())

    objects = WordingQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "category", "clock", "level", "audience", "version"],
                name="wording_version_is_written_once",
            ),
            models.CheckConstraint(
                name="wording_has_every_part_or_none",
                condition=Q(subject="", headline="", to_do="")
                | (~Q(subject="") & ~Q(headline="") & ~Q(to_do="")),
            ),
            models.CheckConstraint(
                name="wording_is_of_a_step_of_a_finding",
                condition=Q(clock__in=WORDED, level__gt=0),
            ),
        ]
        triggers = [append_only("wording")]

    def __str__(self) -> str:
        return f"wording {self.pk}"

    @property
    def place(self) -> Place:
        return Place(self.category_id, self.clock, self.level, self.audience)

    @property
    def written(self) -> Written:
        return Written(self.subject, self.headline, self.to_do)
