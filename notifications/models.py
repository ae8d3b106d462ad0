"""How a person is reached, what they were told, and every try at telling them."""

import uuid
from collections.abc import Sequence

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from findings.models.about import OF_EXAMINATION, OF_FINDING, OF_IMPROVEMENT, OfOne
from findings.models.append_only import append_only, never_deleted
from findings.models.people import Person
from notifications.wording import Wording as Wording

# The priority of a category by which nothing is held or saved up.
CRITICAL = 1


class Channel(models.TextChoices):
    """The ways of telling somebody."""

    IN_APP = "in_app", "in this application"
    EMAIL = "email", "by e-mail"
    SMS = "sms", "by text message"
    WEBHOOK = "webhook", "by the trust's messaging"


def configured_channels() -> list[Channel]:
    """Those that this installation can send by."""
    channels = [Channel.IN_APP, Channel.EMAIL]
    if settings.NOTIFY_API_KEY and settings.NOTIFY_TEMPLATE_ID:
        channels.append(Channel.SMS)
    if settings.WEBHOOK_URL and settings.WEBHOOK_SECRET:
        channels.append(Channel.WEBHOOK)
    return channels


def first_ways(routes: "Sequence[Route]", priority: int) -> "list[Route]":
    """Those that a step uses at once: all of them when critical, otherwise the one in the
    application and the first of the others. Where one refuses, the next is used."""
    outside = [route for route in routes if route.channel != Channel.IN_APP]
    at_once = outside if priority <= CRITICAL else outside[:1]
    return [route for route in routes if route.channel == Channel.IN_APP or route in at_once]


class RouteQuerySet(models.QuerySet["Route"]):
    """Questions about routes."""

    def kept(self) -> "RouteQuerySet":
        """Those that nobody has removed, in their person's order."""
        return self.filter(removed_at__isnull=True)

    def visible_to(self, person: Person) -> "RouteQuerySet":
        """Of whomever they may see in the directory, those that were removed, too; rules says
        who may change them."""
        return self.filter(person__in=Person.objects.visible_to(person))

    def with_proof(self) -> "RouteQuerySet":
        """With what each was verified by, the latest first: for `Route.vouched`."""
        verified = [RouteChange.What.VERIFIED, RouteChange.What.VOUCHED]
        changes = RouteChange.objects.filter(what__in=verified).select_related("by")
        return self.prefetch_related(models.Prefetch("changes", changes, to_attr="proofs"))

    def usable(self) -> "RouteQuerySet":
        """Routes of people who work here, on which nothing has bounced, and that can be sent by."""
        return self.kept().filter(
            person__is_active=True,
            verified_at__isnull=False,
            failed_at__isnull=True,
            channel__in=configured_channels(),
        )


