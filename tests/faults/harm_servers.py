"""Faults of the broker, of the database, and of the disk on which the database lies."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psutil
import psycopg2
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from imaging_safety import embedded
from tests.faults.ground import Ground
from tests.faults.harm import End, Fault, Harm, NotNow, go_on

BACK = timedelta(minutes=-10)

# --- The broker --------------------------------------------------------------------------------


def kill_the_broker(ground: Ground, fault: Fault) -> End:
    """It comes back with what it wrote down, as a Redis with an append-only file does."""
    if "broker" in ground.down:
        raise NotNow
    ground.down.add("broker")
    assert ground.broker.child is not None
    ground.broker.child.kill()
    ground.broker.child.wait()
    return lambda: ground.down.discard("broker")


def freeze_the_broker(ground: Ground, fault: Fault) -> End:
    if "broker" in ground.down:
        raise NotNow
    assert ground.broker.child is not None
    pid = ground.broker.child.pid
    os.kill(pid, signal.SIGSTOP)
    return lambda: go_on(pid)


def flush_the_broker(ground: Ground, fault: Fault) -> None:
    _tell_the_broker(ground, "FLUSHALL")


def pause_the_broker(ground: Ground, fault: Fault) -> None:
    _tell_the_broker(ground, "CLIENT", "PAUSE", int(fault.lasts * 1000), "ALL")


def fill_the_broker(ground: Ground, fault: Fault) -> End:
    """Full, and evicting nothing: whatever would write is refused."""
    _tell_the_broker(ground, "CONFIG", "SET", "maxmemory", 1)

    def free() -> None:
        with contextlib.suppress(NotNow):  # one that was started anew is not full
            _tell_the_broker(ground, "CONFIG", "SET", "maxmemory", 0)

    return free


def _tell_the_broker(ground: Ground, *words: object) -> None:
    try:
        path, once = str(ground.broker.socket), Retry(NoBackoff(), 0)
        with Redis(unix_socket_path=path, socket_timeout=0.5, retry=once) as redis:
            redis.execute_command(*words)
    except RedisError:
        raise NotNow from None


# --- The database ------------------------------------------------------------------------------


def kill_the_database(ground: Ground, fault: Fault) -> End:
    """The postmaster and every backend at once, as when the machine loses power."""
    _hold_down(ground)
    assert ground.postgres.child is not None
    family = _backends(ground)
    ground.postgres.child.kill()
    ground.postgres.child.wait()
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family, timeout=10)
    return lambda: ground.down.discard("database")


def restart_the_database(ground: Ground, fault: Fault) -> End:
    """A fast shutdown, as for an update of the machine."""
    _hold_down(ground)
    assert ground.postgres.child is not None
    ground.postgres.child.send_signal(signal.SIGINT)
    return lambda: ground.down.discard("database")


def _hold_down(ground: Ground) -> None:
    if "database" in ground.down or "disk" in ground.down:
        raise NotNow
    if ground.postgres.child is None or ground.postgres.child.poll() is not None:
        raise NotNow
    ground.down.add("database")


def freeze_the_database(ground: Ground, fault: Fault) -> End:
    """Every backend stands still: what it was asked takes longer than a statement may."""
    family = _backends(ground)
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.suspend()

    def go_on_all() -> None:
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.resume()

    return go_on_all


def _backends(ground: Ground) -> list[psutil.Process]:
    assert ground.postgres.child is not None
    try:
        return psutil.Process(ground.postgres.child.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        raise NotNow from None


def end_the_connections(ground: Ground, fault: Fault) -> None:
    with _superuser(ground) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )


def take_the_connections(ground: Ground, fault: Fault) -> End:
    """All that are left, as a pool does that was set up too large."""
    taken: list[Any] = []
    with contextlib.suppress(NotNow):
        while True:
            taken.append(_connect(ground.postgres.url(embedded.APPLICATION)))
    if not taken:
        raise NotNow

    def give_back() -> None:
        for one in taken:
            one.close()

    return give_back


def hold_findings(ground: Ground, fault: Fault) -> End:
    """A long transaction on open findings, for longer than others wait for a lock."""
    holder = _connect(ground.superuser())
    try:
        with holder.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM findings_finding WHERE state = 'awaiting' ORDER BY id DESC"
                " LIMIT 20 FOR UPDATE SKIP LOCKED"
            )
    except psycopg2.Error:
        holder.close()
        raise NotNow from None
    return holder.close


def lock_a_table(ground: Ground, fault: Fault) -> End:
    """As a migration or a reindex does: every read goes on, every write waits."""
    holder = _connect(ground.superuser())
    table = fault.pick(["findings_step", "notifications_notification", "findings_event"])
    try:
        with holder.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
            cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
    except psycopg2.Error:
        holder.close()
        raise NotNow from None
    return holder.close


def make_a_deadlock(ground: Ground, fault: Fault) -> None:
    """Takes what hangs on findings first and the findings then, the other way round than every
    writer of ours; PostgreSQL ends one of the two."""
    threading.Thread(target=_the_other_way_round, args=[ground.superuser()], daemon=True).start()


def _the_other_way_round(url: str) -> None:
    with contextlib.suppress(psycopg2.Error, NotNow):
        wrong = _connect(url)
        with contextlib.closing(wrong), wrong.cursor() as cursor:
            cursor.execute(
                "SELECT finding_id FROM notifications_notification"
                " WHERE status IN ('queued', 'sending') LIMIT 50 FOR UPDATE SKIP LOCKED"
            )
            findings = [pk for (pk,) in cursor.fetchall()]
            time.sleep(0.5)
            cursor.execute(
                "SELECT id FROM findings_finding WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
                [findings],
            )


def turn_the_databases_clock_back(ground: Ground, fault: Fault) -> End:
    """By ten minutes, and right again: as where a time server is set wrong, and mended."""
    clock = ground.database_clock
    if clock.library is None or "clock" in ground.down:
        raise NotNow
    ground.down.add("clock")
    clock.turn(BACK)

    def set_right() -> None:
        clock.set_right()
        ground.down.discard("clock")

    return set_right


def fill_the_disk(ground: Ground, fault: Fault) -> End:
    """Nothing more fits. The server may end by itself; it is started again when there is room."""
    if not ground.disk.is_ours or ground.down & {"disk", "database"}:
        raise NotNow
    ground.down.add("disk")
    ground.disk.fill()

    def make_room() -> None:
        ground.disk.empty()
        ground.down.discard("disk")

    return make_room


@contextmanager
def _superuser(ground: Ground) -> Iterator[Any]:
    connection = _connect(ground.superuser())
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    except psycopg2.Error:
        raise NotNow from None
    finally:
        connection.close()


def _connect(url: str) -> Any:
    try:
        return psycopg2.connect(url, connect_timeout=2)
    except psycopg2.OperationalError:
        raise NotNow from None


# Seldom enough that the database is there for most of the time: else nothing happens to break.
FAULTS: dict[str, tuple[int, Harm]] = {
    "kill the broker": (3, kill_the_broker),
    "freeze the broker": (3, freeze_the_broker),
    "flush the broker": (4, flush_the_broker),
    "pause the broker": (2, pause_the_broker),
    "fill the broker": (2, fill_the_broker),
    "kill the database": (1, kill_the_database),
    "restart the database": (1, restart_the_database),
    "freeze the database": (1, freeze_the_database),
    "end the connections": (2, end_the_connections),
    "take the connections": (1, take_the_connections),
    "hold findings": (2, hold_findings),
    "lock a table": (1, lock_a_table),
    "make a deadlock": (2, make_a_deadlock),
    "turn the database's clock": (2, turn_the_databases_clock_back),
    "fill the disk": (1, fill_the_disk),
}
