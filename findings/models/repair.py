"""What a person chose for a held item that its message does not say, or says wrongly."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from findings.models.append_only import append_only


class Repair(models.Model):
    """One choice for one part of a message. The message stays as it came; whenever it is read
    again, the latest choice of each kind is read with it."""

    receipt = models.ForeignKey("findings.Receipt", models.PROTECT, related_name="repairs")
    # Which examination (OBR) of the message it is about, from 1.
    examination_number = models.PositiveSmallIntegerField()
    # The number that names the examination; or the record of the patient.
    accession = models.CharField(max_length=80, blank=True)
    patient = models.ForeignKey(
        "findings.Patient", models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Why it was held then.
    reason = models.CharField(max_length=24)
    by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="repair_chooses_one_thing",
                condition=Q(accession="", patient__isnull=False)
                | (~Q(accession="") & Q(patient__isnull=True)),
            ),
        ]
        triggers = [append_only("repair")]

    def __str__(self) -> str:
        return f"repair {self.pk} of receipt {self.receipt_id}"
