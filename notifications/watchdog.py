"""What should have happened and did not, in plain sentences.

Independent of the engine that it watches (lateness.py has the list). Nothing late: `watch` calls
the outside monitor. Something late: it stays silent, so that the monitor raises the alarm, as it
does when all of us are down.
"""

import logging
import time
import urllib.request
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from findings.services.timeline import database_now
from notifications import clockwork, lateness
from notifications.lateness import Sentence

log = logging.getLogger(__name__)

KEPT_FOR = 15.0  # seconds: every page asks
HEARTBEAT_WITHIN = 10.0  # seconds


def look() -> list[Sentence]:
    """Asks the database, whatever was said a moment ago."""
    return [sentence for sentence in _look() if sentence.is_late]


def _look() -> list[Sentence]:
    before, now, after = timezone.now(), database_now(), timezone.now()
    apart = lateness.apart(clockwork.apart(before, now, after))
    return [*apart, *(sentence for check in lateness.CHECKS for sentence in check(now))]


_said: tuple[float, list[Sentence]] | None = None


def sentences() -> list[Sentence]:
    """What `look` said in the last 15 seconds, and what else everybody has to know: for the banner
    on every page."""
    global _said
    if _said is None or time.monotonic() - _said[0] > KEPT_FOR:
        _said = time.monotonic(), _look()
    return _said[1]


def forget() -> None:
    """The next `sentences()` asks the database."""
    global _said
    _said = None


def watch() -> list[Sentence]:
    """One round: look, and tell the outside monitor when all is well."""
    late = look()
    for sentence in late:
        log.error("late: %s", sentence)
    if not late:
        call_heartbeat()
    return late


def call_heartbeat() -> None:
    """One GET of HEARTBEAT_URL. That it fails is the outside monitor's to notice."""
    url = settings.HEARTBEAT_URL
    if not url:
        return
    if urlsplit(url).scheme not in ("http", "https"):
        log.error("HEARTBEAT_URL is not an http or https address; nobody was called.")
        return
    try:
        with urllib.request.urlopen(url, timeout=HEARTBEAT_WITHIN):  # noqa: S310  checked above
            pass
    except (OSError, ValueError) as error:
        log.warning("heartbeat not heard: %s", type(error).__name__)
