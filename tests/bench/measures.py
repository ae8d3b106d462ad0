"""Measures beside many findings: how long the server takes for a number with the days kept and
without, as a ratio to one look at all findings, in the same run."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

TIMES = 5
YEARS = 5
# Every clock, step and line moves with its finding, so that a burst becomes five years.
SPREAD = """
    SET session_replication_role = replica;
    CREATE TEMPORARY TABLE moved AS SELECT id,
        (id %% {days}) * interval '1 day' + interval '1 day' AS by FROM findings_finding;
    CREATE INDEX ON moved (id);
    UPDATE findings_finding f SET flagged_at = flagged_at - by, counts_from = counts_from - by,
        tell_by = tell_by - by FROM moved m WHERE m.id = f.id;
    UPDATE findings_clock c SET started_at = started_at - by, due_at = due_at - by
        FROM moved m WHERE m.id = c.finding_id;
    UPDATE findings_event e SET at = at - by FROM moved m WHERE m.id = e.finding_id;
    SET session_replication_role = origin;
    VACUUM (ANALYZE) findings_finding, findings_clock, findings_event;
"""


def measure(bench: "Bench") -> None:
    from django.db import connection
    from django.utils import timezone

    from findings import measures
    from findings.measures.period import last_days, last_months
    from findings.models import MeasuredUpTo, Organisation
    from findings.services.measured_days import rebuild

    with bench.copy() as database:
        connection.close()
        connection.settings_dict["NAME"] = database.name
        with database.superuser.cursor() as cursor:
            for statement in SPREAD.format(days=365 * YEARS).replace("%%", "%").split(";")[:-1]:
                cursor.execute(statement)
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
        trust, today = Organisation.objects.earliest("pk"), timezone.localdate()
        days, months = last_days(90, today), last_months(24, today)
        of_promise = [one.code for one in measures.dimensions_of(measures.MEASURES["acknowledged"])]
        questions: dict[str, Callable[[], object]] = {
            "every measure, 90 days and before": lambda: measures.read_many(
                measures.MEASURES, trust, [days, days.before]
            ),
            "acknowledged, 24 months": lambda: measures.series("acknowledged", trust, months),
            "acknowledged by everything": lambda: measures.by_each(
                "acknowledged", trust, days, of_promise
            ),
            "told, 24 months": lambda: measures.series("told", trust, months),
        }
        scan = _milliseconds(
            lambda: database.ask("SELECT count(length(description)) FROM findings_finding")
        )
        from_rows = {words: _milliseconds(ask) for words, ask in questions.items()}
        began = time.perf_counter()
        rebuild()
        print(
            f"rebuilt in {time.perf_counter() - began:,.0f} s; one look at all findings takes"
            f" {scan:,.0f} ms\n{'':36} {'from rows':>10} {'kept, ms':>10} {'to a look':>10}"
        )
        assert MeasuredUpTo.objects.exists()
        for words, ask in questions.items():
            kept = _milliseconds(ask)
            print(f"{words:36} {from_rows[words]:10,.0f} {kept:10,.0f} {kept / scan:10.2f}")
        connection.close()


def _milliseconds(ask: Callable[[], object]) -> float:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - began))
    return sorted(took)[TIMES // 2]
