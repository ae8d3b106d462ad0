"""Governance's pages beside five years of a trust: how long the server works on each with the days
kept and without, as a ratio to one look at all findings in the same run; and what keeping the days
costs."""

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.test import Client

    from tests.bench.__main__ import Bench

TIMES = 3
# A number takes 0.3 s at a million findings, and 1 s at five million examinations, or less.
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
    look = _milliseconds(
        lambda: database.ask("SELECT count(length(description)) FROM findings_finding"), TIMES
    )
    print(f"one look at all findings: {look:,.0f} ms", flush=True)
    client = Client()
    client.force_login(trust.governance)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    _pages(client, "from rows", look, 1)
    print(f"every day counted and kept: {_milliseconds(rebuild, 1) / 1000:,.0f} s", flush=True)
    _pages(client, "with days kept", look, TIMES)
    print(f"a round in which nothing changed: {_milliseconds(keep_up, 1):,.0f} ms")


def _pages(client: "Client", words: str, look: float, times: int) -> None:
    print(f"{words:40} {'ms':>10} {'to a look':>10}", flush=True)
    for address in PAGES:
        took = _milliseconds(partial(_ask, client, address), times)
        print(f"{address:40} {took:10,.0f} {took / look:10.2f}", flush=True)


def _ask(client: "Client", address: str) -> None:
    status = client.get(address).status_code
    assert status == 200, f"{address}: {status}"


def _milliseconds(work: Callable[[], object], times: int) -> float:
    """The median."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - began))
    return median(took)
