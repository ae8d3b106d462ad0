"""An offer to hand a finding over: until the other side accepts, it stays where it is."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from findings.models.append_only import never_deleted, settled_once
from findings.models.cover import covered_by
from findings.models.people import Person, Role


class HandOverQuerySet(models.QuerySet["HandOver"]):
    """Questions about offers."""

    def open(self) -> "HandOverQuerySet":
        return self.filter(ended_at__isnull=True)

    def made_to(self, person: Person) -> "HandOverQuerySet":
        """To them, to a team of theirs, or to somebody on leave for whom they stand in."""
        people, teams = _asked_as(person)
        return self.filter(Q(to_person__in=people) | Q(to_team__in=teams))

    def open_to(self, person: Person) -> "HandOverQuerySet":
        """Those that this person may accept."""
        return self.open().made_to(person)


def _asked_as(person: Person) -> tuple[list[int], list[int]]:
    """Ids of the people and teams for whom they answer; nobody, where they answer no offer."""
    if not person.has_role(Role.REFERRER):
        return [], []
    return [person.pk, *covered_by(person, timezone.localdate())], person.team_ids()


class HandOver(models.Model):
    """One offer of one finding to a person or a team, and what became of it."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        REFUSED = "refused", "Refused"
        TAKEN_BACK = "taken_back", "Taken back"
        OVERTAKEN = "overtaken", "Ended, since the finding moved on"

    finding = models.ForeignKey("findings.Finding", models.PROTECT, related_name="offers")
    offered_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    to_person = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="offers"
    )
    to_team = models.ForeignKey(
        "findings.Team", models.PROTECT, null=True, blank=True, related_name="offers"
    )
    because = models.TextField()
    offered_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    # Empty: the finding moved on by itself, with a corrected report.
    ended_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_because = models.TextField(blank=True)

    objects = HandOverQuerySet.as_manager()

    class Meta:
        ordering = ["offered_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["finding"],
                condition=Q(ended_at__isnull=True),
                name="one_open_offer_a_finding",
            ),
            models.CheckConstraint(
                name="offer_goes_to_one_person_or_team",
                condition=Q(to_person__isnull=False, to_team__isnull=True)
                | Q(to_person__isnull=True, to_team__isnull=False),
            ),
            models.CheckConstraint(name="offer_has_a_reason", condition=~Q(because="")),
            models.CheckConstraint(
                name="ended_offer_says_when_and_how",
                condition=Q(ended_at__isnull=True, outcome="", ended_by__isnull=True)
                | Q(
                    ended_at__gte=F("offered_at"),
                    outcome__in=["accepted", "refused", "taken_back", "overtaken"],
                ),
            ),
            models.CheckConstraint(
                name="refused_offer_has_a_reason",
                condition=~Q(outcome="refused") | ~Q(ended_because=""),
            ),
            models.CheckConstraint(
                name="a_person_ends_an_offer_unless_it_is_overtaken",
                condition=Q(outcome__in=["", "overtaken"]) | Q(ended_by__isnull=False),
            ),
        ]
        triggers = [
            never_deleted("handover"),
            pgtrigger.ReadOnly(
                name="offer_never_changes",
                fields=["finding", "offered_by", "to_person", "to_team", "because", "offered_at"],
            ),
            settled_once("offer_ends_once", "ended_at", "offer % has ended"),
        ]

    def __str__(self) -> str:
        return f"offer {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    def is_made_to(self, person: Person) -> bool:
        """As `HandOverQuerySet.made_to`, for one that is at hand."""
        people, teams = _asked_as(person)
        return self.to_person_id in people or self.to_team_id in teams

    @property
    def receiver(self) -> models.Model:
        """The one person or team that it was offered to."""
        receiver = self.to_person or self.to_team
        assert receiver is not None
        return receiver
