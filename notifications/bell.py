"""Putting a task on the broker's queue without ever waiting for the broker.

A page has just committed something when it rings. The broker may be down or frozen: the page must
answer all the same, and the next sweep finds the rows. So an attempt gets a second, and after one
that failed nobody of this process tries for half a minute.
"""

import logging
import time

from celery import Task
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

# Seconds. The settings' own limits are for workers, which can wait.
PATIENCE = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "max_retries": 0}
QUIET_FOR = 30.0

_quiet_until = 0.0


def ring(task: Task) -> bool:
    """Queue the task; False where the broker did not take it. Never raises for the broker."""
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return False
    # Here, where the connection needs it anyway: it is an eighth of what a command takes to start.
    from redis.exceptions import RedisError

    try:
        with task.app.connection_for_write(transport_options=PATIENCE) as broker:
            task.apply_async(connection=broker, retry=False, expires=60)
    except (OperationalError, RedisError, OSError) as error:
        _quiet_until = time.monotonic() + QUIET_FOR
        log.warning("broker not reached; the sweep will find the rows: %s", type(error).__name__)
        return False
    return True


def try_again() -> None:
    """Forget the last failure: the next ring asks the broker."""
    global _quiet_until
    _quiet_until = 0.0
