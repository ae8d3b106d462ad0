"""What nobody could be told of, findings, examinations that wait for their report and improvements:
a queue, and since when each has stood in it."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from findings.models.about import OF_EXAMINATION, OF_FINDING, OF_IMPROVEMENT, OfOne
from findings.models.append_only import never_deleted
from findings.models.people import Person, Role


class UnroutableQuerySet(models.QuerySet["Unroutable"]):
    """Questions about the queue; `visible_to` is the only door for pages."""

    def standing(self) -> "UnroutableQuerySet":
        """Those that nobody has mended yet."""
        return self.filter(mended_at__isnull=True)

    def visible_to(self, person: Person) -> "UnroutableQuerySet":
        """Of what whoever coordinates or leads governance can see."""
        if not person.has_role(Role.COORDINATOR, Role.GOVERNANCE):
            return self.none()
        return self.filter(
            Q(finding__organisation=person.organisation_id)
            | Q(examination__site__organisation=person.organisation_id)
            | Q(improvement__organisation=person.organisation_id)
        )


class Unroutable(OfOne):
    """From when until when nobody could be told of one of them, and why."""

    since_at = models.DateTimeField()
    because = models.TextField()
    # When the check found somebody who can be told again, or it ended.
    mended_at = models.DateTimeField(null=True, blank=True)

    objects = UnroutableQuerySet.as_manager()

    class Meta:
        ordering = ["since_at", "pk"]
        verbose_name_plural = "unroutable findings"
        constraints = [
            models.UniqueConstraint(
                fields=["finding"],
                condition=Q(mended_at__isnull=True),
                name="a_finding_is_unroutable_once_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["examination"],
                condition=Q(mended_at__isnull=True, examination__isnull=False),
                name="an_examination_is_unroutable_once_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["improvement"],
                condition=Q(mended_at__isnull=True, improvement__isnull=False),
                name="an_improvement_is_unroutable_once_at_a_time",
            ),
            models.CheckConstraint(
                name="unroutable_is_of_one_thing",
                condition=OF_FINDING | OF_EXAMINATION | OF_IMPROVEMENT,
            ),
            models.CheckConstraint(name="unroutable_says_why", condition=~Q(because="")),
            models.CheckConstraint(
                name="unroutable_is_mended_after_it_began",
                condition=Q(mended_at__isnull=True) | Q(mended_at__gte=F("since_at")),
            ),
        ]
        triggers = [
            never_deleted("unroutable"),
            pgtrigger.ReadOnly(
                name="unroutable_counts_from_its_beginning",
                fields=["finding", "examination", "improvement", "since_at"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.about} since {self.since_at:%d %B %Y %H:%M}"
