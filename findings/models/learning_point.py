"""What everybody with a role is to know from now on, and who has said that they read it."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from findings.models.append_only import append_only, never_deleted, undone_once
from findings.models.people import Person, Role


class LearningPointQuerySet(models.QuerySet["LearningPoint"]):
    """Questions about points; `visible_to` is the only door for pages."""

    def visible_to(self, person: Person) -> "LearningPointQuerySet":
        """Those that are shared with a role of theirs, and stand."""
        if not person.is_active:
            return self.none()
        return self.standing().filter(
            organisation=person.organisation_id, roles__overlap=list(person.roles)
        )

    def standing(self) -> "LearningPointQuerySet":
        return self.filter(undone_at__isnull=True)

    def unread_by(self, person: Person) -> "LearningPointQuerySet":
        read = ReadReceipt.objects.filter(point=OuterRef("pk"), person=person)
        return self.visible_to(person).filter(~Exists(read))


class LearningPoint(models.Model):
    """One thing that was learned. Its words never change; one that was wrong is withdrawn."""

    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, related_name="learning_points", db_index=False
    )
    title = models.CharField(max_length=120)
    text = models.TextField()
    roles = ArrayField(models.CharField(max_length=14, choices=Role))
    meeting = models.ForeignKey(
        "findings.Meeting", models.PROTECT, null=True, blank=True, related_name="points"
    )
    review = models.ForeignKey(
        "findings.Review", models.PROTECT, null=True, blank=True, related_name="points"
    )
    shared_at = models.DateTimeField(db_default=Now())
    shared_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    undone_because = models.TextField(blank=True)

    objects = LearningPointQuerySet.as_manager()

    class Meta:
        ordering = ["-shared_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="point_says_what_and_to_whom",
                condition=~Q(title="") & ~Q(text="") & Q(roles__len__gt=0),
            ),
            models.CheckConstraint(
                name="point_is_shared_with_known_roles",
                condition=Q(roles__contained_by=Role.values),
            ),
            models.CheckConstraint(
                name="withdrawn_point_says_when_who_and_why",
                condition=Q(undone_at__isnull=True, undone_by__isnull=True, undone_because="")
                | (
                    Q(undone_at__gte=F("shared_at"), undone_by__isnull=False)
                    & ~Q(undone_because="")
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-shared_at", "-id"], name="points_of_a_trust")
        ]
        triggers = [
            never_deleted("learningpoint"),
            pgtrigger.ReadOnly(
                name="learning_point_never_changes",
                fields=[
                    "organisation",
                    "title",
                    "text",
                    "roles",
                    "meeting",
                    "review",
                    "shared_at",
                    "shared_by",
                ],
            ),
            undone_once("learning_point_is_withdrawn_once", "learning point %"),
        ]

    def __str__(self) -> str:
        return self.title


class ReadReceipt(models.Model):
    """Somebody said that they read it. Opening the page is not saying so."""

    point = models.ForeignKey(
        LearningPoint, models.PROTECT, related_name="receipts", db_index=False
    )
    person = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["point", "person"], name="point_is_read_once_by_each")
        ]
        triggers = [append_only("readreceipt")]

    def __str__(self) -> str:
        return f"{self.person_id} read {self.point_id}"
