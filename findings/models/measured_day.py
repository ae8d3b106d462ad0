"""What measures said of days that are over, kept so that nobody counts millions of rows for a page.

A memory and no source: whatever is here can be made again from the rows (services/measured_days.py,
docs/adr/0051), and a day of which something was written since is counted from its rows.
"""

from django.db import models


class MeasuredDay(models.Model):
    """One measure on one day of one trust, by one dimension."""

    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    measure = models.CharField(max_length=40)
    # Empty: the measure as a whole, which says that the day was counted at all.
    dimension = models.CharField(max_length=40, blank=True)
    day = models.DateField()
    # Of which definition: a measure that is defined anew has no days yet.
    form = models.BigIntegerField()
    # By key: how many cases, how many met and how many open, and since when the oldest of these,
    # in microseconds since 1970.
    parts = models.JSONField(default=dict)
    counted_at = models.DateTimeField()

    class Meta:
        ordering = ["organisation", "measure", "dimension", "day"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "measure", "dimension", "day"],
                name="measured_day_is_kept_once",
            ),
        ]
        indexes = [
            # Which days are kept, and which were not compared with their rows for long.
            models.Index(
                fields=["organisation", "measure", "day", "form", "counted_at"],
                name="measured_days",
                condition=models.Q(dimension=""),
            ),
        ]

    def __str__(self) -> str:
        return f"measured day {self.pk}"


class MeasuredUpTo(models.Model):
    """Up to which rows the days that are kept know of everything: one row, which whoever writes
    days holds locked."""

    event = models.BigIntegerField(default=0)
    report = models.BigIntegerField(default=0)
    examination = models.BigIntegerField(default=0)
    clock = models.BigIntegerField(default=0)
    no_report = models.BigIntegerField(default=0)
    receipt = models.BigIntegerField(default=0)
    patient_update = models.BigIntegerField(default=0)
    circumstances = models.BigIntegerField(default=0)
    merge = models.BigIntegerField(default=0)
    at = models.DateTimeField()
    # When a comparison last found days that were not what their rows say, and how many that night.
    wrong_at = models.DateTimeField(null=True, blank=True)
    wrong = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"measured up to {self.at}"
