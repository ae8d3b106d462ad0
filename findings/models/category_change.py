"""That a finding's category was changed: by whom, why, and whether a later limit may hold."""

from django.db import models
from django.db.models import F, Q

from findings.models.append_only import append_only


class CategoryChange(models.Model):
    """From one category to another. What was promised under the one before still holds where it is
    nearer, unless a coordinator gave a reason why it may be later."""

    finding = models.ForeignKey("findings.Finding", models.PROTECT, related_name="category_changes")
    before = models.ForeignKey("findings.Category", models.PROTECT, related_name="+")
    after = models.ForeignKey("findings.Category", models.PROTECT, related_name="+")
    because = models.TextField()
    # A coordinator's reason; empty: whichever limit is nearer holds.
    later_because = models.TextField(blank=True)
    changed_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["changed_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="category_changes_to_another", condition=~Q(before=F("after"))
            ),
            models.CheckConstraint(name="category_change_has_a_reason", condition=~Q(because="")),
        ]
        triggers = [append_only("categorychange")]

    def __str__(self) -> str:
        return f"change of category {self.pk}"
