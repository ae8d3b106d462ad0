"""In this application a message arrives when its row says so: no call, and so exactly once.

Any number of them are shown in one transaction, with their attempts, results and lines. What is not
plain is left to be delivered alone, as by any other channel: somebody has left, or it cannot be
written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, connection, transaction

from findings.columns import columns
from findings.models import Event
from findings.services.timeline import Line, database_now, record_all
from notifications import leases
from notifications.drafts import Draft, Drafts, unusable
from notifications.models import Channel, Notification
from notifications.outcomes import said

SHOW = """
    WITH shown AS (
        SELECT * FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::text[])
            AS s (id, number, subject, body)
    ), sent AS (
        UPDATE notifications_notification n
        SET status = 'sent', sent_at = %s, lease_token = NULL, lease_until = NULL
        FROM shown WHERE n.id = shown.id
    ), attempts AS (
        INSERT INTO notifications_deliveryattempt
            (notification_id, number, started_at, subject, body)
        SELECT id, number, transaction_timestamp(), subject, body FROM shown RETURNING id
    )
    INSERT INTO notifications_deliveryresult (attempt_id, outcome, detail, at)
    SELECT id, 'accepted', '', %s FROM attempts
"""


@dataclass
class Shown:
    """What one transaction did, in messages; and those (ids) that it leaves."""

    sent: int = 0
    not_needed: int = 0
    alone: list[int] = field(default_factory=list)


@transaction.atomic
def show(most: int) -> Shown:
    """Show the next messages, passing over those whose finding is somebody else's now, or whose
    examination or improvement."""
    # One after the other, and by inner joins: an outer one could not be locked.
    of_findings = _free("finding", most, finding__state__isnull=False)
    of_examinations = _free("examination", most, examination__accession__isnull=False)
    of_improvements = _free("improvement", most, improvement__reference__isnull=False)
    drafts = Drafts([*of_findings, *of_examinations, *of_improvements])
    done, ready = Shown(), []
    for (notification,) in drafts.groups:
        try:
            if not drafts.needed([notification]):
                done.not_needed += 1
                Notification.objects.filter(pk=notification.pk).update(
                    status=Notification.Status.NOT_NEEDED, lease_token=None, lease_until=None
                )
            elif unusable(notification):
                done.alone.append(notification.pk)
            else:
                ready.append(drafts.write([notification]))
        except DatabaseError:
            raise  # it ends the transaction
        except Exception:
            done.alone.append(notification.pk)
    _write(ready)
    done.sent = len(ready)
    return done


def _free(subject: str, most: int, **joined: bool) -> list[int]:
    """Waiting messages (ids) of one kind, now ours together with what they are about."""
    may_go = leases.next_ones(Channel.IN_APP).filter(**joined, **{f"{subject}__isnull": False})
    locked = may_go.select_related(subject).select_for_update(
        of=("self", subject), no_key=True, skip_locked=True
    )
    return [one.pk for one in locked.only(subject, f"{subject}__id")[:most]]


def _write(ready: Sequence[Draft]) -> None:
    if not ready:
        return
    at = database_now()
    rows = [
        (
            draft.parts[0].notification.pk,
            draft.parts[0].number,
            draft.message.subject,
            draft.message.text,
        )
        for draft in ready
    ]
    with connection.cursor() as cursor:
        cursor.execute(SHOW, [*columns(rows), at, at])
    record_all((line for draft in ready for line in _lines(draft)), at=at)


def _lines(draft: Draft) -> Iterator[Line]:
    (part,) = draft.parts
    if finding_id := part.notification.finding_id:
        what = said(part.notification, attempt=part.number)
        yield Line(finding_id, Event.Kind.SENT, what)
