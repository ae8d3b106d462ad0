"""What one shift of the coordinators handed to the next: the sheet as it was when it was signed."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from findings.models.append_only import never_deleted, settled_once
from findings.models.people import Person, Role


class ShiftSheetQuerySet(models.QuerySet["ShiftSheet"]):
    """Questions about sheets; `visible_to` is the only door for pages."""

    def visible_to(self, person: Person) -> "ShiftSheetQuerySet":
        """Of the trust that they coordinate, or in which they lead governance."""
        if not person.has_role(Role.COORDINATOR, Role.GOVERNANCE):
            return self.none()
        return self.filter(organisation=person.organisation_id)


class ShiftSheet(models.Model):
    """Signed by whoever hands over; then, once, by somebody else who takes over."""

    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, related_name="shift_sheets", db_index=False
    )
    # The shift that ends with the signature, and until when the next is meant to go.
    began_at = models.DateTimeField()
    given_at = models.DateTimeField()
    until_at = models.DateTimeField()
    given_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    note = models.TextField(blank=True)
    # In words, as they stood there: what became of it since changes nothing here.
    content = models.JSONField()
    # Ids of the patients who are named in it.
    patients = ArrayField(models.BigIntegerField(), default=list)
    taken_at = models.DateTimeField(null=True, blank=True)
    taken_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = ShiftSheetQuerySet.as_manager()

    class Meta:
        ordering = ["-given_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="shifts_follow_each_other",
                condition=Q(began_at__lt=F("given_at"), until_at__gt=F("given_at")),
            ),
            models.CheckConstraint(
                name="taken_shift_says_when_and_who",
                condition=Q(taken_at__isnull=True, taken_by__isnull=True)
                | Q(taken_at__gte=F("given_at"), taken_by__isnull=False),
            ),
            models.CheckConstraint(
                name="nobody_takes_over_from_themselves",
                condition=Q(taken_by__isnull=True) | ~Q(taken_by=F("given_by")),
            ),
        ]
        indexes = [models.Index(fields=["organisation", "-given_at"], name="sheets_of_a_trust")]
        triggers = [
            never_deleted("shiftsheet"),
            pgtrigger.ReadOnly(
                name="shift_sheet_never_changes",
                fields=[
                    "organisation",
                    "began_at",
                    "given_at",
                    "until_at",
                    "given_by",
                    "note",
                    "content",
                    "patients",
                ],
            ),
            settled_once("shift_is_taken_over_once", "taken_at", "shift sheet % was taken over"),
        ]

    def __str__(self) -> str:
        return f"shift sheet {self.pk}"
