"""The lists of the demonstration hospital with twenty times its findings and reports: how long the
server takes for each, how many questions it asks, and the same for its file."""

import logging
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

TIMES, ASKED = 20, 15
# Far above whatever the demonstration made.
APART = 1_000_000
# By the name of the page and its filters: who reads it.
PAGES = {
    ("reports", ""): "radiologist",
    ("my-flags", ""): "radiologist",
    ("to-confirm", ""): "radiologist",
    ("my-findings", ""): "referrer",
    ("my-findings", "state=ended"): "referrer",
    ("desk", ""): "coordinator",
    ("desk", "reason=late_unread"): "coordinator",
    ("open-findings", ""): "coordinator",
    ("open-findings", "late=yes"): "coordinator",
    ("waiting", ""): "coordinator",
    ("people", ""): "coordinator",
}
# References have ten signs behind their "F-". The clocks of a copy stand apart from those of
# another; of a promise in whose stead another was made there can be no two, nor of a question's.
CHOSEN = """
    CREATE TEMPORARY TABLE chosen AS
    SELECT (1000000 + times * 1000 + row_number() OVER (PARTITION BY times)) * 100 AS n,
        id AS pattern
    FROM findings_finding f, generate_series(1, %s) times
    WHERE NOT EXISTS (SELECT 1 FROM findings_clock c
        WHERE c.finding_id = f.id AND (c.replaces_id IS NOT NULL OR c.question_id IS NOT NULL))
"""


def measure(bench: "Bench") -> None:
    hospital()
    print(f"{'':36} {'median, ms':>12} {'most, ms':>10} {'queries':>8} {'bytes':>10}", flush=True)
    for (name, query), role in PAGES.items():
        _ask(name, query, role)


def for_a_client() -> None:
    """Settings with which Django's own client can ask for pages; that it asks is no news here."""
    from django.conf import settings

    logging.disable(logging.INFO)
    settings.ALLOWED_HOSTS = ["testserver"]
    # Files that nobody asks for here need not be gathered first.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def hospital() -> None:
    """The demonstration, times twenty."""
    from django.conf import settings
    from django.core.management import call_command

    settings.DEMONSTRATION = True
    for_a_client()
    call_command("migrate", verbosity=0)
    call_command("load_demonstration", verbosity=0)
    _times_twenty()


def _times_twenty() -> None:
    from django.db import connection

    from findings.models import Examination, Finding, Report
    from tests.bench.rows import copy_chosen, copy_rows, in_order_of_time

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(CHOSEN, [TIMES - 1])
        cursor.execute("BEGIN")
        copy_chosen(cursor)
        cursor.execute("COMMIT")
        for times in range(1, TIMES):
            past = f"{APART} * {times}"
            cursor.execute("BEGIN")
            copy_rows(
                cursor,
                Examination,
                f"t.id < {APART} AND t.current_report_id IS NOT NULL",
                id=f"t.id + {past}",
                public_id="gen_random_uuid()",
                accession=f"'B{times}-' || t.accession",
                current_report_id=f"t.current_report_id + {past}",
            )
            copy_rows(
                cursor,
                Report,
                f"t.id < {APART}",
                id=f"t.id + {past}",
                public_id="gen_random_uuid()",
                examination_id=f"t.examination_id + {past}",
            )
            cursor.execute("COMMIT")
        in_order_of_time(cursor)
        cursor.execute("VACUUM (ANALYZE)")
    print(f"{Finding.objects.count():,} findings, {Report.objects.count():,} reports", flush=True)


def _ask(name: str, query: str, role: str) -> None:
    from django.test import Client
    from django.urls import reverse

    from findings.models import Person

    readers = Person.objects.active().filter(roles__contains=[role])
    client = Client()
    client.force_login(readers.order_by("pk").first())
    address = f"{reverse(name)}?{query}"
    _said(f"{name} {query}", client, address, ASKED)
    _said("   whether it changed", client, f"{address}&as=news&seen=", ASKED)
    _said("   as a spreadsheet", client, f"{address}&as=xlsx", 1)


def _said(words: str, client: Any, address: str, times: int) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    took, size = [], 0
    for _ in range(times):
        began = time.perf_counter()
        response = client.get(address)
        size = len(response.getvalue())
        took.append(1000 * (time.perf_counter() - began))
    with CaptureQueriesContext(connection) as asked:
        client.get(address).getvalue()
    middle = sorted(took)[len(took) // 2]
    print(f"{words:36} {middle:12,.1f} {max(took):10,.1f} {len(asked):8} {size:10,}", flush=True)
