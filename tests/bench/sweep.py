"""What a look for due steps costs when millions are not due: in the database, in milliseconds."""

from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

TIMES = 50


def measure(bench: "Bench") -> None:
    from tests.bench import limits, rows
    from tests.bench.__main__ import say

    with bench.copy() as database:
        clock = database.ask("SELECT min(id) FROM findings_clock")
        rows.lay_down(database.superuser, bench.given.steps, clock)
        sql = _questions(database)
        with database.superuser.cursor() as cursor:
            took = [sum(_in_database(cursor, one) for one in sql) for _ in range(TIMES)]
            floor = [limits.asked(cursor, "SELECT 1") for _ in range(5)]
        print(f"{bench.given.steps:,} steps, of which none is due; {len(sql)} questions a look")
        say("a look, ms in the database", [median(took)])
        say("SELECT 1 and back, ms", floor)


def _questions(database: Any) -> list[str]:
    """What one round of firing asks when there is nothing to do, as the engine itself asks it."""
    raise NotImplementedError


def _in_database(cursor: Any, sql: str) -> float:
    """Planning and running, without the way there and back."""
    cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
    (plan,) = cursor.fetchone()[0]
    return plan["Planning Time"] + plan["Execution Time"]
