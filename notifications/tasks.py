"""Three short Celery tasks: they only wake somebody up. Losing every one loses nothing."""

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


def look_again() -> None:
    """After a commit that may have left a finding with nobody who can be told."""
    coverage.ask()
    bell.ring(watch)


def wake() -> None:
    """After a commit that made a step fall due; what fires is then sent."""
    bell.ring(fire)
