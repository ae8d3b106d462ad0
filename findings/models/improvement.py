"""The improvement: what is to be changed because of what was learned, and whether it worked.

It has a promise like a finding: by its day its owner has done it, or the governance leads hear.
What it was meant to better is a measure, watched before and after a day.
"""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from findings.models.append_only import append_only, never_deleted, settled_once
from findings.models.finding import reference_with
from findings.models.people import Person, Role


def new_improvement_reference() -> str:
    return reference_with("I")


class ImprovementQuerySet(models.QuerySet["Improvement"]):
    """Questions about improvements; `visible_to` is the only door for pages."""

    def visible_to(self, person: Person) -> "ImprovementQuerySet":
        """Of the trust that they coordinate or whose governance they lead; and their own."""
        mine = Q(owner=person)
        if person.has_role(Role.COORDINATOR, Role.GOVERNANCE):
            mine |= Q(organisation=person.organisation_id)
        return self.filter(mine)

    def open(self) -> "ImprovementQuerySet":
        return self.filter(ended_at__isnull=True)

    def to_check(self) -> "ImprovementQuerySet":
        """Done, and nobody has said yet whether it worked."""
        return self.filter(outcome="done", checked_at__isnull=True)


class Improvement(models.Model):
    """Owned by one person until it is done, or given up with a reason."""

    class Outcome(models.TextChoices):
        DONE = "done", "Done"
        GIVEN_UP = "given_up", "Given up"

    class Worked(models.TextChoices):
        YES = "yes", "It worked"
        NO = "no", "It did not change anything"
        UNCLEAR = "unclear", "It cannot be told from the numbers"

    reference = models.CharField(
        max_length=14, unique=True, default=new_improvement_reference, editable=False
    )
    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, related_name="improvements"
    )
    # What it was learned from; empty where it came of a meeting or of many reviews.
    review = models.ForeignKey(
        "findings.Review", models.PROTECT, null=True, blank=True, related_name="improvements"
    )
    what = models.TextField()
    owner = models.ForeignKey("findings.Person", models.PROTECT, related_name="improvements")
    due_on = models.DateField()
    # The measure (its code) that is to get better.
    measure = models.SlugField(max_length=40, db_index=False)
    asked_at = models.DateTimeField(db_default=Now())
    asked_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    outcome = models.CharField(max_length=8, choices=Outcome, blank=True)
    # Where it can be seen that it was done; or why it was given up.
    evidence = models.TextField(blank=True)
    # The first day on which it was in force: before and after are told apart by it.
    in_force_on = models.DateField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    checked_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    worked = models.CharField(max_length=8, choices=Worked, blank=True)
    check_note = models.TextField(blank=True)

    objects = ImprovementQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "pk"]
        constraints = [
            models.CheckConstraint(
                name="improvement_says_what_and_by_which_measure",
                condition=~Q(what="") & ~Q(measure=""),
            ),
            models.CheckConstraint(
                name="ended_improvement_says_when_who_and_how",
                condition=Q(
                    ended_at__isnull=True,
                    ended_by__isnull=True,
                    outcome="",
                    evidence="",
                    in_force_on__isnull=True,
                )
                | (
                    Q(ended_at__gte=F("asked_at"), ended_by__isnull=False)
                    & ~Q(evidence="")
                    & (
                        Q(outcome="done", in_force_on__isnull=False)
                        | Q(outcome="given_up", in_force_on__isnull=True)
                    )
                ),
            ),
            models.CheckConstraint(
                name="only_what_was_done_is_checked_and_it_says_whether_it_worked",
                condition=Q(checked_at__isnull=True, checked_by__isnull=True, worked="")
                | Q(
                    outcome="done",
                    checked_at__gte=F("ended_at"),
                    checked_by__isnull=False,
                    worked__in=["yes", "no", "unclear"],
                ),
            ),
        ]
        triggers = [
            never_deleted("improvement"),
            pgtrigger.ReadOnly(
                name="what_was_asked_never_changes",
                fields=[
                    "reference",
                    "organisation",
                    "review",
                    "what",
                    "due_on",
                    "measure",
                    "asked_at",
                    "asked_by",
                ],
            ),
            pgtrigger.Trigger(
                name="improvement_ends_once",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf(
                    "owner_id", "ended_at", "ended_by_id", "outcome", "evidence", "in_force_on"
                ),
                condition=pgtrigger.Q(old__ended_at__isnull=False),
                func="RAISE EXCEPTION 'improvement % has ended', OLD.id"
                " USING ERRCODE = 'check_violation';",
            ),
            settled_once("improvement_is_checked_once", "checked_at", "improvement % is checked"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


class ImprovementChange(models.Model):
    """It went to another owner: from whom to whom, and why."""

    improvement = models.ForeignKey(Improvement, models.PROTECT, related_name="changes")
    before = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    after = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    because = models.TextField()
    at = models.DateTimeField(db_default=Now())
    by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")

    class Meta:
        ordering = ["improvement", "pk"]
        constraints = [
            models.CheckConstraint(
                name="improvement_goes_to_somebody_else_with_a_reason",
                condition=~Q(before=F("after")) & ~Q(because=""),
            )
        ]
        triggers = [append_only("improvementchange")]

    def __str__(self) -> str:
        return f"improvement {self.improvement_id} to {self.after_id}"
