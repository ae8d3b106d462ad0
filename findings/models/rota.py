"""Posts and their rotas: who is on, kept as clocks on the wall show it.

The moments in UTC are columns that the database computes from the wall times, so that the two
cannot disagree; by them it refuses two people on one post at once. `findings/shifts.py` has the
same rule for wall times that do not exist or happen twice.
"""

from datetime import datetime

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from findings.models.append_only import append_only, never_deleted, settled_once
from findings.models.organisation import Membership, Team
from findings.models.people import Person, Role
from findings.models.policy import Audience
from findings.shifts import ZONE, Shift


class PostQuerySet(models.QuerySet["Post"]):
    """Questions about posts; `visible_to` is the only door for pages."""

    def standing(self) -> "PostQuerySet":
        """What was not given up."""
        return self.filter(ended_at__isnull=True)

    def visible_to(self, person: Person) -> "PostQuerySet":
        """Those of the trust whose rotas this person keeps."""
        if not person.has_role(Role.COORDINATOR, Role.ADMINISTRATOR):
            return self.none()
        return self.filter(team__organisation=person.organisation_id)


class Post(models.Model):
    """Something that somebody always does: the on-call respiratory consultant of a hospital.

    It stands in front of a duty of its team: who is on its rota is told in place of everybody
    who holds the duty.
    """

    class StandsFor(models.TextChoices):
        """Those audiences of a ladder that a post can stand for."""

        RESPONSIBLE = Audience.RESPONSIBLE.value, "the responsible consultant"
        DEPARTMENT = Audience.DEPARTMENT.value, "the clinical director"
        COORDINATOR = Audience.COORDINATOR.value, "the coordinators"
        RADIOLOGISTS = Audience.RADIOLOGISTS.value, "the radiologists of the site"

    team = models.ForeignKey(Team, models.PROTECT, related_name="posts")
    name = models.CharField(max_length=120)
    stands_for = models.CharField(max_length=12, choices=StandsFor)
    zone = models.CharField(max_length=40, default=ZONE)
    # It is no longer done; its rota stays as history.
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = PostQuerySet.as_manager()

    class Meta:
        ordering = ["team__name", "name"]
        constraints = [
            models.CheckConstraint(name="post_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="post_stands_for_a_duty",
                condition=Q(
                    stands_for__in=["responsible", "department", "coordinator", "radiologists"]
                ),
            ),
            models.UniqueConstraint(fields=["team", "name"], name="post_name_is_its_own"),
            models.UniqueConstraint(
                fields=["team", "stands_for"],
                condition=Q(ended_at__isnull=True),
                name="one_post_for_a_duty_of_a_team",
            ),
        ]
        triggers = [never_deleted("post")]

    def __str__(self) -> str:
        return self.name

    @property
    def may_be_on(self) -> models.QuerySet[Person]:
        """Who can be put on its rota: people who work here and can open what it tells them of."""
        people = Person.objects.active()
        if self.stands_for == self.StandsFor.COORDINATOR:
            here = people.filter(organisation=self.team.organisation_id)
            return here.with_role(Role.COORDINATOR)
        if self.stands_for == self.StandsFor.RADIOLOGISTS:
            return people.with_role(Role.RADIOLOGIST).filter(site=self.team.site_id)
        members = Membership.objects.filter(team=self.team_id)
        if self.team.kind != Team.Kind.REPORTING:
            people = people.with_role(Role.REFERRER)
        return people.filter(pk__in=members.values("person"))


def _moment(on: str, time: str) -> Func:
    """The instant of a wall time, computed by the database."""
    wall = CombinedExpression(F(on), "+", F(time), output_field=models.DateTimeField())
    return Func(F("zone"), wall, function="timezone", output_field=models.DateTimeField())


class RotaEntryQuerySet(models.QuerySet["RotaEntry"]):
    """Questions about who is on."""

    def standing(self) -> "RotaEntryQuerySet":
        """What was not taken out again."""
        return self.filter(removed_at__isnull=True)

    def between(self, start: datetime, end: datetime) -> "RotaEntryQuerySet":
        """What covers any part of this time, or begins at its end."""
        return self.standing().filter(starts_at__lte=end, ends_at__gt=start)


class RotaEntry(models.Model):
    """One person on one post, from one wall time to another."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="entries")
    person = models.ForeignKey(Person, models.PROTECT, related_name="rota_entries")
    starts_on = models.DateField()
    starts_time = models.TimeField()
    ends_on = models.DateField()
    ends_time = models.TimeField()
    zone = models.CharField(max_length=40, default=ZONE)
    starts_at = models.GeneratedField(
        expression=_moment("starts_on", "starts_time"),
        output_field=models.DateTimeField(),
        db_persist=True,
    )
    ends_at = models.GeneratedField(
        expression=_moment("ends_on", "ends_time"),
        output_field=models.DateTimeField(),
        db_persist=True,
    )
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = RotaEntryQuerySet.as_manager()

    class Meta:
        ordering = ["starts_at", "pk"]
        verbose_name_plural = "rota entries"
        constraints = [
            models.CheckConstraint(
                name="rota_entry_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at"))
            ),
            ExclusionConstraint(
                name="rota_entries_of_one_post_do_not_overlap",
                expressions=[
                    ("post", RangeOperators.EQUAL),
                    (
                        Func(
                            F("starts_at"),
                            F("ends_at"),
                            function="tstzrange",
                            output_field=DateTimeRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(removed_at__isnull=True),
            ),
        ]
        triggers = [
            never_deleted("rotaentry"),
            settled_once(
                "removed_rota_entry_never_changes", "removed_at", "rota entry % was removed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}, {self.shift}"

    @property
    def shift(self) -> Shift:
        return Shift(self.starts_on, self.starts_time, self.ends_on, self.ends_time, zone=self.zone)


class RotaChange(models.Model):
    """Who changed a post or its rota, when, and what stood there before and after."""

    class What(models.TextChoices):
        POST_MADE = "post_made", "Post made"
        POST_CHANGED = "post_changed", "Post changed"
        POST_ENDED = "post_ended", "Post ended"
        ADDED = "added", "Added"
        CHANGED = "changed", "Changed"
        REMOVED = "removed", "Removed"

    post = models.ForeignKey(Post, models.PROTECT, related_name="changes")
    # Empty for a change of the post itself.
    entry = models.ForeignKey(
        RotaEntry, models.PROTECT, null=True, blank=True, related_name="changes"
    )
    what = models.CharField(max_length=12, choices=What)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    # Where it was done, where not on the page: the name of the file.
    source = models.CharField(max_length=120, blank=True)
    by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="rota_change_says_what_was_and_what_is",
                condition=~Q(before=F("after")),
            ),
        ]
        triggers = [append_only("rotachange")]

    def __str__(self) -> str:
        return f"{self.get_what_display()}: {self.after or self.before}"
