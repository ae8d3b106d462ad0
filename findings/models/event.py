"""The timeline: numbered, append-only, chained by hashes. And who looked at whom."""

from typing import TYPE_CHECKING

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from findings.models.append_only import append_only

if TYPE_CHECKING:
    from findings.models.people import Person

# In the event of an acknowledgement that was heard on the telephone: the id of whoever gave it.
TAKEN_ON_BY = "taken_on_by"

# What a coordinator does (Event.Kind); readings are no work that somebody has to know of.
BY_HAND = (
    "phoned",
    "handed_over",
    "note",
    "withdrawn",
    "category_changed",
    "letter_sent",
    "asked",
    "patient_changed",
)


class EventQuerySet(models.QuerySet["Event"]):
    """Questions about lines."""

    def acknowledged_by(self, person: "Person") -> "EventQuerySet":
        """Where they took it on themselves, or somebody heard them do it on the telephone."""
        heard = Q(data__has_key=TAKEN_ON_BY)
        theirs = Q(by=person) & ~heard | Q(**{f"data__{TAKEN_ON_BY}": person.pk})
        return self.filter(theirs, kind=Event.Kind.ACKNOWLEDGED)


class Event(models.Model):
    """One line of a finding's timeline. The database gives it its number and its hash."""

    class Kind(models.TextChoices):
        FLAGGED = "flagged", "Finding flagged"
        CLOCK_STARTED = "clock_started", "Clock started"
        CLOCK_STOPPED = "clock_stopped", "Clock stopped"
        STEP_FIRED = "step_fired", "Escalation step fired"
        STEP_UNREACHABLE = "step_unreachable", "Nobody could be reached"
        STEP_BROUGHT_FORWARD = "step_brought_forward", "Next step brought forward"
        SENT = "sent", "Message sent"
        SEND_FAILED = "send_failed", "Message not delivered"
        READ = "read", "Read"
        PHONED = "phoned", "Told by telephone"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        ANSWERED_LATE = "answered_late", "Answer came too late"
        REFUSED = "refused", "Answer refused"
        DECLINED = "declined", "Declined"
        HANDED_OVER = "handed_over", "Handed over"
        OFFERED = "offered", "Offered to somebody else"
        OFFER_ENDED = "offer_ended", "Offer ended"
        ASKED = "asked", "Radiologist asked"
        REPLIED = "replied", "Question answered"
        ACTED = "acted", "Action recorded"
        PATIENT_TOLD = "patient_told", "Patient told"
        RECOMMENDED = "recommended", "Further examination recommended"
        MATCH_PROPOSED = "match_proposed", "Later examination proposed as the one"
        MATCH_REFUSED = "match_refused", "Proposed examination is not the one"
        FOLLOWED_UP = "followed_up", "Recommended examination answered"
        LETTER_SENT = "letter_sent", "Letter sent to the patient"
        PAUSED = "paused", "Snoozed or held"
        PAUSE_ENDED = "pause_ended", "Snooze or hold ended"
        PATIENT_MERGED = "patient_merged", "Patient's records merged"
        MERGE_UNDONE = "merge_undone", "Merge of records undone"
        PATIENT_CHANGED = "patient_changed", "Patient died, was discharged or transferred"
        PATIENT_CHANGE_UNDONE = "patient_change_undone", "That was recorded by mistake"
        CONFIRMED = "confirmed", "Still held by the same owner"
        CATEGORY_CHANGED = "category_changed", "Category changed"
        RATED = "rated", "Flag rated"
        CLOSED = "closed", "Closed"
        WITHDRAWN = "withdrawn", "Withdrawn"
        REOPENED = "reopened", "Re-opened"
        NOTE = "note", "Note"

    # No index of its own, as elsewhere where another index begins with it.
    finding = models.ForeignKey(
        "findings.Finding", models.PROTECT, related_name="events", db_index=False
    )
    # Given by the database on insert, whatever is put here.
    number = models.PositiveIntegerField(default=0, editable=False)
    kind = models.CharField(max_length=24, choices=Kind)
    at = models.DateTimeField(db_default=Now())
    # Empty: the system itself.
    by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="events"
    )
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    previous_hash = models.CharField(max_length=64, default="", blank=True, editable=False)
    hash = models.CharField(max_length=64, default="", editable=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["finding", "number"]
        constraints = [
            models.UniqueConstraint(fields=["finding", "number"], name="event_number_is_used_once"),
        ]
        indexes = [
            # Few are; each list of open findings asks which.
            models.Index(
                fields=["finding"], name="opened_again", condition=models.Q(kind="reopened")
            ),
            # And whether what was sent came back is asked of each message that counts as telling.
            models.Index(
                fields=["finding"], name="not_delivered", condition=models.Q(kind="send_failed")
            ),
            # Few, too; the coordinators' desk asks for them.
            models.Index(
                fields=["finding"], name="not_theirs", condition=models.Q(kind="declined")
            ),
            models.Index(fields=["finding"], name="opened_by", condition=models.Q(kind="read")),
            # A sheet of a shift lists them; what the engine writes is a hundred times as much.
            models.Index(fields=["at"], name="done_by_hand", condition=models.Q(kind__in=BY_HAND)),
            # Measures count those of some days. They are written in the order of their time.
            BrinIndex(fields=["at"], name="lines_by_day"),
        ]
        triggers = [
            append_only("event"),
            pgtrigger.Trigger(
                name="event_is_numbered_and_chained",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("last", "findings_event%ROWTYPE")],
                func="""
                    -- Two writers of one timeline wait for each other here.
                    PERFORM 1 FROM findings_finding WHERE id = NEW.finding_id FOR NO KEY UPDATE;
                    SELECT * INTO last FROM findings_event
                        WHERE finding_id = NEW.finding_id ORDER BY number DESC LIMIT 1;
                    NEW.number := COALESCE(last.number, 0) + 1;
                    NEW.previous_hash := COALESCE(last.hash, '');
                    NEW.hash := findings_event_hash(NEW.previous_hash, NEW.finding_id,
                        NEW.number, NEW.kind, NEW.at, NEW.by_id, NEW.data);
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"event {self.finding_id}/{self.number}"


class Viewing(models.Model):
    """Somebody saw patient data: who, whose, when and on which page."""

    person = models.ForeignKey(
        "findings.Person", models.PROTECT, related_name="viewings", db_index=False
    )
    at = models.DateTimeField(db_default=Now())
    # The URL's name: "finding", "reports", "api-finding".
    page = models.CharField(max_length=60)
    patients = ArrayField(models.BigIntegerField())

    class Meta:
        indexes = [
            GinIndex(fields=["patients"], name="viewings_by_patient"),
            models.Index(fields=["person", "-at"]),
        ]
        triggers = [append_only("viewing")]

    def __str__(self) -> str:
        return f"viewing {self.pk}"
