"""What the same work costs without the application: the measure for the figures beside it."""

import os
import smtplib
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

# The rows that firing one step writes, and no thought about them. In batches, by two connections.
FIRE = """
    WITH due AS MATERIALIZED (
        SELECT s.id, s.finding_id, s.level, s.audience, s.words, s.priority, s.due_at
        FROM findings_step s JOIN findings_finding f ON f.id = s.finding_id
        WHERE s.fired_at IS NULL AND s.cancelled_at IS NULL AND s.falls_at <= now()
        ORDER BY s.priority, s.falls_at LIMIT 500 FOR NO KEY UPDATE OF s, f SKIP LOCKED
    ), fired AS (
        UPDATE findings_step s SET fired_at = now() FROM due WHERE s.id = due.id RETURNING s.id
    ), told AS (
        INSERT INTO notifications_notification (public_id, step_id, finding_id, recipient_id,
            route_id, channel, priority, status, created_at, next_attempt_at)
        SELECT gen_random_uuid(), due.id, f.id, f.owner_person_id, r.id, r.channel, due.priority,
            'queued', now(), now()
        FROM due JOIN findings_finding f ON f.id = due.finding_id
        JOIN notifications_route r ON r.person_id = f.owner_person_id
    ), said AS (
        INSERT INTO findings_event (finding_id, number, kind, at, data, previous_hash, hash)
        SELECT finding_id, 0, 'step_fired', now(), jsonb_build_object('level', level, 'audience',
            audience, 'words', words, 'due_at', due_at, 'late_seconds', 0), '', '' FROM due
    )
    SELECT count(*) FROM fired
"""


def fired_in_sql(url: str) -> float:
    """Steps a second, two connections at once."""
    return _by_two(_fire_in_sql, url)


def _fire_in_sql(url: str) -> int:
    import psycopg2

    total = 0
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        while True:
            cursor.execute(FIRE)
            (count,) = cursor.fetchone()
            if not count:
                break
            total += count
    connection.close()
    return total


def sent_by_hand(port: int) -> float:
    """Messages a second that two processes hand to the same server, with no database at all."""
    return _by_two(_send_by_hand, port)


TEXT = "Subject: Critical: a message\r\nMessage-ID: <limit@bench>\r\n\r\n" + "words of it\r\n" * 120


def _send_by_hand(port: int) -> int:
    count = 2000
    with smtplib.SMTP("127.0.0.1", port) as server:
        for _ in range(count):
            server.sendmail("from@bench", ["to@bench"], TEXT)
    return count


def sent_and_kept(url: str, port: int) -> float:
    """The same with what no sender can do without: a row that is on the disk before each message,
    and one after it."""
    import psycopg2

    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (words text)")
    connection.close()
    return _by_two(_send_and_keep, (url, port))


BEFORE = "INSERT INTO kept VALUES (%s)"
AFTER = "SET LOCAL synchronous_commit = off; INSERT INTO kept VALUES ('accepted')"


def _send_and_keep(given: tuple[str, int]) -> int:
    import psycopg2

    count = 1000
    connection = psycopg2.connect(given[0])
    connection.autocommit = True
    with connection.cursor() as cursor, smtplib.SMTP("127.0.0.1", given[1]) as server:
        for _ in range(count):
            cursor.execute(BEFORE, [TEXT])
            server.sendmail("from@bench", ["to@bench"], TEXT)
            cursor.execute(AFTER)
    connection.close()
    return count


def kept_in_sql(superuser: Any) -> float:
    """Reports a second, with all their rows, when the ones that were imported are written once
    more from the database itself, and nobody reads or thinks: a hundred messages in two commits."""
    with superuser.cursor() as cursor:
        cursor.execute("SELECT min(message_id), max(message_id) FROM findings_receipt")
        first, last = cursor.fetchone()
        began = time.monotonic()
        for start in range(first, last + 1, 100):
            _keep_again(cursor, start, min(start + 99, last))
        return (last + 1 - first) / (time.monotonic() - began)


# Far above whatever was imported.
OTHERS = 1_000_000


def _keep_again(cursor: Any, first: int, last: int) -> None:
    from findings.models import Examination, IncomingMessage, Receipt, Report
    from tests.bench.rows import copy_rows

    of_message = f"t.message_id BETWEEN {first} AND {last}"
    copy_rows(
        cursor,
        IncomingMessage,
        f"t.id BETWEEN {first} AND {last}",
        id=f"t.id + {OTHERS}",
        fingerprint="md5(t.fingerprint)",
    )
    cursor.execute("BEGIN")
    copy_rows(
        cursor,
        Examination,
        f"t.current_report_id IN (SELECT id FROM findings_report t WHERE {of_message})",
        id=f"t.id + {OTHERS}",
        public_id="gen_random_uuid()",
        accession="'B' || t.accession",
        current_report_id=f"t.current_report_id + {OTHERS}",
    )
    copy_rows(
        cursor,
        Report,
        of_message,
        id=f"t.id + {OTHERS}",
        public_id="gen_random_uuid()",
        examination_id=f"t.examination_id + {OTHERS}",
        message_id=f"t.message_id + {OTHERS}",
    )
    copy_rows(
        cursor,
        Receipt,
        of_message,
        id=f"t.id + {OTHERS}",
        report_id=f"t.report_id + {OTHERS}",
        message_id=f"t.message_id + {OTHERS}",
    )
    cursor.execute("COMMIT")


def _by_two(work: Callable[[Any], int], given: Any) -> float:
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(len, ["", ""]))  # both are there before the time begins
        began = time.monotonic()
        done = sum(pool.map(work, [given, given]))
        return done / (time.monotonic() - began)


def synced(where: str, count: int = 500) -> float:
    """Times a second that this disk keeps 8 kB for good, one after another."""
    with tempfile.TemporaryFile(dir=where) as kept:
        began = time.monotonic()
        for _ in range(count):
            os.pwrite(kept.fileno(), b"x" * 8192, 0)
            os.fdatasync(kept.fileno())
        return count / (time.monotonic() - began)


def asked(cursor: Any, sql: str, count: int = 200) -> float:
    """Milliseconds that a question takes, in the median."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        cursor.execute(sql)
        cursor.fetchall()
        took.append(1000 * (time.perf_counter() - began))
    return median(took)


def spent(*pids: int | None) -> float:
    """Seconds of processor that processes and whatever descends from them have used so far."""
    every = _processes()
    wanted: set[int] = set()
    new = {pid for pid in pids if pid}
    while new:
        wanted |= new
        new = {each for each, (parent, _) in every.items() if parent in wanted} - wanted
    return sum(every[one][1] for one in wanted) / os.sysconf("SC_CLK_TCK")


def _processes() -> dict[int, tuple[int, int]]:
    """By id: the parent, and ticks used, with those of children that ended."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            said = stat.read_text().rpartition(")")[2].split()
            found[int(stat.parent.name)] = int(said[1]), sum(map(int, said[11:15]))
    return found
