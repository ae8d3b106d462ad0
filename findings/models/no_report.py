"""Somebody says that no report of an examination is to be expected, and why."""

import pgtrigger
from django.db import models
from django.db.models import Q

from findings.models.append_only import never_deleted, undone_once, undone_with_a_reason


class NoReportQuerySet(models.QuerySet["NoReport"]):
    """Questions about what was said."""

    def standing(self) -> "NoReportQuerySet":
        """Not taken back, and no report came after all."""
        return self.filter(undone_at__isnull=True)


class NoReport(models.Model):
    """It stops the clock of the examination. Taken back, the clock runs again from its start."""

    class Reason(models.TextChoices):
        CANCELLED = "cancelled", "The examination was cancelled or not completed"
        MISTAKE = "mistake", "It was entered by mistake, or is here under another number"
        ELSEWHERE = "elsewhere", "It was reported elsewhere"

    examination = models.ForeignKey(
        "findings.Examination", models.PROTECT, related_name="no_reports"
    )
    reason = models.CharField(max_length=10, choices=Reason)
    # In words; for what was reported elsewhere: where, and where its report is.
    because = models.TextField()
    said_at = models.DateTimeField()
    # Empty: another system said so.
    said_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    # Empty where a report came after all, or another system took it back.
    undone_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    undone_because = models.TextField(blank=True)

    objects = NoReportQuerySet.as_manager()

    class Meta:
        ordering = ["-said_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["examination"],
                condition=Q(undone_at__isnull=True),
                name="no_report_is_said_once",
            ),
            models.CheckConstraint(
                name="no_report_has_a_reason",
                condition=Q(reason__in=["cancelled", "mistake", "elsewhere"]) & ~Q(because=""),
            ),
            undone_with_a_reason("undone_no_report_says_when_and_why", since="said_at"),
        ]
        triggers = [
            never_deleted("noreport"),
            pgtrigger.ReadOnly(
                name="no_report_never_changes",
                fields=["examination", "reason", "because", "said_at", "said_by"],
            ),
            undone_once("no_report_is_undone_once", "no report %"),
        ]

    def __str__(self) -> str:
        return f"no report {self.pk}"
