"""A telephone call about a finding, as whoever made it recorded it."""

from django.db import models
from django.db.models import F, Q

from findings.models.append_only import append_only


class PhoneCall(models.Model):
    """Who called whom, when, what was said, and whether it was read back."""

    finding = models.ForeignKey("findings.Finding", models.PROTECT, related_name="calls")
    called_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    called_at = models.DateTimeField()
    # In the directory; or, for somebody who is not, who they said they are.
    spoke_to = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    spoke_to_words = models.CharField(max_length=120, blank=True)
    said = models.TextField()
    # Whether they repeated it, so that a wrong word was heard.
    was_read_back = models.BooleanField()
    # Whether they took the finding on: only then it is acknowledged.
    took_it_on = models.BooleanField(default=False)
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["called_at", "pk"]
        constraints = [
            models.CheckConstraint(name="call_says_what_was_said", condition=~Q(said="")),
            models.CheckConstraint(
                name="call_says_who_was_spoken_to",
                condition=Q(spoke_to__isnull=False, spoke_to_words="")
                | (Q(spoke_to__isnull=True) & ~Q(spoke_to_words="")),
            ),
            models.CheckConstraint(
                name="only_somebody_known_takes_it_on_by_telephone",
                condition=Q(took_it_on=False) | Q(spoke_to__isnull=False, was_read_back=True),
            ),
            models.CheckConstraint(
                name="call_is_recorded_after_it_was_made",
                condition=Q(recorded_at__gte=F("called_at")),
            ),
        ]
        triggers = [append_only("phonecall")]

    def __str__(self) -> str:
        return f"call {self.pk}"

    @property
    def who(self) -> str:
        """Whom they spoke to, as it is shown."""
        return str(self.spoke_to) if self.spoke_to else self.spoke_to_words
