"""Whether this server can serve: for load balancers and for `make run`. No sign-in, no patients.

Whether the engine keeps its promises is another question: `/health/clock/` in notifications.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from imaging_safety.celery import app

logger = structlog.get_logger(__name__)

PATIENCE = {"socket_timeout": 1, "socket_connect_timeout": 1}  # seconds


@login_not_required
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """503 without the database. Without a broker the engine has its second waker: degraded."""
    database, broker = database_answers(), broker_answers()
    status = "unavailable" if not database else "ok" if broker else "degraded"
    body = {
        "status": status,
        "release": settings.RELEASE,
        "database": "ok" if database else "down",
        "broker": "ok" if broker else "down",
    }
    return JsonResponse(body, status=200 if database else 503)


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        logger.error("database_does_not_answer", error=type(error).__name__)
        return False
    return True


def broker_answers() -> bool:
    try:
        with broker_client() as client:
            return bool(client.ping())
    except broker_errors() as error:
        logger.warning("broker_does_not_answer", error=type(error).__name__)
        return False


@contextmanager
def broker_client() -> Iterator[Any]:
    """The client of the broker that Celery uses, by the one form of address that it takes."""
    with app.connection_for_write(transport_options=PATIENCE) as broker:
        yield broker.default_channel.client


def broker_errors() -> tuple[type[BaseException], ...]:
    """What a broker that is down, frozen or forbidding raises."""
    return (OperationalError, OSError, RedisError)
