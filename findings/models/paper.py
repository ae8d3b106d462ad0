"""Papers that somebody wants regularly: who, which and how often; and which are ready.

A row here says that a paper can be made, never what is in it: it is made anew by whoever opens it.
"""

from datetime import date
from urllib.parse import urlencode

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse

from findings.models.append_only import never_deleted


class PaperScheduleQuerySet(models.QuerySet["PaperSchedule"]):
    """Questions about schedules."""

    def standing(self) -> "PaperScheduleQuerySet":
        """Neither ended, nor of somebody who has left."""
        return self.filter(ended_at__isnull=True, person__is_active=True)


class PaperSchedule(models.Model):
    """One person wants one paper, each week, month or quarter."""

    class Paper(models.TextChoices):
        BOARD = "board", "Board paper"
        AUDIT = "audit", "Audit of fail-safe alerts"
        WEEKLY = "weekly", "List of a team"

    class Every(models.TextChoices):
        WEEK = "week", "Each week"
        MONTH = "month", "Each month"
        QUARTER = "quarter", "Each quarter"

    person = models.ForeignKey(
        "findings.Person", models.PROTECT, related_name="paper_schedules", db_index=False
    )
    paper = models.CharField(max_length=8, choices=Paper)
    every = models.CharField(max_length=8, choices=Every)
    # Of a list: of which team.
    team = models.ForeignKey(
        "findings.Team", models.PROTECT, null=True, blank=True, related_name="+"
    )
    made_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = PaperScheduleQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "paper", "team"],
                condition=Q(ended_at__isnull=True),
                nulls_distinct=False,
                name="paper_is_wanted_once",
            ),
            models.CheckConstraint(
                name="list_is_of_a_team",
                condition=Q(paper="weekly", team__isnull=False)
                | (Q(paper__in=["board", "audit"]) & Q(team__isnull=True)),
            ),
            models.CheckConstraint(
                name="paper_comes_each_week_month_or_quarter",
                condition=Q(every__in=["week", "month", "quarter"]),
            ),
        ]
        triggers = [never_deleted("paperschedule")]

    def __str__(self) -> str:
        return f"paper schedule {self.pk}"

    def address(self, first: date, last: date) -> str:
        """Of the paper of these days; a list is of the day on which it is opened."""
        of = {"team": self.team_id} if self.team_id else {}
        time = {} if self.team_id else {"period": "own", "first": first, "last": last}
        return f"{reverse(f'paper-{self.paper}')}?{urlencode({**of, **time})}"


class PaperReady(models.Model):
    """One paper of one schedule, which can be made since its last day has ended."""

    schedule = models.ForeignKey(
        PaperSchedule, models.PROTECT, related_name="ready", db_index=False
    )
    first = models.DateField()
    last = models.DateField()
    ready_at = models.DateTimeField(db_default=Now())
    # Each try to send the e-mail is counted before it is made.
    tries = models.PositiveSmallIntegerField(default=0)
    told_at = models.DateTimeField(null=True, blank=True)
    # Why no e-mail goes any more, in the server's own words without addresses.
    not_told_because = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-last", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["schedule", "first"], name="paper_is_ready_once"),
            models.CheckConstraint(
                name="paper_ends_after_it_begins", condition=Q(last__gte=F("first"))
            ),
        ]
        indexes = [
            models.Index(
                fields=["ready_at"],
                name="papers_to_tell_of",
                condition=Q(told_at__isnull=True, not_told_because=""),
            ),
        ]
        triggers = [never_deleted("paperready")]

    def __str__(self) -> str:
        return f"paper {self.pk}"

    @property
    def address(self) -> str:
        return self.schedule.address(self.first, self.last)
