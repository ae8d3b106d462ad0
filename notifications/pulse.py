"""When each part last did its round, whatever process it runs in; and what a round does each hour.

A pulse is written when a part has come to its end. What is done each hour has the moment at which
it began: whatever changed since then, it may not have seen.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from findings.services.timeline import database_now
from notifications.models import Pulse

log = logging.getLogger(__name__)

# The engine's parts, each with its own rhythm of seconds.
FIRE, DELIVER, WATCH = "fire", "deliver", "watch"
# Who watched last: of the two that wake the engine, one may be gone and nothing is late.
CELERY, RUN_CLOCK = "celery", "run_clock"
# The HL7 listener, where there is one.
LISTEN = "listen"
# The moment up to which every message that arrived is filed, held or refused.
FILED = "filed"
# What the watcher's round does each hour.
COVERAGE, LISTS, SIGN_INS, REVIEWS = "coverage", "lists", "sign-ins", "reviews"
PAPERS = "papers"
EVERY = timedelta(hours=1)
# And more often: days of measures that changed.
MEASURES = "measures"
MEASURES_EVERY = timedelta(minutes=10)


def beat(name: str, at: datetime | None = None) -> None:
    """This has come to its end."""
    Pulse.objects.bulk_create(
        [Pulse(name=name, at=at or database_now())],
        update_conflicts=True,
        update_fields=["at"],
        unique_fields=["name"],
    )


def forget(name: str) -> None:
    """It is not there any more, and nobody is to miss it."""
    Pulse.objects.filter(name=name).delete()


def last(name: str) -> datetime | None:
    return Pulse.objects.filter(name=name).values_list("at", flat=True).first()


def each_hour(
    name: str,
    do: Callable[[], object],
    asked_at: datetime | None = None,
    every: timedelta = EVERY,
) -> None:
    """Do it when an hour (`every`) has passed since it last began, or somebody asked since then.

    Whatever goes wrong in it must not keep anybody from watching: the watchdog says that it is old.
    """
    began, before = database_now(), last(name)
    if before and began - before < every and not (asked_at and asked_at >= before):
        return
    try:
        do()
    except Exception as error:
        # By type: the text of an error may quote a row.
        log.error("not done this hour", extra={"part": name, "error": type(error).__name__})
    else:
        beat(name, began)
