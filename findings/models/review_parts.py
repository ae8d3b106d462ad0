"""What hangs on a review: the promises that were broken, its causes, the steps of the duty of
candour, what was added, and every change."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from findings.models.append_only import (
    append_only,
    never_deleted,
    undone_once,
    undone_with_a_reason,
)


class ReviewBreach(models.Model):
    """One promise that was not kept by its limit. It is reviewed once, whoever finds it."""

    review = models.ForeignKey("findings.Review", models.PROTECT, related_name="breaches")
    clock = models.OneToOneField("findings.Clock", models.PROTECT, related_name="reviewed_in")
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["review", "pk"]
        triggers = [append_only("reviewbreach")]

    def __str__(self) -> str:
        return f"breach {self.pk} of review {self.review_id}"


class Standing(models.QuerySet):
    """Of rows that can be taken back."""

    def standing(self) -> "Standing":
        return self.filter(undone_at__isnull=True)


class ReviewCause(models.Model):
    """One contributory cause. `was_one` is false where the rows suggested it and somebody said that
    it was none."""

    review = models.ForeignKey("findings.Review", models.PROTECT, related_name="found_causes")
    cause = models.ForeignKey("findings.Cause", models.PROTECT, related_name="+")
    was_one = models.BooleanField(default=True)
    note = models.TextField(blank=True)
    # What the rows said; empty where somebody found it themselves.
    suggested_because = models.TextField(blank=True)
    added_at = models.DateTimeField(db_default=Now())
    added_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    undone_because = models.TextField(blank=True)

    objects = Standing.as_manager()

    class Meta:
        ordering = ["review", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["review", "cause"],
                condition=Q(undone_at__isnull=True),
                name="cause_is_found_once_in_a_review",
            ),
            models.CheckConstraint(
                name="only_what_was_suggested_is_no_cause",
                condition=Q(was_one=True) | ~Q(suggested_because=""),
            ),
            undone_with_a_reason("undone_cause_says_when_and_why", since="added_at"),
        ]
        triggers = [
            never_deleted("reviewcause"),
            pgtrigger.ReadOnly(
                name="found_cause_never_changes",
                fields=[
                    "review",
                    "cause",
                    "was_one",
                    "note",
                    "suggested_because",
                    "added_at",
                    "added_by",
                ],
            ),
            undone_once("cause_is_taken_back_once", "cause %"),
        ]

    def __str__(self) -> str:
        return f"cause {self.cause_id} of review {self.review_id}"


class CandourStep(models.Model):
    """One step of the duty of candour, and the day on which it was taken."""

    class Which(models.TextChoices):
        IN_PERSON = "in_person", "Told in person, with a true account"
        APOLOGY = "apology", "Apology"
        RECORD = "record", "Written record kept"
        NOTIFICATION = "notification", "Written notification sent"

    review = models.ForeignKey("findings.Review", models.PROTECT, related_name="candour_steps")
    step = models.CharField(max_length=12, choices=Which)
    done_on = models.DateField()
    note = models.TextField(blank=True)
    recorded_at = models.DateTimeField(db_default=Now())
    recorded_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    undone_because = models.TextField(blank=True)

    objects = Standing.as_manager()

    class Meta:
        ordering = ["review", "done_on", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["review", "step"],
                condition=Q(undone_at__isnull=True),
                name="candour_step_is_taken_once",
            ),
            models.CheckConstraint(
                name="candour_step_is_known",
                condition=Q(step__in=["in_person", "apology", "record", "notification"]),
            ),
            undone_with_a_reason("undone_candour_step_says_when_and_why", since="recorded_at"),
        ]
        triggers = [
            never_deleted("candourstep"),
            pgtrigger.ReadOnly(
                name="candour_step_never_changes",
                fields=["review", "step", "done_on", "note", "recorded_at", "recorded_by"],
            ),
            undone_once("candour_step_is_taken_back_once", "step of candour %"),
        ]

    def __str__(self) -> str:
        return f"{self.get_step_display()} of review {self.review_id}"


class ReviewNote(models.Model):
    """What was added in words, also after it was concluded."""

    review = models.ForeignKey("findings.Review", models.PROTECT, related_name="notes")
    text = models.TextField()
    at = models.DateTimeField(db_default=Now())
    by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")

    class Meta:
        ordering = ["review", "pk"]
        constraints = [models.CheckConstraint(name="note_says_something", condition=~Q(text=""))]
        triggers = [append_only("reviewnote")]

    def __str__(self) -> str:
        return f"note {self.pk} of review {self.review_id}"


class ReviewChange(models.Model):
    """One thing about a review that became another: by whom, when, from what to what."""

    review = models.ForeignKey("findings.Review", models.PROTECT, related_name="changes")
    what = models.CharField(max_length=60)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    at = models.DateTimeField(db_default=Now())
    by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")

    class Meta:
        ordering = ["review", "pk"]
        constraints = [
            models.CheckConstraint(
                name="review_change_says_what_was_and_what_is", condition=~Q(before=F("after"))
            )
        ]
        triggers = [append_only("reviewchange")]

    def __str__(self) -> str:
        return f"{self.what}: {self.after or self.before}"
