"""Two records that are one patient: what was moved, so that it can be moved back."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from findings.models.append_only import never_deleted


class PatientMerge(models.Model):
    """One record was found to be another's. Only examinations move: the numbers stay where they
    were given, and lead to the record that is kept."""

    kept = models.ForeignKey("findings.Patient", models.PROTECT, related_name="merges")
    merged = models.ForeignKey("findings.Patient", models.PROTECT, related_name="merged_by")
    because = models.TextField()
    # Which examinations moved, by their keys.
    examinations = ArrayField(models.BigIntegerField())
    merged_at = models.DateTimeField()
    # Empty: another system said so.
    merged_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    undone_because = models.TextField(blank=True)

    class Meta:
        ordering = ["-merged_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["merged"],
                condition=Q(undone_at__isnull=True),
                name="merged_into_one_record",
            ),
            models.CheckConstraint(name="merge_is_of_two_records", condition=~Q(kept=F("merged"))),
            models.CheckConstraint(name="merge_has_a_reason", condition=~Q(because="")),
            models.CheckConstraint(
                name="undone_merge_says_when_and_why",
                condition=Q(undone_at__isnull=True, undone_by__isnull=True, undone_because="")
                | (Q(undone_at__gte=F("merged_at")) & ~Q(undone_because="")),
            ),
        ]
        triggers = [
            never_deleted("patientmerge"),
            pgtrigger.ReadOnly(
                name="merge_never_changes",
                fields=["kept", "merged", "because", "examinations", "merged_at", "merged_by"],
            ),
            pgtrigger.Trigger(
                name="merge_is_undone_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__undone_at__isnull=False),
                func="RAISE EXCEPTION 'merge % was undone', OLD.id"
                " USING ERRCODE = 'check_violation';",
            ),
        ]

    def __str__(self) -> str:
        return f"merge {self.pk}"
