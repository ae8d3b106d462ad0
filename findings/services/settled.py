"""Rows are numbered before they are committed: a row may appear below one that everybody has seen.
Whoever reads a list page by page begins where that cannot happen any more.
"""

import time

import structlog
from django.db import connection
from django.db.models import Max, Model

log = structlog.get_logger(__name__)

# Filing a hundred messages takes a tenth of a second. Somebody who hangs must not stop readers.
LONGEST_SECONDS = 2.0
PAUSE_SECONDS = 0.01

# Who may have numbered rows of this table and has not committed: they have begun to write to it, or
# have taken a turn, as whoever files does before anything is numbered.
WRITING = """
    SELECT DISTINCT virtualtransaction FROM pg_locks
    WHERE granted AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (locktype = 'advisory'
            OR (locktype = 'relation' AND mode = 'RowExclusiveLock' AND relation = %s::regclass))
"""


def newest_settled(model: type[Model]) -> int:
    """The key of the newest row; none below it is still to come. 0: there is none."""
    newest = model._default_manager.aggregate(newest=Max("pk"))["newest"] or 0
    before = _writing(model)
    ends = time.monotonic() + LONGEST_SECONDS
    while before:
        if time.monotonic() > ends:
            log.warning("read while somebody writes", table=model._meta.db_table)
            break
        time.sleep(PAUSE_SECONDS)
        before &= _writing(model)
    return newest


def _writing(model: type[Model]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(WRITING, [model._meta.db_table])
        return {virtual for (virtual,) in cursor.fetchall()}
