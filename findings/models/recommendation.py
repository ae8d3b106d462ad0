"""An examination that the radiologist advises, or that the owner arranged: until somebody says
what became of it, its clock climbs its ladder. And the later examinations that may be it.
"""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from findings.models.append_only import never_deleted, settled_once
from findings.models.examination import MODALITIES


class Recommendation(models.Model):
    """One further examination: what, of what, and by when. One is open at a time."""

    class Outcome(models.TextChoices):
        DONE = "done", "Done here"
        ELSEWHERE = "elsewhere", "Done elsewhere"
        NOT_NEEDED = "not_needed", "Not needed any more"
        ENDED = "ended", "The finding was withdrawn"

    finding = models.ForeignKey("findings.Finding", models.PROTECT, related_name="recommendations")
    modality = models.CharField(max_length=16)
    # In words, such as "chest"; empty: any region.
    region = models.CharField(max_length=60, blank=True)
    due_on = models.DateField()
    recorded_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    # Where and when it was done elsewhere, or why it is not needed.
    ended_because = models.TextField(blank=True)
    # The examination that a person confirmed to be this one.
    examination = models.ForeignKey(
        "findings.Examination", models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["recorded_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["finding"],
                condition=Q(ended_at__isnull=True),
                name="one_open_recommendation_a_finding",
            ),
            models.CheckConstraint(name="recommendation_says_what", condition=~Q(modality="")),
            models.CheckConstraint(
                name="ended_recommendation_says_when_who_and_how",
                condition=Q(ended_at__isnull=True, ended_by__isnull=True, outcome="")
                | Q(
                    ended_at__gte=F("recorded_at"),
                    ended_by__isnull=False,
                    outcome__in=["done", "elsewhere", "not_needed", "ended"],
                ),
            ),
            models.CheckConstraint(
                name="recommendation_done_here_names_its_examination",
                condition=Q(outcome="done", examination__isnull=False)
                | (~Q(outcome="done") & Q(examination__isnull=True)),
            ),
            models.CheckConstraint(
                name="recommendation_not_done_here_says_why",
                condition=~Q(outcome__in=["elsewhere", "not_needed"]) | ~Q(ended_because=""),
            ),
        ]
        triggers = [
            never_deleted("recommendation"),
            pgtrigger.ReadOnly(
                name="recommendation_never_changes",
                fields=["finding", "modality", "region", "due_on", "recorded_by", "recorded_at"],
            ),
            settled_once("recommendation_ends_once", "ended_at", "recommendation % has ended"),
        ]

    def __str__(self) -> str:
        return f"recommendation {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    @property
    def title(self) -> str:
        """CT chest: for pages."""
        return f"{MODALITIES.get(self.modality, self.modality)} {self.region}".strip()


class ProposedMatch(models.Model):
    """A later examination of the same patient that may be the one recommended. Only a person says
    whether it is; a confirmed one stands in the recommendation."""

    recommendation = models.ForeignKey(Recommendation, models.PROTECT, related_name="matches")
    examination = models.ForeignKey(
        "findings.Examination", models.PROTECT, related_name="proposed_for"
    )
    proposed_at = models.DateTimeField()
    refused_at = models.DateTimeField(null=True, blank=True)
    refused_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["proposed_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["recommendation", "examination"], name="match_is_proposed_once"
            ),
            models.CheckConstraint(
                name="refused_match_says_when_and_who",
                condition=Q(refused_at__isnull=True, refused_by__isnull=True)
                | Q(refused_at__gte=F("proposed_at"), refused_by__isnull=False),
            ),
        ]
        triggers = [never_deleted("proposedmatch")]

    def __str__(self) -> str:
        return f"match {self.pk}"
