"""Computes every timeline's chain of hashes again, so that an edited line does not stay hidden."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from findings.models import Finding

# The first line of each finding that does not follow from the one before it.
BROKEN = """
    WITH lines AS (
        SELECT e.finding_id, e.number, e.hash, e.previous_hash,
            lag(e.number, 1, 0) OVER timeline AS number_before,
            lag(e.hash, 1, '') OVER timeline AS hash_before,
            findings_event_hash(e.previous_hash, e.finding_id, e.number, e.kind, e.at, e.by_id,
                e.data) AS hash_again
        FROM findings_event e
        WHERE %(finding)s::bigint IS NULL OR e.finding_id = %(finding)s
        WINDOW timeline AS (PARTITION BY e.finding_id ORDER BY e.number)
    )
    SELECT DISTINCT ON (lines.finding_id) f.reference, lines.number,
        CASE WHEN lines.number <> number_before + 1 THEN 'the line before it is missing'
            WHEN previous_hash <> hash_before THEN 'it does not follow the line before it'
            ELSE 'what it says was changed' END
    FROM lines JOIN findings_finding f ON f.id = lines.finding_id
    WHERE lines.number <> number_before + 1 OR previous_hash <> hash_before OR hash <> hash_again
    ORDER BY lines.finding_id, lines.number
"""
# A finding is flagged by its first line, so one without lines has lost them.
EMPTY = """
    SELECT f.reference FROM findings_finding f
    WHERE (%(finding)s::bigint IS NULL OR f.id = %(finding)s)
        AND NOT EXISTS (SELECT 1 FROM findings_event e WHERE e.finding_id = f.id)
    ORDER BY f.reference
"""


def _whole(finding: Finding | None) -> str:
    """With the last hash of one finding, to be noted elsewhere and compared another day."""
    if finding is None:
        return f"Timelines whole: {Finding.objects.count()}."
    last = finding.events.latest("number")
    return f"The timeline is whole: {last.number} lines, the last with the hash {last.hash}."


class Command(BaseCommand):
    help = (
        "Check that no line of a timeline was changed, removed or put in between. Exits 1 and names"
        " the finding and the line otherwise. Lines missing at the very end cannot be seen here:"
        " compare the last hash with one that was noted elsewhere."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", nargs="?", default="", help="one finding; else all")

    def handle(self, *args: Any, reference: str, **options: Any) -> None:
        finding = self._finding(reference) if reference else None
        broken = self._ask(BROKEN, finding)
        empty = self._ask(EMPTY, finding)
        for name, number, why in broken:
            self.stderr.write(f"{name}, line {number}: {why}.")
        for (name,) in empty:
            self.stderr.write(f"{name}: its timeline has no lines.")
        if broken or empty:
            raise CommandError(
                f"{len(broken) + len(empty)} timelines are not as they were written."
            )
        self.stdout.write(_whole(finding))

    def _finding(self, reference: str) -> Finding:
        finding = Finding.objects.filter(reference__iexact=reference.strip()).first()
        if finding is None:
            raise CommandError(f"There is no finding {reference}.")
        return finding

    def _ask(self, question: str, finding: Finding | None) -> list[tuple]:
        with connection.cursor() as cursor:
            cursor.execute(question, {"finding": finding.pk if finding else None})
            return cursor.fetchall()
