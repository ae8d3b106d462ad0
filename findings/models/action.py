"""What was done about a finding."""

from django.db import models
from django.db.models import Q

from findings.models.append_only import append_only


class Action(models.Model):
    """What was done about a finding, as its owner recorded it."""

    class Kind(models.TextChoices):
        IMAGING = "imaging", "Further imaging requested"
        REFERRAL = "referral", "Urgent referral made"
        TREATMENT = "treatment", "Treatment started"
        DISCUSSION = "discussion", "Discussed with the patient or at a meeting"
        NONE = "none", "No action needed, for a reason"

    finding = models.ForeignKey("findings.Finding", models.PROTECT, related_name="actions")
    kind = models.CharField(max_length=10, choices=Kind)
    text = models.TextField()
    # By when its result should be known; starts the follow-up clock.
    result_expected_on = models.DateField()
    recorded_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["recorded_at", "pk"]
        constraints = [
            models.CheckConstraint(name="action_says_what", condition=~Q(text="")),
        ]
        triggers = [append_only("action")]

    def __str__(self) -> str:
        return f"action {self.pk}"
