"""Whether a timeline is as it was written: every line's hash computed again, by the database."""

from dataclasses import dataclass
from typing import NamedTuple

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


class Broken(NamedTuple):
    """The first line of a finding that is not as it was written."""

    reference: str
    number: int
    why: str


@dataclass(frozen=True)
class Chain:
    """What was found; whole where both are empty."""

    broken: list[Broken]
    # References of findings whose timeline has no lines.
    empty: list[str]

    @property
    def is_whole(self) -> bool:
        return not self.broken and not self.empty


def check_chain(finding: Finding | None = None) -> Chain:
    """Of one finding, or of all. Lines missing at the very end cannot be seen: compare the last
    hash with one that was noted elsewhere."""
    asked = {"finding": finding.pk if finding else None}
    with connection.cursor() as cursor:
        cursor.execute(BROKEN, asked)
        broken = [Broken(*row) for row in cursor.fetchall()]
        cursor.execute(EMPTY, asked)
        return Chain(broken, [reference for (reference,) in cursor.fetchall()])


def whole_words(finding: Finding | None) -> str:
    """With the last hash of one finding, to be noted elsewhere and compared another day."""
    if finding is None:
        return f"Timelines whole: {Finding.objects.count()}."
    last = finding.events.latest("number")
    return f"The timeline is whole: {last.number} lines, the last with the hash {last.hash}."
