"""When it is checked whether messages would reach anybody: each hour, and at once after a change.

Somebody leaves or goes on leave, an address is refused, a shift is taken off: whoever did it does
not wait for the check of everything open. It is asked for once that is committed, and the watcher
is woken.
"""

import logging

from django.db import Error

from findings.services.coverage import check_coverage
from notifications import pulse

log = logging.getLogger(__name__)

# The pulse of the last request, written after the commit of what it is about.
ASKED = "coverage_asked"


def ask() -> None:
    """The next round checks, whenever the last one did. Never raises: in an hour it does anyhow."""
    try:
        pulse.beat(ASKED)
    except Error as error:
        log.error("coverage not asked for", extra={"error": type(error).__name__})


def check_if_due() -> None:
    pulse.each_hour(pulse.COVERAGE, check_coverage, asked_at=pulse.last(ASKED))
