"""What of a patient's circumstances measures ask for, and no more: how deprived the place is where
they live, and whether they need an interpreter. No page shows either of one patient.
"""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from findings.arrivals import LanguageNeed
from findings.models.bank_holiday import Nation

DECILES = range(1, 11)


class Circumstances(models.Model):
    """What messages said last of one record. Numbered anew whenever it changes, so that measures
    know which of their days to count again."""

    # The record of which it was said, and the one that is kept in its stead since a merge.
    said_of = models.OneToOneField("findings.Patient", models.PROTECT, related_name="+")
    patient = models.ForeignKey("findings.Patient", models.PROTECT, related_name="circumstances")
    # Of the postcode (findings/postcodes.py); empty where a message said that there is none.
    postcode_mark = models.CharField(max_length=32, blank=True)
    # When its sender said so (UTC); older words change nothing.
    postcode_at = models.DateTimeField(null=True, blank=True)
    language_need = models.CharField(
        max_length=12, choices=[(one.value, one.value) for one in LanguageNeed], blank=True
    )
    language_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="language_need_is_known",
                condition=Q(language_need__in=["", *(one.value for one in LanguageNeed)]),
            ),
            models.CheckConstraint(
                name="circumstances_say_when",
                condition=(Q(postcode_mark="") | Q(postcode_at__isnull=False))
                & (Q(language_need="") | Q(language_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"circumstances {self.pk}"


class DeprivationIndex(models.Model):
    """An index of one nation, as the file that was loaded names it. Deciles of two nations, or of
    two editions, are not the same thing."""

    nation = models.CharField(max_length=3, choices=Nation, unique=True)
    name = models.CharField(max_length=120)
    loaded_at = models.DateTimeField(db_default=Now())
    # Of the file.
    source = models.CharField(max_length=120)
    # Whoever ran the command has no name here.
    loaded_by = models.ForeignKey("findings.Person", models.PROTECT, null=True, related_name="+")
    # Of the secret that made the marks (findings/postcodes.py).
    marked_with = models.CharField(max_length=32)

    class Meta:
        constraints = [
            models.CheckConstraint(name="index_has_a_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.get_nation_display()}"


class PostcodeDecile(models.Model):
    """How deprived the place of one postcode is: 1 is the tenth of places that is most so."""

    mark = models.CharField(max_length=32)
    index = models.ForeignKey(DeprivationIndex, models.PROTECT, related_name="+", db_index=False)
    decile = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mark"], name="postcode_has_one_decile"),
            models.CheckConstraint(
                name="decile_is_from_1_to_10", condition=Q(decile__gte=1, decile__lte=10)
            ),
            models.CheckConstraint(name="mark_is_never_empty", condition=~Q(mark="")),
        ]

    def __str__(self) -> str:
        return f"decile {self.decile}"
