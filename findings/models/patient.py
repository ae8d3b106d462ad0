"""Patients, as far as a report has to name them."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Concat, Now

from findings.models.append_only import append_only
from findings.models.folding import AsCompared, Folded, Squeezed
from findings.models.patient_change import PatientChange

_FAMILY = """
    WITH RECURSIVE family (id) AS (
        SELECT %s::bigint
        UNION
        SELECT merged.id
        FROM findings_patient merged JOIN family ON merged.merged_into_id = family.id
    )
    SELECT id FROM family
"""


class Patient(models.Model):
    """Who was imaged. Found by identifier only; names support a match and never make one."""

    class Sex(models.TextChoices):
        FEMALE = "F", "Female"
        MALE = "M", "Male"
        OTHER = "O", "Other"
        UNKNOWN = "U", "Not known"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Ten digits, check digit valid; NULL, not empty, where none is known: unique needs it.
    nhs_number = models.CharField("NHS number", max_length=10, null=True, blank=True)
    family_name = models.CharField(max_length=120)
    given_name = models.CharField(max_length=120, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    sex = models.CharField(max_length=1, choices=Sex, default=Sex.UNKNOWN)
    # The record that was kept when the two were found to be one patient (merge.py).
    merged_into = models.ForeignKey(
        "findings.Patient", models.PROTECT, null=True, blank=True, related_name="absorbed"
    )
    # When another system last said who this is (its time, UTC); older news changes nothing.
    described_at = models.DateTimeField(null=True, blank=True)
    # What a search by name looks at.
    folded_name = models.GeneratedField(
        expression=Folded(Concat("family_name", models.Value(" "), "given_name")),
        output_field=models.TextField(),
        db_persist=True,
    )

    class Meta:
        constraints = [
            # Not of the field, to which Django would add an index of its beginnings.
            models.UniqueConstraint(fields=["nhs_number"], name="nhs_number_is_one_patient"),
            models.CheckConstraint(
                name="patient_is_not_merged_into_itself",
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=models.F("pk")),
            ),
            models.CheckConstraint(
                name="nhs_number_is_ten_digits",
                condition=Q(nhs_number__isnull=True) | Q(nhs_number__regex=r"^[0-9]{10}$"),
            ),
        ]

    def __str__(self) -> str:
        # Never the name: this is what a log line or an error would show.
        return f"patient {self.pk}"

    def family(self) -> set[int]:
        """Its key, and those of the records that were merged into it."""
        return set(Patient.objects.filter(pk__in=self.of_family()).values_list("pk", flat=True))

    def of_family(self) -> RawSQL:
        """The same, for use within another question."""
        return RawSQL(_FAMILY, [self.pk])  # noqa: S611  fixed words; the key is a parameter

    def death(self) -> PatientChange | None:
        """That the patient died, if that is recorded and was not taken back."""
        return PatientChange.objects.deaths().filter(patient__in=self.of_family()).first()

    @property
    def display_name(self) -> str:
        """FAMILY, Given: as wards write it. For pages only."""
        return ", ".join(part for part in (self.family_name.upper(), self.given_name) if part)


class PatientUpdate(models.Model):
    """Another system changed who a record says that somebody is: what stood there, and stands."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="updates")
    message = models.ForeignKey("findings.IncomingMessage", models.PROTECT, related_name="+")
    # By field: {"family_name": "Alder"}.
    before = models.JSONField()
    after = models.JSONField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-at", "-pk"]
        triggers = [append_only("patientupdate")]

    def __str__(self) -> str:
        return f"update {self.pk}"


class PatientIdentifier(models.Model):
    """A hospital number. It means nothing without the authority that gave it, and small letters
    are capitals in it. Where two records have one from before that was so, what names them is held
    until somebody has said whether they are one patient (docs/adr/0040)."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="identifiers")
    authority = models.CharField(max_length=60)
    value = models.CharField(max_length=60)
    type = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["authority", "value"], name="identifier_is_one_patient"
            ),
            models.CheckConstraint(
                name="identifier_is_never_empty",
                condition=~Q(authority="") & ~Q(value=""),
            ),
        ]
        indexes = [
            models.Index(Squeezed("value"), name="identifier_as_typed"),
            models.Index("authority", AsCompared("value"), name="identifier_as_compared"),
        ]

    def __str__(self) -> str:
        return f"identifier {self.pk}"
