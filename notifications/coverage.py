"""The check whether messages would reach anybody, from time to time and by everybody who wakes."""

import logging
from datetime import timedelta

from findings.services.coverage import Checked, check_coverage
from findings.services.timeline import database_now
from notifications import watchdog
from notifications.models import Pulse

log = logging.getLogger(__name__)

# More often than each night, so that a coordinator hears of it on the day.
EVERY = timedelta(hours=1)


def check() -> Checked:
    found = check_coverage()
    watchdog.beat(watchdog.COVERAGE)
    return found


def check_if_due() -> None:
    """Whatever goes wrong in it must not keep anybody from watching; the watchdog will say that
    nothing was checked."""
    last = Pulse.objects.filter(name=watchdog.COVERAGE).values_list("at", flat=True).first()
    if last and database_now() - last < EVERY:
        return
    try:
        check()
    except Exception as error:
        # By type: the text of an error may quote a row.
        log.error("coverage not checked", extra={"error": type(error).__name__})
