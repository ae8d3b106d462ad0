"""What became of a patient: died, discharged or transferred; said by a person or another system."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from findings.models.append_only import never_deleted, undone_once, undone_with_a_reason


class PatientChangeQuerySet(models.QuerySet["PatientChange"]):
    """Questions about what became of patients."""

    def standing(self) -> "PatientChangeQuerySet":
        """Not taken back as a mistake."""
        return self.filter(undone_at__isnull=True)

    def about(self, organisation_id: int) -> "PatientChangeQuerySet":
        """That concern what this trust (id) found: every death; a discharge or a transfer only of
        its own, since the patient of another trust may still be in this one's care."""
        own = Q(organisation=organisation_id) | Q(organisation=None)
        return self.filter(Q(kind=PatientChange.Kind.DIED) | own)

    def deaths(self) -> "PatientChangeQuerySet":
        return self.standing().filter(kind=PatientChange.Kind.DIED)


class PatientChange(models.Model):
    """One such change. It moves no limit and closes nothing: whoever holds a finding is asked."""

    class Kind(models.TextChoices):
        DIED = "died", "Died"
        DISCHARGED = "discharged", "Discharged"
        TRANSFERRED = "transferred", "Transferred"

    patient = models.ForeignKey("findings.Patient", models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=11, choices=Kind)
    happened_at = models.DateTimeField()
    # Where to, or whose care they are in now; as it was said.
    whereto = models.CharField(max_length=160, blank=True)
    recorded_at = models.DateTimeField()
    # The trust that discharged or transferred them, or that knows of the death. Empty: not known.
    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Empty: another system said so.
    recorded_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    undone_because = models.TextField(blank=True)

    objects = PatientChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-recorded_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient"],
                condition=Q(kind="died", undone_at__isnull=True),
                name="a_patient_dies_once",
            ),
            models.CheckConstraint(
                name="change_of_patient_is_known",
                condition=Q(kind__in=["died", "discharged", "transferred"]),
            ),
            models.CheckConstraint(
                name="change_of_patient_has_happened",
                condition=Q(happened_at__lte=F("recorded_at")),
            ),
            undone_with_a_reason("undone_change_of_patient_says_when_and_why", since="recorded_at"),
        ]
        triggers = [
            never_deleted("patientchange"),
            pgtrigger.ReadOnly(
                name="change_of_patient_never_changes",
                fields=[
                    "patient",
                    "kind",
                    "happened_at",
                    "whereto",
                    "recorded_at",
                    "recorded_by",
                    "organisation",
                ],
            ),
            undone_once("change_of_patient_is_undone_once", "change % of a patient"),
        ]

    def __str__(self) -> str:
        return f"change of a patient {self.pk}"
