"""A finding that an alert code of a report proposes, until somebody confirms or rejects it."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from findings.models.append_only import never_deleted, settled_once
from findings.models.people import Person, Role


class ProposalQuerySet(models.QuerySet["Proposal"]):
    """Questions about proposals."""

    def open(self) -> "ProposalQuerySet":
        """Nobody has confirmed or rejected it, and it has not been flagged without them."""
        return self.filter(ended_at__isnull=True)

    def visible_to(self, person: Person) -> "ProposalQuerySet":
        """A radiologist: of their site, and of what they reported. Coordinators and governance:
        of their organisation."""
        if not person.is_active:
            return self.none()
        allowed = Q(pk__in=[])
        if person.has_role(Role.COORDINATOR, Role.GOVERNANCE):
            allowed |= Q(examination__site__organisation=person.organisation_id)
        if person.has_role(Role.RADIOLOGIST):
            allowed |= Q(report__reported_by=person)
            if person.site_id:
                allowed |= Q(examination__site=person.site_id)
        return self.filter(allowed)


class Proposal(models.Model):
    """One category that one report proposes. It has a limit: what nobody has answered by then is
    flagged as it was proposed (docs/adr/0024)."""

    class Outcome(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed: a finding was flagged"
        REJECTED = "rejected", "Not a finding"
        FLAGGED = "flagged", "Flagged by the system"
        WITHDRAWN = "withdrawn", "The report was withdrawn"

    examination = models.ForeignKey(
        "findings.Examination", models.PROTECT, related_name="proposals"
    )
    # The version in which it was found.
    report = models.ForeignKey("findings.Report", models.PROTECT, related_name="proposals")
    category = models.ForeignKey("findings.Category", models.PROTECT, related_name="+")
    # As they stand in the report, with the line around them; and who says that they mean it.
    words = models.CharField(max_length=200)
    line = models.CharField(max_length=200)
    known_from = models.CharField(max_length=80)
    primary_site = models.CharField(max_length=80, blank=True)
    # Whether it may be flagged at once where its sender is trusted: not quoted, nor asked.
    is_sure = models.BooleanField()
    # When the report came; when it is flagged if nobody has answered.
    proposed_at = models.DateTimeField()
    due_at = models.DateTimeField()

    ended_at = models.DateTimeField(null=True, blank=True)
    # Empty: the system itself.
    ended_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    because = models.TextField(blank=True)
    finding = models.ForeignKey(
        "findings.Finding", models.PROTECT, null=True, blank=True, related_name="proposals"
    )

    objects = ProposalQuerySet.as_manager()

    class Meta:
        ordering = ["due_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["examination", "category"],
                condition=Q(ended_at__isnull=True),
                name="one_open_proposal_of_a_category",
            ),
            models.CheckConstraint(
                name="proposal_is_due_not_before_it_was_made",
                condition=Q(due_at__gte=F("proposed_at")),
            ),
            models.CheckConstraint(
                name="ended_proposal_says_when_and_how",
                condition=Q(ended_at__isnull=True, ended_by__isnull=True, outcome="", because="")
                | Q(
                    ended_at__gte=F("proposed_at"),
                    outcome__in=["confirmed", "rejected", "flagged", "withdrawn"],
                ),
            ),
            models.CheckConstraint(
                name="flagged_proposal_names_its_finding",
                condition=Q(finding__isnull=False, outcome__in=["confirmed", "flagged"])
                | Q(finding__isnull=True, outcome__in=["", "rejected", "withdrawn"]),
            ),
            models.CheckConstraint(
                name="somebody_rejects_a_proposal_with_a_reason",
                condition=~Q(outcome="rejected") | (Q(ended_by__isnull=False) & ~Q(because="")),
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], name="proposals_open", condition=Q(ended_at__isnull=True)
            ),
        ]
        triggers = [
            never_deleted("proposal"),
            pgtrigger.ReadOnly(
                name="proposal_never_changes",
                fields=[
                    "examination",
                    "report",
                    "category",
                    "words",
                    "line",
                    "known_from",
                    "primary_site",
                    "is_sure",
                    "proposed_at",
                    "due_at",
                ],
            ),
            settled_once("proposal_ends_once", "ended_at", "proposal % has ended"),
        ]

    def __str__(self) -> str:
        return f"proposal {self.pk}"
