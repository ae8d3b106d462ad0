"""What the lists of messages hold and are narrowed to: a person's inbox; and, in a demonstration,
every message."""

from django.db.models import BooleanField, Case, QuerySet, Value, When
from django.db.models.functions import Coalesce

from findings.form_fields import CheckboxField
from findings.forms.lists import ListFilter
from findings.presenters.columns import Columns, column
from findings.presenters.list_file import Kind
from findings.views.listing import OF_STAFF, Listing
from notifications.models import Notification


class InboxFilter(ListFilter):
    """What has not been opened, or everything."""

    unread = CheckboxField(label="Unread only", required=False)

    def apply(self, told: QuerySet[Notification]) -> QuerySet[Notification]:
        return told.filter(seen_at__isnull=True) if self.cleaned_data["unread"] else told


def asked(notification: Notification) -> str:
    """What was asked, as it was sent last; nothing where no try was made yet."""
    attempts = list(notification.attempts.all())
    return attempts[-1].subject if attempts else ""


INBOX_HOLDS: Columns = (
    column("About", lambda one: one.subject.reference),
    column("Asked", asked, Kind.LONG_TEXT),
    column("Told", lambda one: one.sent_at, Kind.MOMENT),
    column("Opened", lambda one: one.seen_at, Kind.MOMENT),
    column("Stands at", lambda one: one.finding.state_words if one.finding else ""),
)
MESSAGES_HOLD: Columns = (
    column("When", lambda one: one.told_at, Kind.MOMENT),
    column("To", lambda one: str(one.recipient)),
    column("How", lambda one: one.get_channel_display()),
    column("Subject", asked, Kind.LONG_TEXT),
    column("What became of it", lambda one: one.get_status_display()),
)
INBOX = Listing(
    "Inbox", "inbox.jinja", INBOX_HOLDS, ("is_read", "-created_at", "-pk"), care=OF_STAFF
)
MESSAGES = Listing(
    "Messages that went out", "messages.jinja", MESSAGES_HOLD, ("-told_at", "-pk"), care=OF_STAFF
)


def in_inbox(told: QuerySet[Notification]) -> QuerySet[Notification]:
    """Unread first, then the newest."""
    is_unread = When(seen_at__isnull=True, then=Value(False))
    return (
        told.select_related("finding__category", "examination", "improvement")
        .prefetch_related("attempts")
        .annotate(is_read=Case(is_unread, default=Value(True), output_field=BooleanField()))
    )


def as_they_went(every: QuerySet[Notification]) -> QuerySet[Notification]:
    """The newest first."""
    when = Coalesce("sent_at", "created_at")
    return every.prefetch_related("attempts").annotate(told_at=when)
