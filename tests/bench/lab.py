"""A draft of policy replayed against twelve months of a large trust: how long whoever pressed it
waits, and how exact it is."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

POLICY, FINDINGS = "DEF-SIG", 25_000
CHOSEN = """
    CREATE TEMPORARY TABLE chosen AS
    SELECT (1000000 + times * 1000 + row_number() OVER (PARTITION BY times)) * 100 AS n,
        id AS pattern
    FROM findings_finding f, generate_series(1, %s) times
    WHERE category_id = 'significant_unexpected'
        AND NOT EXISTS (SELECT 1 FROM findings_clock c
            WHERE c.finding_id = f.id AND (c.replaces_id IS NOT NULL OR c.question_id IS NOT NULL))
"""


def measure(bench: "Bench") -> None:
    from dataclasses import replace

    from findings.models import Person
    from findings.services.drafts import in_force, make_draft, save_draft
    from findings.services.lab_runs import replay_draft

    _hospital()
    lead = Person.objects.get(username="angela.merriweather")
    draft = make_draft(policy_id=POLICY, by=lead, because="To see.")
    content = in_force(POLICY)
    rungs = tuple(
        replace(rung, offset="P1D") if rung.audience == "responsible" else rung
        for rung in content.rungs
    )
    changed = replace(content, acknowledge_within="P2D", rungs=rungs)
    save_draft(draft=draft, content=changed, holds_from=None, because="To see.", by=lead, seen=1)
    for version in reversed(draft.versions.all()):
        begin = time.perf_counter()
        result = replay_draft(version=version, by=lead).result
        took = time.perf_counter() - begin
        print(
            f"version {version.number}: {result['cases']:,} clocks, {result['changed']:,} changed,"
            f" {result['as_they_were']:,} counted as they were: {took:.2f} s,"
            f" {took / max(result['cases'], 1) * 1e6:.0f} µs a clock",
            flush=True,
        )


def _hospital() -> None:
    """The demonstration, and many times its significant unexpected findings."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    from findings.models import Finding
    from tests.bench.rows import copy_chosen

    settings.DEMONSTRATION = True
    call_command("migrate", verbosity=0)
    call_command("load_demonstration", verbosity=0)
    few = Finding.objects.filter(category="significant_unexpected").count()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(CHOSEN, [FINDINGS // few])
        cursor.execute("BEGIN")
        copy_chosen(cursor)
        cursor.execute("COMMIT")
        cursor.execute("VACUUM (ANALYZE)")
    print(f"{Finding.objects.count():,} findings", flush=True)
