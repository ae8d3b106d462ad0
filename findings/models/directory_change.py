"""What was changed about people and teams: by whom, when, from what to what."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from findings.models.append_only import append_only
from findings.models.organisation import Organisation, Team
from findings.models.people import Person, Role


class DirectoryChangeQuerySet(models.QuerySet["DirectoryChange"]):
    """Questions about changes; `visible_to` is the only door for pages."""

    def visible_to(self, person: Person) -> "DirectoryChangeQuerySet":
        """Those of the trust whose people this person keeps."""
        if not person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR):
            return self.none()
        return self.filter(organisation=person.organisation_id)


class DirectoryChange(models.Model):
    """One thing about one person, one team, or somebody's place in a team."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    person = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, related_name="directory_changes"
    )
    team = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="directory_changes"
    )
    what = models.CharField(max_length=60)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    # Where it was done, where not on a page of ours.
    source = models.CharField(max_length=120, blank=True)
    # Empty: the day came, or somebody did it at the command line.
    by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField(db_default=Now())

    objects = DirectoryChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="directory_change_says_what_was_and_what_is", condition=~Q(before=F("after"))
            ),
            models.CheckConstraint(
                name="directory_change_is_about_somebody",
                condition=Q(person__isnull=False) | Q(team__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["organisation", "-at", "-id"], name="changes_of_a_trust")]
        triggers = [append_only("directorychange")]

    def __str__(self) -> str:
        return f"{self.what}: {self.after or self.before}"
