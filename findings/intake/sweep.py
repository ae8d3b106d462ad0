"""What was stored and not filed is filed, or held, by the watcher's round."""

from datetime import datetime, timedelta

import structlog
from django.db import InterfaceError, OperationalError

from findings.intake.importing import read_stored
from findings.models import IncomingMessage
from findings.services.messages import file_kept
from findings.services.timeline import database_now
from findings.services.unfiled import TRIES, begin_try, give_up, unfiled

log = structlog.get_logger(__name__)

# Younger ones may be on their way. A listener answers, or gives up, within seconds.
LEFT_AFTER = timedelta(minutes=3)
# A message is seen once its commit is; the moment that it carries is when that began.
LONGEST_COMMIT = timedelta(hours=1)
AT_ONCE = 100


def sweep(since: datetime | None, now: datetime | None = None) -> datetime:
    """File what came from `since` on and was left. Gives the moment up to which nothing is."""
    now = now or database_now()
    for message in unfiled(since=since, until=now - LEFT_AFTER).order_by("pk")[:AT_ONCE]:
        _file(message)
    left = unfiled(since=since, until=now - LEFT_AFTER).order_by("received_at")
    oldest = left.values_list("received_at", flat=True).first()
    settled = now - LONGEST_COMMIT
    return min(settled, oldest) if oldest else settled


def _file(message: IncomingMessage) -> None:
    if begin_try(message) > TRIES:
        log.error("given up", message_id=message.pk)
        give_up(message)
        return
    try:
        read, _ = read_stored(message)
        # As whom its peer might send was decided when it came, and by nothing else.
        file_kept(message, message.sender, read)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.error("left message not filed", message_id=message.pk, exc_info=error)
