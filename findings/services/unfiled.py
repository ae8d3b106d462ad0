"""Messages that were stored and not filed: whoever was filing them ended between the two commits.

Their senders had no answer and may send them again; if they do not, the sweep files them.
"""

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from findings.arrivals import HeldReason, Problem
from findings.models import IncomingMessage, Receipt
from findings.services.receive import receive_parts

TRIES = 3


def unfiled(*, since: datetime | None, until: datetime) -> "QuerySet[IncomingMessage]":
    """Those without a receipt that came from `since` to `until`, the oldest first. Of millions it
    is quick only with a `since`."""
    without = ~Exists(Receipt.objects.filter(message=OuterRef("pk")))
    came = IncomingMessage.objects.filter(received_at__lt=until)
    return (came if since is None else came.filter(received_at__gte=since)).filter(without)


BEGIN = """
    INSERT INTO findings_filingtry AS known (message_id, tries, last_at) VALUES (%s, 1, now())
    ON CONFLICT (message_id) DO UPDATE SET tries = known.tries + 1, last_at = now()
    RETURNING tries
"""


def begin_try(message: IncomingMessage) -> int:
    """Which try of the sweep this is: 1, 2, … Committed at once, whatever becomes of it."""
    with connection.cursor() as cursor:
        cursor.execute(BEGIN, [message.pk])
        return int(cursor.fetchone()[0])


def give_up(message: IncomingMessage) -> list[Receipt]:
    """Held for a person, after tries that ended without a word."""
    problem = Problem(
        HeldReason.OUR_FAULT,
        "",
        f"It was not filed in {TRIES} tries, each of which ended before it could say why.",
        "Read it here, and tell whoever runs this application before it is run again.",
    )
    with transaction.atomic():
        return receive_parts(message.sender, message, [problem])
