"""Governance's pages beside five years of a trust: how long the server works on each with the days
kept and without, as a ratio to one look at all findings in the same run; and what keeping the days
costs."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

TIMES = 3
# The issue of each: a number in 0.3 s at a million findings, in 1 s at five million examinations.
PAGES = (
    "/measures/",
    "/measures/acknowledged/",
    "/measures/told/",
    "/measures/undelivered/",
    "/measures/closed/",
    "/measures/read/",
    "/measures/reported/",
    "/measures/acknowledged/rows/",
    "/measures/reported/rows/",
    "/papers/board/",
    "/late-reporting/",
    "/waiting/",
    "/governance/",
)


def measure(bench: "Bench") -> None:
    from django.db import connection
    from django.test import Client

    from findings.services.measured_days import keep_up, rebuild
    from tests.bench.__main__ import Database
    from tests.bench.lists import for_a_client
    from tests.bench.years import five_years

    for_a_client()
    database = Database(bench.servers, connection.settings_dict["NAME"])
    began = time.perf_counter()
    trust = five_years(database.superuser, bench.given.findings)
    print(f"laid down in {time.perf_counter() - began:,.0f} s", flush=True)
    client = Client()
    client.force_login(trust.governance)
    scan = _milliseconds(
        lambda: database.ask("SELECT count(length(description)) FROM findings_finding")
    )
    print(f"one look at all findings: {scan:,.0f} ms", flush=True)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    from_rows = _pages(client, "from rows", scan, 1)
    took = _seconds(rebuild)
    print(f"every day counted and kept: {took:,.0f} s", flush=True)
    _pages(client, "kept", scan, TIMES)
    print(f"a round in which nothing changed: {_seconds(keep_up):,.2f} s")
    assert from_rows


def _pages(client: object, words: str, scan: float, times: int) -> dict[str, float]:
    found = {}
    print(f"{words:40} {'ms':>10} {'to a look':>10}", flush=True)
    for address in PAGES:
        answers = []

        def ask(address: str = address, answers: list[int] = answers) -> None:
            answers.append(client.get(address).status_code)  # type: ignore[attr-defined]

        found[address] = took = _milliseconds(ask, times)
        print(f"{address:40} {took:10,.0f} {took / scan:10.2f}  {set(answers)}", flush=True)
    return found


def _seconds(work: Callable[[], object]) -> float:
    return _milliseconds(work, 1) / 1000


def _milliseconds(ask: Callable[[], object], times: int = TIMES) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - began))
    return sorted(took)[len(took) // 2]
