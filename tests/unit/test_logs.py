"""What a log line may hold: ids and places, never a patient."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from django.db import IntegrityError, OperationalError

from imaging_safety import logs

PATIENT = "9990000018"


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, object]]]]:
    """JSON lines as they go to stderr, caught on their way."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    logs.configure({"level": "INFO", "format": "json"})
    written = io.StringIO()
    handler = next(h for h in root.handlers if h.formatter and h.filters)
    handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:], root.level = before[0], before[1]


def test_a_line_says_when_in_utc_and_what(lines):
    structlog.get_logger("findings").info("finding_flagged", finding="F-2K7Q")
    (line,) = lines()
    assert line["event"] == "finding_flagged"
    assert line["finding"] == "F-2K7Q"
    assert line["level"] == "info"
    assert str(line["timestamp"]).endswith("Z")


def test_a_search_is_cut_off_the_request(lines):
    structlog.get_logger("any").info("request_started", request=f"GET /findings/?q={PATIENT}")
    assert lines()[0]["request"] == "GET /findings/"


def test_an_error_is_told_by_its_class_and_its_places_alone(lines):
    try:
        raise IntegrityError(f"DETAIL: Key (nhs_number)=({PATIENT}) already exists")
    except IntegrityError:
        logging.getLogger("django.request").exception("Internal Server Error: /reports/")
        structlog.get_logger("any").exception("request_failed", request="POST /reports/")
    for line in lines():
        assert PATIENT not in json.dumps(line)
        assert "IntegrityError" in str(line["exception"])
        assert "test_logs.py" in str(line["exception"])


def test_the_whole_chain_of_an_error_is_told(lines):
    try:
        try:
            raise KeyError(PATIENT)
        except KeyError as first:
            raise ValueError(PATIENT) from first
    except ValueError as error:
        structlog.get_logger("any").error("failed", exc_info=error)
    told = str(lines()[0]["exception"])
    assert "ValueError" in told
    assert "after builtins.KeyError" in told
    assert PATIENT not in told


def test_an_error_that_speaks_of_machines_keeps_its_words(lines):
    try:
        raise OperationalError("connection refused")
    except OperationalError:
        logging.getLogger("any").exception("failed")
    assert "connection refused" in str(lines()[0]["exception"])


def test_a_failed_task_does_not_quote_its_error(lines):
    """Celery's line, made as celery.app.trace makes it, and django_structlog's."""
    try:
        raise ValueError(PATIENT)
    except ValueError as error:
        context = {"name": "fire", "id": "7", "exc": repr(error), "traceback": repr(error)}
        context |= {"args": "()", "kwargs": "{}", "description": "raised unexpected"}
        logging.getLogger("celery.app.trace").error(
            "Task %(name)s[%(id)s] %(description)s: %(exc)s", context, exc_info=True
        )
        structlog.get_logger("django_structlog").exception("task_failed", error=str(error) + " x")
    assert PATIENT not in json.dumps(lines())
    assert lines()[0]["event"] == "Task fire[7] raised unexpected: ValueError"


def test_what_a_task_returned_is_kept_only_when_it_is_a_number(lines):
    structlog.get_logger("any").info("task_succeeded", result=f"{PATIENT} told")
    structlog.get_logger("any").info("task_succeeded", result=3)
    first, second = lines()
    assert "result" not in first
    assert second["result"] == 3


def test_statements_with_their_values_are_never_logged(lines):
    assert not logging.getLogger("django.db.backends").isEnabledFor(logging.DEBUG)
