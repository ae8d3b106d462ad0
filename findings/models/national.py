"""What national bodies recommend, and where each trust stands with it: every change a row that
stays, and progress reports as they were made.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from findings.models.append_only import append_only
from findings.models.people import Person, Role


class NationalRecommendation(models.Model):
    """One recommendation or standard, in our own words. Never a quotation."""

    class Grade(models.TextChoices):
        PRIMARY = "primary", "Read in the document itself or on its publisher's page"
        SECONDARY = "secondary", "Read in a secondary source; the document was not available to us"
        NOT_AVAILABLE = "not_available", "The text was not available to us"

    code = models.CharField(primary_key=True, max_length=12)
    # Its place in the file.
    position = models.PositiveSmallIntegerField()
    report = models.CharField(max_length=60)
    number = models.CharField(max_length=20, blank=True)
    asked_of = models.CharField(max_length=160, blank=True)
    text = models.TextField(blank=True)
    by_when = models.CharField(max_length=60, blank=True)
    grade = models.CharField(max_length=13, choices=Grade)
    source = models.CharField(max_length=160)
    url = models.URLField(max_length=300, blank=True)
    # Codes of measures that say something about it.
    measures = ArrayField(models.CharField(max_length=40), default=list, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.CheckConstraint(
                name="recommendation_that_was_read_has_words",
                condition=Q(grade="not_available", text="")
                | (~Q(grade="not_available") & ~Q(text="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.report}, {self.number}" if self.number else self.report


class StandingQuerySet(models.QuerySet["RecommendationStanding"]):
    """Questions about where a trust stands."""

    def of(self, organisation: int) -> "StandingQuerySet":
        return self.filter(organisation=organisation)

    def newest(self) -> "StandingQuerySet":
        """The last word about each."""
        last = self.order_by("recommendation_id", "-pk").distinct("recommendation_id")
        return self.filter(pk__in=last.values("pk"))


class RecommendationStanding(models.Model):
    """Where a trust stands with one of them, from one change to the next."""

    class Status(models.TextChoices):
        NOT_STARTED = "not_started", "Not started"
        UNDER_WAY = "under_way", "Under way"
        DONE = "done", "Done"
        NOT_APPLICABLE = "not_applicable", "Not applicable"

    recommendation = models.ForeignKey(
        NationalRecommendation, models.PROTECT, related_name="standings"
    )
    organisation = models.ForeignKey("findings.Organisation", models.PROTECT, related_name="+")
    status = models.CharField(max_length=14, choices=Status)
    # Why it does not apply here.
    because = models.TextField(blank=True)
    evidence = models.TextField(blank=True)
    owner = models.ForeignKey(
        "findings.Person", models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    review_on = models.DateField(null=True, blank=True)
    by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(db_default=Now())

    objects = StandingQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="status_of_a_recommendation_is_known",
                condition=Q(status__in=["not_started", "under_way", "done", "not_applicable"]),
            ),
            models.CheckConstraint(
                name="not_applicable_has_a_reason",
                condition=~Q(status="not_applicable") | ~Q(because=""),
            ),
        ]
        triggers = [append_only("recommendationstanding")]

    def __str__(self) -> str:
        return f"{self.recommendation_id}: {self.get_status_display()}"


class ProgressReportQuerySet(models.QuerySet["ProgressReport"]):
    """Questions about reports; `visible_to` is the only door for pages."""

    def visible_to(self, person: Person) -> "ProgressReportQuerySet":
        if not person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR):
            return self.none()
        return self.filter(organisation=person.organisation_id)


class ProgressReport(models.Model):
    """What a trust reported at one moment, in words: what changes later changes nothing here."""

    organisation = models.ForeignKey("findings.Organisation", models.PROTECT, related_name="+")
    # findings/services/national.py: a line for each recommendation.
    content = models.JSONField()
    before = models.ForeignKey(
        "self", models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(db_default=Now())

    objects = ProgressReportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        triggers = [append_only("progressreport")]

    def __str__(self) -> str:
        return f"progress report {self.pk}"
