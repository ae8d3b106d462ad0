"""Ten thousand steps that fall due in the same second, fired and sent by two of each."""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench import limits

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

FIRING, SENDING = ["fire", "fire"], ["deliver", "deliver"]
# So long after the rows are ready the steps fall due: the engines are up and idle by then.
AHEAD = timedelta(seconds=4)
GIVE_UP = 900.0


@dataclass
class Run:
    """The figures of one burst."""

    fired: float = 0
    sent: float = 0
    first_critical: float = 0
    last_critical: float = 0
    overtaken: float = 0
    everything: float = 0
    # Milliseconds: to fire its step, show the message and mail it. On a machine that does nothing
    # else the cores divided by this are the most that it could do.
    processor: float = 0


def fire_only(bench: "Bench", count: int) -> float:
    """Steps a second with nobody who sends beside."""
    with bench.copy() as database:
        due_at = _make_due(database)
        with bench.engines(database, FIRING):
            _wait(lambda: database.ask(FIRED) >= count)
        return count / (_seconds(database.ask("SELECT max(fired_at) FROM findings_step"), due_at))


def whole(bench: "Bench", count: int) -> Run:
    """Fired and sent at once, as in production. Whoever fires is sent home when nothing is due any
    more: twenty looks a second are the bench's, and would be taken from the senders."""
    with bench.copy() as database, bench.sink() as (port, kept):
        due_at = _make_due(database)
        with bench.engines(database, SENDING, port=port) as senders:
            shared = senders, bench.servers.postgres.pid
            before = limits.spent(*shared)
            with bench.engines(database, FIRING) as firing:
                _wait(lambda: database.ask(FIRED) >= count)
                fired_with = limits.spent(firing)
            _wait(lambda: len(kept.read_text().splitlines()) >= count)
            _wait(lambda: not database.ask(WAITS))
            processor = 1000 * (fired_with + limits.spent(*shared) - before) / count
        last = database.ask("SELECT max(fired_at) FROM findings_step")
        run = _figures(kept, count / _seconds(last, due_at), due_at)
        return replace(run, processor=processor)


WAITS = "SELECT count(*) FROM notifications_notification WHERE status IN ('queued', 'sending')"
FIRED = "SELECT count(*) FROM findings_step WHERE fired_at IS NOT NULL"


def _make_due(database: Any) -> datetime:
    due_at = datetime.now(UTC) + AHEAD
    database.fall_due_at(due_at)
    late = (datetime.now(UTC) - due_at + timedelta(seconds=2)).total_seconds()
    if late > 0:  # it took long to move the rows: once more, and they are in memory now
        return _make_due(database)
    return due_at


def _wait(done: Any) -> None:
    ends = time.monotonic() + GIVE_UP
    while not done():
        if time.monotonic() > ends:
            raise SystemExit("The burst did not come to its end.")
        time.sleep(0.2)


def _figures(kept: Path, fired: float, due_at: datetime) -> Run:
    lines = [line.split() for line in kept.read_text().splitlines()]
    at = [float(line[0]) - due_at.timestamp() for line in lines]
    urgent = [index for index, line in enumerate(lines) if line[1] == "1"]
    return Run(
        fired=fired,
        sent=len(lines) / (at[-1] - at[0]),
        first_critical=at[urgent[0]],
        last_critical=at[urgent[-1]],
        overtaken=urgent[-1] + 1 - len(urgent),
        everything=at[-1],
    )


def _seconds(at: datetime, since: datetime) -> float:
    return (at - since).total_seconds()
