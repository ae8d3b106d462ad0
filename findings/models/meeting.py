"""Meetings to learn in: who came, and which cases were talked about, without anybody's name."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from findings.models.append_only import never_deleted, settled_once, undone_once
from findings.models.people import Person, Role
from findings.models.review_parts import Standing


class MeetingQuerySet(models.QuerySet["Meeting"]):
    """Questions about meetings; `visible_to` is the only door for pages."""

    def visible_to(self, person: Person) -> "MeetingQuerySet":
        """Of their trust: for who leads or keeps them, and for radiologists, whom they are for."""
        if not person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.RADIOLOGIST):
            return self.none()
        return self.filter(organisation=person.organisation_id)

    def held(self) -> "MeetingQuerySet":
        return self.filter(ended_at__isnull=False)


class Meeting(models.Model):
    """One that is planned, or was held. Once its record is closed nothing of it changes."""

    class Kind(models.TextChoices):
        REALM = "realm", "Radiology events and learning meeting"
        TRIANGULATION = "triangulation", "Triangulation across departments"

    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, related_name="meetings", db_index=False
    )
    kind = models.CharField(max_length=14, choices=Kind)
    held_at = models.DateTimeField()
    place = models.CharField(max_length=120, blank=True)
    called_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    called_at = models.DateTimeField(db_default=Now())
    # When its record was closed, after it was held.
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    summary = models.TextField(blank=True)

    objects = MeetingQuerySet.as_manager()

    class Meta:
        ordering = ["-held_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="meeting_kind_is_known", condition=Q(kind__in=["realm", "triangulation"])
            ),
            models.CheckConstraint(
                name="closed_record_says_when_who_and_what",
                condition=Q(ended_at__isnull=True, ended_by__isnull=True, summary="")
                | (Q(ended_at__gte=F("held_at"), ended_by__isnull=False) & ~Q(summary="")),
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-held_at", "-id"], name="meetings_of_a_trust")
        ]
        triggers = [
            never_deleted("meeting"),
            settled_once("record_is_closed_once", "ended_at", "the record of meeting % is closed"),
        ]

    def __str__(self) -> str:
        return f"meeting {self.pk}"


# Nothing is added to a meeting, or taken from it, once its record is closed.
OF_A_CLOSED_RECORD = """
    IF EXISTS (SELECT 1 FROM findings_meeting WHERE id = NEW.meeting_id AND ended_at IS NOT NULL)
    THEN
        RAISE EXCEPTION 'the record of meeting % is closed', NEW.meeting_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


def of_an_open_record(name: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        func=OF_A_CLOSED_RECORD,
    )


class Case(models.Model):
    """A review on the agenda of a meeting. Its sheet names nobody."""

    meeting = models.ForeignKey(Meeting, models.PROTECT, related_name="cases", db_index=False)
    review = models.ForeignKey("findings.Review", models.PROTECT, related_name="cases")
    position = models.PositiveSmallIntegerField()
    # In words that name nobody, for the sheet; written by whoever prepares the meeting.
    sheet = models.TextField(blank=True)
    # Which radiologist brought it, for the count of one case a year: never on the sheet.
    brought_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Taken off the agenda again; empty: it stands.
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = Standing.as_manager()

    class Meta:
        ordering = ["meeting", "position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["meeting", "review"],
                condition=Q(undone_at__isnull=True),
                name="case_is_on_an_agenda_once",
            ),
            models.CheckConstraint(
                name="case_taken_off_says_by_whom",
                condition=Q(undone_at__isnull=True, undone_by__isnull=True)
                | Q(undone_at__isnull=False, undone_by__isnull=False),
            ),
        ]
        triggers = [
            never_deleted("case"),
            pgtrigger.ReadOnly(name="case_is_of_one_review", fields=["meeting", "review"]),
            undone_once("case_is_taken_off_once", "case %"),
            of_an_open_record("case_is_of_an_open_record"),
        ]

    def __str__(self) -> str:
        return f"case {self.position} of meeting {self.meeting_id}"


class Attendance(models.Model):
    """Somebody was there."""

    meeting = models.ForeignKey(Meeting, models.PROTECT, related_name="attendances", db_index=False)
    person = models.ForeignKey("findings.Person", models.PROTECT, related_name="attendances")
    recorded_at = models.DateTimeField(db_default=Now())
    recorded_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    # Ticked by mistake.
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = Standing.as_manager()

    class Meta:
        ordering = ["meeting", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["meeting", "person"],
                condition=Q(undone_at__isnull=True),
                name="somebody_attends_once",
            ),
            models.CheckConstraint(
                name="undone_attendance_says_by_whom",
                condition=Q(undone_at__isnull=True, undone_by__isnull=True)
                | Q(undone_at__isnull=False, undone_by__isnull=False),
            ),
        ]
        triggers = [
            never_deleted("attendance"),
            pgtrigger.ReadOnly(
                name="attendance_never_changes",
                fields=["meeting", "person", "recorded_at", "recorded_by"],
            ),
            undone_once("attendance_is_undone_once", "attendance %"),
            of_an_open_record("attendance_is_of_an_open_record"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} at meeting {self.meeting_id}"
