"""Two records that are one patient: what was moved, so that it can be moved back. And two of which
it was said that they are two."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from findings.models.append_only import (
    append_only,
    never_deleted,
    undone_once,
    undone_with_a_reason,
)


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
    # When the other system said so, by its clock; and that they are two after all.
    said_at = models.DateTimeField(null=True, blank=True)
    undone_said_at = models.DateTimeField(null=True, blank=True)
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
            undone_with_a_reason("undone_merge_says_when_and_why", since="merged_at"),
        ]
        triggers = [
            never_deleted("patientmerge"),
            pgtrigger.ReadOnly(
                name="merge_never_changes",
                fields=["kept", "merged", "because", "examinations", "merged_at", "merged_by"],
            ),
            undone_once("merge_is_undone_once", "merge %"),
        ]

    def __str__(self) -> str:
        return f"merge {self.pk}"


class ToldApart(models.Model):
    """Another system took two records apart that are not merged here: that they are one, said
    before that and coming later, counts no more."""

    one = models.ForeignKey("findings.Patient", models.PROTECT, related_name="+")
    other = models.ForeignKey("findings.Patient", models.PROTECT, related_name="+")
    # By the other system's clock.
    said_at = models.DateTimeField()
    message = models.ForeignKey("findings.IncomingMessage", models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(name="told_apart_are_two_records", condition=~Q(one=F("other"))),
        ]
        triggers = [append_only("toldapart")]

    def __str__(self) -> str:
        return f"told apart {self.pk}"
