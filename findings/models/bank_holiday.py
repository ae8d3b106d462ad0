"""Days on which working-time clocks stand still, by nation, and who changed them.

Loaded from the package `holidays`, and kept by hand where a trust knows better. Changing a day
moves no promise that was made: steps are written out when a clock starts.
"""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from findings.models.append_only import append_only, never_deleted


class Nation(models.TextChoices):
    """Whose bank holidays count. The four do not close on the same days."""

    ENGLAND = "ENG", "England"
    WALES = "WLS", "Wales"
    SCOTLAND = "SCT", "Scotland"
    NORTHERN_IRELAND = "NIR", "Northern Ireland"


class BankHolidayQuerySet(models.QuerySet["BankHoliday"]):
    """Questions about bank holidays."""

    def counting(self, nation: str) -> "BankHolidayQuerySet":
        """Those on which a working-time clock of this nation stands still."""
        return self.filter(nation=nation, is_removed=False)


class BankHoliday(models.Model):
    """One day of one nation. A removed one stays as a row, so that no load brings it back."""

    nation = models.CharField(max_length=3, choices=Nation)
    on = models.DateField()
    name = models.CharField(max_length=80)
    source = models.CharField(max_length=120)
    recorded_at = models.DateTimeField(db_default=Now())
    # Not a bank holiday after all: somebody took it out, or the package moved it.
    is_removed = models.BooleanField(default=False)
    # Once a person has touched a day, loading leaves it alone.
    is_kept_by_hand = models.BooleanField(default=False)

    objects = BankHolidayQuerySet.as_manager()

    class Meta:
        ordering = ["nation", "on"]
        constraints = [
            models.UniqueConstraint(fields=["nation", "on"], name="one_bank_holiday_a_day"),
            models.CheckConstraint(
                name="bank_holiday_nation_is_known", condition=Q(nation__in=Nation.values)
            ),
            models.CheckConstraint(
                name="bank_holiday_has_name_and_source",
                condition=~Q(name="") & ~Q(source=""),
            ),
        ]
        triggers = [never_deleted("bankholiday")]

    def __str__(self) -> str:
        return f"{self.name}, {self.on:%d %B %Y}"


class BankHolidayChange(models.Model):
    """What a person did to a day, why, and where they had it from."""

    class What(models.TextChoices):
        ADDED = "added", "Added"
        REMOVED = "removed", "Removed"
        RESTORED = "restored", "Put back"

    holiday = models.ForeignKey(BankHoliday, models.PROTECT, related_name="changes")
    what = models.CharField(max_length=8, choices=What)
    because = models.TextField()
    source = models.CharField(max_length=120)
    by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="bank_holiday_change_says_why_and_from_where",
                condition=~Q(because="") & ~Q(source=""),
            ),
        ]
        triggers = [append_only("bankholidaychange")]

    def __str__(self) -> str:
        return f"{self.get_what_display()}: {self.holiday}"
