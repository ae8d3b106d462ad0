"""Four short Celery tasks: they only wake somebody up. Losing every one loses nothing."""

from celery import shared_task

from notifications import bell, coverage, pulse, rounds


@shared_task
def fire() -> None:
    rounds.fire(told=lambda: bell.ring(deliver))


@shared_task
def deliver() -> None:
    rounds.deliver()


@shared_task
def watch() -> None:
    rounds.watch()
    pulse.beat(pulse.CELERY)


# Taken off the queue as it begins: it may take longer than a task may stay unanswered there, and
# the row of what is reckoned says what was left.
@shared_task(acks_late=False, soft_time_limit=3600, time_limit=3630)
def reckon() -> None:
    rounds.reckon()


def look_again() -> None:
    """After a commit that may have left a finding with nobody who can be told."""
    coverage.ask()
    bell.ring(watch)


def wake() -> None:
    """After a commit that made a step fall due; what fires is then sent."""
    bell.ring(fire)


def reckon_soon() -> None:
    """After a commit that asked for what a page does not wait for."""
    bell.ring(reckon)
