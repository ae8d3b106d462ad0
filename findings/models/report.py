"""What arrived, and the versions of a report. Neither is ever edited."""

import uuid
from datetime import datetime, timedelta

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Count, Exists, Min, OuterRef, Q
from django.db.models.functions import Coalesce, Now

from findings.arrivals import HeldReason
from findings.keyset import NEVER
from findings.models.append_only import append_only, never_deleted
from findings.models.organisation import Organisation


class ReportStatus(models.TextChoices):
    """How finished the radiologist says this version is."""

    PRELIMINARY = "preliminary", "Preliminary"
    FINAL = "final", "Final"
    CORRECTED = "corrected", "Corrected"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Report(models.Model):
    """One version of what the radiologist wrote about one examination."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    examination = models.ForeignKey(
        "findings.Examination", models.PROTECT, related_name="reports", db_index=False
    )
    # In the order of arrival; which one to read is `Examination.current_report`.
    version = models.PositiveIntegerField()
    status = models.CharField(max_length=12, choices=ReportStatus)
    text = models.TextField()
    # When it was verified (UTC), from the sender.
    reported_at = models.DateTimeField()
    reported_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="reports"
    )
    reporter_as_sent = models.CharField(max_length=160, blank=True)
    # When we had it (UTC).
    received_at = models.DateTimeField(db_default=Now())
    message = models.ForeignKey(
        "findings.IncomingMessage", models.PROTECT, null=True, blank=True, related_name="reports"
    )
    # SHA-256 of status, reported_at and text: the same version sent again is the same report.
    fingerprint = models.CharField(max_length=64)
    notices = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["examination", "version"]
        constraints = [
            models.UniqueConstraint(
                fields=["examination", "version"], name="report_version_is_received_once"
            ),
            models.UniqueConstraint(
                fields=["examination", "fingerprint"], name="report_content_is_received_once"
            ),
            models.CheckConstraint(
                name="report_status_is_known", condition=Q(status__in=ReportStatus.values)
            ),
            models.CheckConstraint(
                name="report_version_starts_at_one", condition=Q(version__gte=1)
            ),
        ]
        indexes = [
            # The latest reports first: the list of whoever may read sixty thousand of them.
            models.Index(fields=["reported_at"], name="reports_by_time"),
        ]
        triggers = [append_only("report")]

    def __str__(self) -> str:
        return f"report {self.pk}"

    @property
    def reading_order(self) -> tuple[datetime, int, int]:
        """The greatest is the version to read: the latest verified; of those of one moment the most
        finished, then the last that came."""
        return self.reported_at, ReportStatus.values.index(self.status), self.version


class IncomingMessageQuerySet(models.QuerySet["IncomingMessage"]):
    """Questions about messages as they came."""

    def visible_to(self, person: "object") -> "IncomingMessageQuerySet":
        """The words of a message are a patient's, so for coordinators: those of their trust's
        senders, and of senders that nobody knows until somebody has filed them."""
        from findings.models.people import Person, Role

        assert isinstance(person, Person)
        if not person.has_role(Role.COORDINATOR):
            return self.none()
        filed = Receipt.objects.filter(message=OuterRef("pk")).exclude(outcome__in=OF_NOTHING)
        here = filed.filter(
            Q(report__examination__site__organisation=person.organisation_id)
            | Q(examination__site__organisation=person.organisation_id)
        )
        own = Q(sender__organisation=person.organisation_id)
        return self.filter(own | Q(Q(sender=None), ~Exists(filed) | Exists(here)))


# The mark at the beginning of a frame of MLLP. Only what is not whole is kept with it.
FRAME_START = b"\x0b"


class IncomingMessage(models.Model):
    """A message exactly as it came, kept before anybody believed it."""

    # Empty when it could not even be read who sent it.
    sender = models.ForeignKey(
        "findings.Sender",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="messages",
        db_index=False,
    )
    control_id = models.CharField(max_length=200, blank=True)
    message_type = models.CharField(max_length=40, blank=True)
    body = models.BinaryField()
    # SHA-256 of the body: the same bytes twice are one message.
    fingerprint = models.CharField(max_length=64)
    # File name and line, or the address of the API: where to look for it.
    origin = models.CharField(max_length=300)
    received_at = models.DateTimeField(db_default=Now())

    objects = IncomingMessageQuerySet.as_manager()

    class Meta:
        constraints = [
            # Not of the field, to which Django would add an index of its beginnings.
            models.UniqueConstraint(fields=["fingerprint"], name="message_is_kept_once"),
        ]
        indexes = [
            models.Index(fields=["sender", "control_id"], name="messages_by_control_id"),
            models.Index(fields=["sender", "received_at"], name="messages_of_a_sender"),
            # They come in the order of their time, so this one costs nothing. What is not in its
            # summary yet is read whole by whoever asks: of a million messages, half a second.
            BrinIndex(
                fields=["received_at"],
                name="messages_by_time",
                pages_per_range=32,
                autosummarize=True,
            ),
        ]
        triggers = [append_only("incomingmessage")]

    def __str__(self) -> str:
        return f"message {self.pk}"

    @property
    def is_hl7(self) -> bool:
        """Or else JSON: a report by FHIR or the JSON API, or a Bundle of them."""
        return self.message_type.partition(" ")[0] not in ("FHIR", "JSON")

    @property
    def is_beginning_only(self) -> bool:
        """Its end never came, or was too much to keep: what there is of it must not be filed."""
        return bytes(self.body[:1]) == FRAME_START


class FilingTry(models.Model):
    """How often the sweep has begun to file a message that had been left. Written before each try,
    so that a message that ends its process is not tried for ever."""

    message = models.OneToOneField(
        IncomingMessage, models.PROTECT, primary_key=True, related_name="filing_try"
    )
    tries = models.PositiveSmallIntegerField()
    last_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.tries} tries of message {self.pk}"


# Outcomes by what they lead to: a version of a report, an examination, a patient, or no row at all.
OF_REPORTS = ("new_report", "new_version", "older_version", "duplicate")
OF_ORDERS = ("ordered", "performed", "cancelled")
OF_PATIENTS = ("patient", "merged", "unmerged")
OF_NOTHING = ("nothing", "refused", "held")


class ReceiptQuerySet(models.QuerySet["Receipt"]):
    """Questions about what became of messages."""

    def alarming(self) -> "ReceiptQuerySet":
        """Held items that wait and carry an alert code: these have a limit."""
        return self.waiting().filter(alert_due_at__isnull=False)

    def most_pressing_first(self) -> "ReceiptQuerySet":
        """Those with a limit by it, then the longest waiting."""
        limit = Coalesce("alert_due_at", models.Value(NEVER))
        return self.annotate(due_or_never=limit).order_by("due_or_never", "at", "pk")

    def waiting(self) -> "ReceiptQuerySet":
        """Held items that nobody has dealt with."""
        return self.filter(outcome=Receipt.Outcome.HELD, resolved_at__isnull=True)

    def waiting_too_long(self, now: datetime) -> "ReceiptQuerySet":
        """By the limit that its trust has set; where no trust is known, by the nearest of all.
        Those with a limit of their own are not among them."""
        limits = Organisation.objects.order_by().values_list("pk", "held_within")
        allowed = {trust: timedelta(hours=hours) for trust, hours in limits if hours is not None}
        if not allowed:
            return self.none()
        late = Q(message__sender=None, at__lt=now - min(allowed.values()))
        for trust, span in allowed.items():
            late |= Q(message__sender__organisation=trust, at__lt=now - span)
        return self.waiting().filter(late, alert_due_at=None)

    def count_and_oldest(self) -> tuple[int, datetime | None]:
        found = self.order_by().aggregate(count=Count("pk"), oldest=Min("at"))
        return found["count"], found["oldest"]

    def visible_to(self, person: "object") -> "ReceiptQuerySet":
        """Held items are for coordinators: their organisation's, and those of unknown senders
        until somebody has filed them."""
        from findings.models.people import Person, Role

        assert isinstance(person, Person)
        if not person.has_role(Role.COORDINATOR):
            return self.none()
        own = Q(message__sender__organisation=person.organisation_id)
        unknown = Q(message__sender__isnull=True, report__isnull=True)
        filed = Q(report__examination__site__organisation=person.organisation_id)
        return self.filter(own | unknown | filed)


class Receipt(models.Model):
    """What became of one part of a message. Every part has exactly one."""

    class Outcome(models.TextChoices):
        NEW_REPORT = "new_report", "New report"
        NEW_VERSION = "new_version", "New version"
        OLDER_VERSION = "older_version", "Older version, kept as history"
        DUPLICATE = "duplicate", "Already received"
        ORDERED = "ordered", "Order placed or changed"
        PERFORMED = "performed", "Images made"
        CANCELLED = "cancelled", "Order cancelled"
        PATIENT_CHANGED = "patient", "News of a patient"
        MERGED = "merged", "Records merged"
        UNMERGED = "unmerged", "Merge undone"
        NOTHING = "nothing", "Nothing to do"
        REFUSED = "refused", "Refused, and its sender told so"
        # The last, for its reasons are listed beneath it.
        HELD = "held", "Held for a person"

    message = models.ForeignKey(
        IncomingMessage, models.PROTECT, related_name="receipts", db_index=False
    )
    # 1 for the first examination of the message.
    part = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=14, choices=Outcome)
    report = models.ForeignKey(
        Report, models.PROTECT, null=True, blank=True, related_name="receipts"
    )
    # What an order was about, and whom news of a patient. Indexed below, where there are any.
    examination = models.ForeignKey(
        "findings.Examination",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="receipts",
        db_index=False,
    )
    patient = models.ForeignKey(
        "findings.Patient",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="receipts",
        db_index=False,
    )
    reason = models.CharField(
        max_length=24, blank=True, choices=[(reason.value, reason.value) for reason in HeldReason]
    )
    # Segment and field: "PID-3".
    location = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    suggestion = models.CharField(max_length=300, blank=True)
    accession = models.CharField(max_length=80, blank=True)
    # The category of the most severe alert code in what is held, or of an open finding whose report
    # it may correct, and until when somebody has to have dealt with it; empty where neither is.
    alert = models.CharField(max_length=30, blank=True, default="", db_default="")
    alert_due_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    resolution = models.CharField(max_length=300, blank=True)

    objects = ReceiptQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "part"], name="part_has_one_receipt"),
            models.CheckConstraint(
                name="held_says_why_and_what_to_do",
                condition=~Q(outcome="held") | (~Q(reason="") & ~Q(suggestion="")),
            ),
            models.CheckConstraint(
                name="receipt_leads_to_what_it_made",
                condition=Q(outcome__in=OF_REPORTS, report__isnull=False)
                | Q(
                    outcome__in=OF_ORDERS,
                    report__isnull=True,
                    examination__isnull=False,
                )
                | Q(outcome__in=OF_PATIENTS, report__isnull=True, patient__isnull=False)
                | Q(outcome__in=OF_NOTHING, report__isnull=True),
            ),
            models.CheckConstraint(
                name="refused_says_why", condition=~Q(outcome="refused") | ~Q(reason="")
            ),
            models.CheckConstraint(
                name="held_item_with_an_alert_code_has_a_limit",
                condition=Q(alert="", alert_due_at__isnull=True)
                | (~Q(alert="") & Q(alert_due_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="resolved_says_who_and_how",
                condition=Q(resolved_at__isnull=True, resolved_by__isnull=True, resolution="")
                | (Q(resolved_at__isnull=False, resolved_by__isnull=False) & ~Q(resolution="")),
            ),
        ]
        indexes = [
            models.Index(
                fields=["at"],
                name="held_and_waiting",
                condition=Q(outcome="held", resolved_at__isnull=True),
            ),
            models.Index(
                fields=["at"],
                name="refused_as_tests",
                condition=Q(outcome="refused", reason="test_message"),
            ),
            models.Index(
                fields=["examination"],
                name="receipts_of_orders",
                condition=Q(examination__isnull=False),
            ),
            models.Index(
                fields=["patient"],
                name="receipts_of_news",
                condition=Q(patient__isnull=False),
            ),
        ]
        triggers = [never_deleted("receipt")]

    def __str__(self) -> str:
        return f"receipt {self.pk}"

    @property
    def is_waiting(self) -> bool:
        return self.outcome == self.Outcome.HELD and self.resolved_at is None
