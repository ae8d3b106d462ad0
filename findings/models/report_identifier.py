"""By which identifiers a sender will look for its report again."""

from django.db import models
from django.db.models import Q

from findings.models.append_only import append_only


class ReportIdentifier(models.Model):
    """A sender's own name for a report, beside the accession of its examination: the identifier
    of a FHIR DiagnosticReport. It leads to one examination for ever."""

    sender = models.ForeignKey("findings.Sender", models.PROTECT, related_name="+", db_index=False)
    # A URI; empty where the sender named none.
    system = models.CharField(max_length=200, blank=True)
    value = models.CharField(max_length=200)
    examination = models.ForeignKey(
        "findings.Examination", models.PROTECT, related_name="report_identifiers"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sender", "value", "system"],
                name="report_identifier_is_one_examination",
            ),
            models.CheckConstraint(name="report_identifier_is_never_empty", condition=~Q(value="")),
        ]
        triggers = [append_only("reportidentifier")]

    def __str__(self) -> str:
        return f"report identifier {self.pk}"