class Route(models.Model):
    """One way to reach one person. In order: the lowest position first."""

    # No index of its own here, nor below, where another index begins with it.
    person = models.ForeignKey(
        "findings.Person", models.PROTECT, related_name="routes", db_index=False
    )
    channel = models.CharField(max_length=8, choices=Channel)
    # The e-mail address, the telephone number (+447700900123), or the name that the trust's own
    # messaging knows the person by; empty for in-app.
    address = models.CharField(max_length=254, blank=True)
    position = models.PositiveSmallIntegerField(default=1)
    verified_at = models.DateTimeField(null=True, blank=True)
    # A permanent refusal was seen at this address; cleared when it is verified again.
    failed_at = models.DateTimeField(null=True, blank=True)
    failed_because = models.CharField(max_length=200, blank=True)
    # Messages that went by it keep it, so a route that nobody wants any more only ends.
    removed_at = models.DateTimeField(null=True, blank=True)
    # The address that the directory has instead: as soon as that one counts, nothing goes here.
    gives_way_to = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="comes_instead_of"
    )
    # The code that was sent to it last, which proves that its person can read what comes there.
    code_hash = models.CharField(max_length=64, blank=True)
    code_sent_at = models.DateTimeField(null=True, blank=True)
    code_tries = models.PositiveSmallIntegerField(default=0)

    objects = RouteQuerySet.as_manager()

    class Meta:
        ordering = ["person", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "channel", "address"], name="route_is_listed_once"
            ),
            models.CheckConstraint(
                name="email_route_has_an_address",
                condition=~Q(channel="email") | ~Q(address=""),
            ),
            models.CheckConstraint(
                name="sms_route_has_an_international_number",
                condition=~Q(channel="sms") | Q(address__regex=r"^\+[1-9][0-9]{7,14}$"),
                violation_error_message="Enter the number with its country code, like"
                " +447700900123, without spaces.",
            ),
            models.CheckConstraint(
                name="webhook_route_has_an_address",
                condition=~Q(channel="webhook") | ~Q(address=""),
            ),
            models.CheckConstraint(
                name="code_says_when_it_was_sent",
                condition=Q(code_hash="") | Q(code_sent_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"route {self.pk}"

    @property
    def vouched(self) -> "RouteChange | None":
        """By whom and when, where it is verified without a code. After `with_proof`."""
        proofs: list[RouteChange] = self.proofs  # type: ignore[attr-defined]
        latest = proofs[0] if self.verified_at and proofs else None
        return latest if latest and latest.what == RouteChange.What.VOUCHED else None

    @property
    def is_usable(self) -> bool:
        """Verified, nothing bounced, and this installation can send by it."""
        is_sound = self.verified_at is not None and self.failed_at is None
        return is_sound and self.removed_at is None and self.channel in configured_channels()


class RouteChange(models.Model):
    """What was done to a route, and by whom: a wrong address is how a finding is lost."""

    class What(models.TextChoices):
        ADDED = "added", "Added"
        REMOVED = "removed", "Removed"
        MOVED = "moved", "Moved up"
        CODE_SENT = "code_sent", "Code sent"
        VERIFIED = "verified", "Verified"
        VOUCHED = "vouched", "Taken from the staff list as verified by the trust"
        TESTED = "tested", "Test message sent"
        BOUNCED = "bounced", "Refused a message for good"

    route = models.ForeignKey(Route, models.PROTECT, related_name="changes")
    what = models.CharField(max_length=10, choices=What)
    # Empty: the system itself.
    by = models.ForeignKey("findings.Person", models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-at", "-pk"]
        triggers = [append_only("routechange")]

    def __str__(self) -> str:
        return f"change {self.pk} of route {self.route_id}"


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Questions about notifications."""

    def visible_to(self, person: Person) -> "NotificationQuerySet":
        """Their own; and everybody's for nobody: a message is its recipient's."""
        return self.filter(recipient=person)

    def on_their_way(self) -> "NotificationQuerySet":
        """Waiting to be sent, or being sent: nobody knows yet what becomes of them."""
        return self.filter(status__in=[Notification.Status.QUEUED, Notification.Status.SENDING])

    def in_app(self) -> "NotificationQuerySet":
        return self.filter(channel=Channel.IN_APP, status=Notification.Status.SENT)

    def went_or_may_have_gone(self) -> "NotificationQuerySet":
        """Sent, being sent, or tried without anybody knowing how it ended."""
        Status = Notification.Status
        unsure = DeliveryAttempt.objects.filter(UNSURE, notification=models.OuterRef("pk"))
        return self.filter(Q(status__in=[Status.SENT, Status.SENDING]) | Q(models.Exists(unsure)))

    def unread(self) -> "NotificationQuerySet":
        return self.in_app().filter(seen_at__isnull=True)


class Notification(OfOne):
    """One message to one person by one route."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Waiting to be sent"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Not delivered"
        # The finding was answered before this left.
        NOT_NEEDED = "not_needed", "No longer needed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    step = models.ForeignKey(
        "findings.Step", models.PROTECT, related_name="notifications", db_index=False
    )
    recipient = models.ForeignKey(
        "findings.Person", models.PROTECT, related_name="notifications", db_index=False
    )
    # Nobody looks for the messages of a route, and a route is never deleted: no index at all.
    route = models.ForeignKey(Route, models.PROTECT, related_name="notifications", db_index=False)
    channel = models.CharField(max_length=8, choices=Channel)
    priority = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    created_at = models.DateTimeField(db_default=Now())
    # When it next needs a look; moved on by each transient failure.
    next_attempt_at = models.DateTimeField(db_default=Now())
    # The end of the quiet hours for which it was saved up; empty: it goes at once.
    held_until = models.DateTimeField(null=True, blank=True)
    # Who is sending it now and until when it is theirs; empty when nobody is.
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["step", "recipient", "route"], name="one_notification_a_step_and_route"
            ),
            models.CheckConstraint(
                name="notification_is_of_one_thing",
                condition=OF_FINDING | OF_EXAMINATION | OF_IMPROVEMENT,
            ),
            models.CheckConstraint(
                name="notification_status_is_known",
                condition=Q(status__in=["queued", "sending", "sent", "failed", "not_needed"]),
            ),
            models.CheckConstraint(
                name="sending_has_a_lease",
                condition=Q(status="sending", lease_token__isnull=False, lease_until__isnull=False)
                | (~Q(status="sending") & Q(lease_token__isnull=True, lease_until__isnull=True)),
            ),
            models.CheckConstraint(
                name="sent_says_when",
                condition=Q(status="sent", sent_at__isnull=False)
                | (~Q(status="sent") & Q(sent_at__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["priority", "next_attempt_at"],
                name="notifications_to_send",
                condition=Q(status__in=["queued", "sending"]),
            ),
            models.Index(fields=["recipient", "-created_at"]),
            # Beside ten thousand of findings the few of examinations are not looked for; as with
            # steps, there is no index by examination, and those of one are found by its steps.
            models.Index(
                fields=["priority", "next_attempt_at"],
                name="messages_of_waits_to_send",
                condition=Q(status__in=["queued", "sending"], examination__isnull=False),
            ),
            models.Index(
                fields=["priority", "next_attempt_at"],
                name="messages_of_improvements",
                condition=Q(status__in=["queued", "sending"], improvement__isnull=False),
            ),
            models.Index(
                fields=["sent_at"], name="notifications_sent", condition=Q(sent_at__isnull=False)
            ),
            models.Index(
                fields=["channel"], name="notifications_failed", condition=Q(status="failed")
            ),
        ]
        triggers = [never_deleted("notification")]

    def __str__(self) -> str:
        return f"notification {self.pk}"

    @property
    def message_id(self) -> str:
        """The same in every copy, so that a second one is recognised as such."""
        return f"<{self.public_id}@imaging-safety>"


class DeliveryAttempt(models.Model):
    """One try at sending, committed before the call. Without a result its sender died."""

    notification = models.ForeignKey(
        Notification, models.PROTECT, related_name="attempts", db_index=False
    )
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(db_default=Now())
    # In a digest: the attempt whose message held this one, too.
    carried_by = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="carries"
    )
    # What the recipient sees; nothing about the patient.
    subject = models.CharField(max_length=200)
    body = models.TextField()

    class Meta:
        ordering = ["notification", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["notification", "number"], name="attempt_number_is_used_once"
            ),
        ]
        triggers = [append_only("deliveryattempt")]

    def __str__(self) -> str:
        return f"attempt {self.notification_id}/{self.number}"


