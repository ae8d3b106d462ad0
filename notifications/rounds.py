"""One round of each part of the engine, whoever asks: a Celery task or `manage.py run_clock`."""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from findings.intake.sweep import sweep
from findings.services.lab_runs import take_up
from findings.services.leave import tell_stand_ins
from findings.services.leavers import settle_leavers
from findings.services.measured_days import keep_up
from findings.services.open_reviews import open_reviews
from findings.services.propose import flag_unanswered
from notifications import clockwork, coverage, pulse, watchdog
from notifications.delivery import Delivered, deliver_due
from notifications.downtime import keep_lists
from notifications.escalation import Fired
from notifications.firing import fire_due_steps
from notifications.paper_mail import tell_of_papers

log = logging.getLogger(__name__)


def fire(told: Callable[[], object] = lambda: None) -> Fired:
    """Turn due steps into notifications. First nothing may be left with somebody who has gone, or
    wait for somebody who has just gone on leave, and what an alert code proposes may not wait past
    its limit. `told` is called whenever there is something new
    to send."""
    settle_leavers()
    tell_stand_ins()
    flag_unanswered()
    clockwork.remember()
    fired = fire_due_steps(told=told)
    pulse.beat(pulse.FIRE)
    return fired


def deliver(stop: Callable[[], bool] = lambda: False) -> Delivered:
    """Send what waits. `stop` is asked between two messages."""
    delivered = deliver_due(stop=stop)
    pulse.beat(pulse.DELIVER)
    return delivered


def file_what_was_left() -> None:
    """File the messages that were stored and not filed. That it fails must not keep anybody from
    watching, which tells of them."""
    try:
        pulse.beat(pulse.FILED, sweep(pulse.last(pulse.FILED)))
    except Exception as error:
        log.error("left messages not filed", extra={"error": type(error).__name__})


def forget_sign_ins() -> None:
    """Those that ended long ago, with whatever was typed and never sent."""
    Session.objects.filter(expire_date__lt=timezone.now() - timedelta(days=1)).delete()


def watch() -> list[watchdog.Sentence]:
    """File what was left, look for what will reach nobody, and for what should have happened and
    did not, which is returned; then keep the list for downtime, open reviews of what was not kept,
    tell of papers that are ready, forget old sign-ins, and keep the days of the measures."""
    file_what_was_left()
    coverage.check_if_due()
    late = watchdog.watch()
    pulse.beat(pulse.WATCH)
    keep_lists()
    pulse.each_hour(pulse.REVIEWS, open_reviews)
    pulse.each_hour(pulse.PAPERS, tell_of_papers)
    pulse.each_hour(pulse.SIGN_INS, forget_sign_ins)
    pulse.each_hour(pulse.MEASURES, keep_up, every=pulse.MEASURES_EVERY)
    return late


def reckon(stop: Callable[[], bool] = lambda: False) -> None:
    """What somebody asked for that a page does not wait for, and what was left of it."""
    take_up(stop)
