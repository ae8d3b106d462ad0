"""What a look for due steps costs when millions are not due: in the database, in milliseconds."""

from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

TIMES = 50
# Not what only begins and ends a transaction.
EXPLAINABLE = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


def measure(bench: "Bench") -> None:
    from tests.bench import limits, rows
    from tests.bench.__main__ import say

    with bench.copy() as database:
        clock = database.ask("SELECT min(id) FROM findings_clock")
        rows.lay_down(database.superuser, bench.given.steps, clock)
        sql = _questions(database.name)
        with database.superuser.cursor() as cursor:
            took = [sum(_in_database(cursor, one) for one in sql) for _ in range(TIMES)]
            floor = [limits.asked(cursor, "SELECT 1") for _ in range(5)]
        print(f"{bench.given.steps:,} steps, of which none is due; {len(sql)} questions a look")
        say("a look, ms in the database", [median(took)])
        say("SELECT 1 and back, ms", floor)


def _questions(name: str) -> list[str]:
    """What one round of firing asks when there is nothing to do, as the engine itself asks it."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from notifications import rounds

    prepared = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        rounds.fire()  # once before, for what only the first round asks
        with CaptureQueriesContext(connection) as asked:
            fired = rounds.fire()
    finally:
        connection.close()
        connection.settings_dict["NAME"] = prepared
    assert not fired.steps, "something was due"
    return [one["sql"] for one in asked if one["sql"].lstrip().startswith(EXPLAINABLE)]


def _in_database(cursor: Any, sql: str) -> float:
    """Planning and running, without the way there and back."""
    cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
    (plan,) = cursor.fetchone()[0]
    return plan["Planning Time"] + plan["Execution Time"]
