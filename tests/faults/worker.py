"""What the storm's Celery worker runs: the application's own, with the waits of the storm, and with
the fault of a mutant.

A message that was not taken is tried again within seconds instead of a minute: more happens, and
the end comes sooner.
"""

from datetime import timedelta

from celery.signals import worker_process_init

from imaging_safety.celery import app
from tests.faults.mutants import put_in

AGAIN_AFTER = timedelta(seconds=3)


@worker_process_init.connect
def wait_less(**_given: object) -> None:
    from notifications import outcomes

    outcomes.FIRST_PAUSE = outcomes.AFTER_UNKNOWN = AGAIN_AFTER
    put_in()


__all__ = ["app", "wait_less"]