class DeliveryResult(models.Model):
    """How a try ended."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", "Accepted for delivery"
        TRANSIENT = "transient", "Not now; tried again later"
        PERMANENT = "permanent", "Refused for good"
        # The connection ended before the answer came.
        UNKNOWN = "unknown", "It may have arrived"
        # The sender's lease had run out when it came back: another may have sent a copy.
        LEASE_LOST = "lease_lost", "Finished after its turn"

    attempt = models.OneToOneField(DeliveryAttempt, models.PROTECT, related_name="result")
    outcome = models.CharField(max_length=10, choices=Outcome)
    # The server's own words, without addresses.
    detail = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        triggers = [append_only("deliveryresult")]

    def __str__(self) -> str:
        return f"result of attempt {self.attempt_id}"


# Of attempts: nobody knows how they ended.
UNSURE = Q(result=None) | Q(
    result__outcome__in=[DeliveryResult.Outcome.UNKNOWN, DeliveryResult.Outcome.LEASE_LOST]
)


class DeliveryReceipt(models.Model):
    """What the other side told us later about a message that it had taken over."""

    class Outcome(models.TextChoices):
        DELIVERED = "delivered", "Delivered"
        DELAYED = "delayed", "Not delivered yet"
        FAILED = "failed", "Not delivered"

    attempt = models.ForeignKey(
        DeliveryAttempt, models.PROTECT, related_name="receipts", db_index=False
    )
    outcome = models.CharField(max_length=10, choices=Outcome)
    # The other side's own words, without addresses.
    detail = models.CharField(max_length=300, blank=True)
    # By its clock, where it says so.
    reported_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["attempt", "at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["attempt", "outcome"], name="receipt_counts_once_an_attempt"
            ),
        ]
        triggers = [append_only("deliveryreceipt")]

    def __str__(self) -> str:
        return f"receipt of attempt {self.attempt_id}"


class Tally(models.Model):
    """How many there have been of something since it was first counted."""

    name = models.CharField(primary_key=True, max_length=40)
    count = models.BigIntegerField()

    def __str__(self) -> str:
        return self.name


class Pulse(models.Model):
    """When each part of the engine last finished its round, whatever process it runs in."""

    name = models.CharField(primary_key=True, max_length=20)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name
