"""A pause of a clock's own reminders, with a reason and an end: the owner's snooze, or their hold
of the letter to the patient. The promise itself does not move.
"""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from findings.models.append_only import never_deleted


class PauseQuerySet(models.QuerySet["Pause"]):
    """Questions about pauses."""

    def open(self) -> "PauseQuerySet":
        """Not ended by anybody; one whose time has run out keeps nothing back any more."""
        return self.filter(ended_at__isnull=True)

    def deaths(self) -> "PauseQuerySet":
        """Because the patient has died."""
        return self.open().filter(kind=Pause.Kind.DEATH)


class Pause(models.Model):
    """Steps of one clock wait until its end at the latest."""

    class Kind(models.TextChoices):
        SNOOZE = "snooze", "Snoozed"
        HOLD = "hold", "Letter held"
        # By itself, until the limit: no letter goes to somebody who has died.
        DEATH = "death", "Letter held, as the patient has died"

    finding = models.ForeignKey("findings.Finding", models.PROTECT, related_name="pauses")
    clock = models.ForeignKey("findings.Clock", models.PROTECT, related_name="pauses")
    kind = models.CharField(max_length=6, choices=Kind)
    because = models.TextField()
    started_at = models.DateTimeField()
    until_at = models.DateTimeField()
    # The clock's limit, or an earlier moment where the category allows no more. Empty for a hold:
    # the governance leads hear of the limit all the same.
    at_most_until = models.DateTimeField(null=True, blank=True)
    # Empty only where the patient has died.
    entered_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    # Empty: its clock stopped, or the finding went to somebody else.
    ended_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = PauseQuerySet.as_manager()

    class Meta:
        ordering = ["started_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["clock"], condition=Q(ended_at__isnull=True), name="one_open_pause_a_clock"
            ),
            models.CheckConstraint(name="pause_has_a_reason", condition=~Q(because="")),
            models.CheckConstraint(
                name="pause_ends_after_it_starts", condition=Q(until_at__gt=F("started_at"))
            ),
            models.CheckConstraint(
                name="snooze_never_passes_its_limit",
                condition=Q(kind__in=["hold", "death"])
                | Q(kind="snooze", at_most_until__isnull=False, until_at__lte=F("at_most_until")),
            ),
            models.CheckConstraint(
                name="somebody_pauses_unless_the_patient_died",
                condition=Q(kind="death", entered_by__isnull=True)
                | (~Q(kind="death") & Q(entered_by__isnull=False)),
            ),
            models.CheckConstraint(
                name="pause_is_ended_after_it_starts",
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__gte=F("started_at")),
            ),
        ]
        triggers = [
            never_deleted("pause"),
            pgtrigger.ReadOnly(
                name="pause_never_changes",
                fields=[
                    "finding",
                    "clock",
                    "kind",
                    "because",
                    "started_at",
                    "until_at",
                    "at_most_until",
                    "entered_by",
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"pause {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None
