"""Tells people that a paper is ready that they wanted: by e-mail, and never what is in it.

The row is taken and its try counted before the call, so that two rounds do not send it twice and
one that dies in between is seen; it may then come twice, which asks for nothing twice.
"""

import logging

from django.conf import settings
from django.db import transaction
from django.db.models import F

from findings.measures.period import Period
from findings.models import PaperReady
from findings.presenters.measures import period_words
from findings.services.paper_schedules import make_ready
from findings.services.timeline import database_now
from notifications.channels.base import NotSent, Permanent, Unavailable
from notifications.models import Channel, Route
from notifications.routes import send_plain

log = logging.getLogger(__name__)

# One an hour: for a day and a half it is tried again.
MOST_TRIES = 36
NO_ADDRESS = "There is no verified e-mail address. Add one under your ways of being told."


def tell_of_papers() -> int:
    """Make ready what is; send an e-mail of each that nobody was told of. How many were sent."""
    make_ready()
    sent = 0
    for pk in PaperReady.objects.filter(**UNTOLD).values_list("pk", flat=True):
        ready = _take(pk)
        if ready is not None:
            sent += _tell(ready)
    return sent


UNTOLD = {
    "told_at__isnull": True,
    "not_told_because": "",
    "schedule__ended_at__isnull": True,
    "schedule__person__is_active": True,
}


def _take(pk: int) -> PaperReady | None:
    """Ours alone, its try counted; None where another round has it or has told."""
    with transaction.atomic():
        rows = PaperReady.objects.select_for_update(skip_locked=True, of=("self",))
        ready = rows.filter(pk=pk, **UNTOLD).select_related("schedule__person").first()
        if ready is not None:
            PaperReady.objects.filter(pk=pk).update(tries=F("tries") + 1)
        return ready


def _tell(ready: PaperReady) -> bool:
    routes = Route.objects.usable().filter(person=ready.schedule.person, channel=Channel.EMAIL)
    route = routes.order_by("position").first()
    if route is None:
        return _give_up(ready, NO_ADDRESS)
    paper = ready.schedule.get_paper_display()
    words = (
        f"{paper} of {period_words(Period(ready.first, ready.last))} is ready. Sign in to read it."
    )
    try:
        send_plain(route, "a paper is ready", words, f"{settings.BASE_URL}{ready.address}")
    except Permanent as error:
        return _give_up(ready, error.detail)
    except (NotSent, Unavailable) as error:
        log.warning("paper not told yet", extra={"error": type(error).__name__})
        return (
            _give_up(ready, "The mail server did not take it.")
            if ready.tries + 1 >= MOST_TRIES
            else False
        )
    PaperReady.objects.filter(pk=ready.pk).update(told_at=database_now())
    return True


def _give_up(ready: PaperReady, because: str) -> bool:
    """The page of papers says so; the paper itself can be made all the same."""
    PaperReady.objects.filter(pk=ready.pk).update(not_told_because=because)
    return False
