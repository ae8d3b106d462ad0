"""Logs that say what happened by ids and references, never by a name, a number or a report's words.

Request bodies are never logged, query strings are cut off, and an error is written as its class
and the places it passed through: its message may quote a row ("Key (nhs_number)=(…)").
"""

import logging
import logging.config
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import structlog
from celery.signals import setup_logging
from django.db import OperationalError

EventDict = MutableMapping[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

# Errors that speak of machines and of code, not of rows.
SPEAKS_OF_MACHINES = (OSError, OperationalError, AttributeError, ImportError, NameError)
# Keys under which libraries put an error's message or what came with a task.
MAY_QUOTE_ROWS = ("error", "result", "args", "kwargs")


def configure(wanted: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG: `wanted` is settings.LOGGING, {"level": …, "format": …}."""
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_query,
        without_quoted_rows,
        exception_by_place,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_standard_library(wanted, before))


def _standard_library(wanted: dict[str, Any], before: list[Any]) -> dict[str, Any]:
    """Everybody else's log lines go through the same steps."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"no_quotes": {"()": TaskErrorByName}},
        "formatters": {
            "ours": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _renderer(wanted["format"]),
                ],
                "foreign_pre_chain": before,
            }
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "ours",
                "filters": ["no_quotes"],
            },
            "nowhere": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["stderr"], "level": wanted["level"]},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # django_structlog writes one line for each request; these would repeat it.
            "django.request": {"level": "ERROR"},
            "django.server": {"handlers": ["nowhere"], "propagate": False},
            # Statements carry their values.
            "django.db.backends": {"level": "WARNING"},
        },
    }


def _renderer(style: str) -> Any:
    if style == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def without_query(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """`GET /findings/?q=Smith` becomes `GET /findings/`: people search by name."""
    if isinstance(event.get("request"), str):
        event["request"] = event["request"].partition("?")[0]
    return event


def without_quoted_rows(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Drop what a library adds about a task. Ours say the class of an error: one word."""
    for key in MAY_QUOTE_ROWS:
        if not _is_word_or_number(event.get(key)):
            del event[key]
    return event


def _is_word_or_number(value: object) -> bool:
    return isinstance(value, int | None) or (isinstance(value, str) and value.isidentifier())


def exception_by_place(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by where the error came from."""
    given = event.pop("exc_info", None)
    found = _exc_info(given)
    if found:
        event["exception"] = describe(found[1])
    return event


def _exc_info(given: Any) -> ExcInfo | None:
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if isinstance(given, tuple):
        return given if given[0] else None  # type: ignore[return-value]
    if given:
        current = sys.exc_info()
        return current if current[0] else None  # type: ignore[return-value]
    return None


def describe(error: BaseException) -> str:
    """The class of each error in the chain, and the places it passed through."""
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None:
        said = f": {current}" if isinstance(current, SPEAKS_OF_MACHINES) else ""
        places = traceback.extract_tb(current.__traceback__)
        lines = [f"  {place.filename}:{place.lineno} in {place.name}" for place in places]
        parts.append(
            "\n".join([f"{type(current).__module__}.{type(current).__qualname__}{said}", *lines])
        )
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
    return "\nafter ".join(parts)


class TaskErrorByName(logging.Filter):
    """Celery's own line about a failed task quotes the error; keep only its class."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, dict) and "exc" in record.args:
            kind = record.exc_info[0] if record.exc_info else None
            named = kind.__name__ if kind else "an error"
            record.args = {**record.args, "exc": named, "traceback": "", "args": "", "kwargs": ""}
        return True


@setup_logging.connect
def _celery_logs_like_everybody(**_kwargs: Any) -> None:
    """A receiver, so that Celery leaves alone what Django has set up."""
