"""A sender's own names for its reports, by which it asks for one again: each leads to one
examination for ever. The caller has the turn by each of their values, so nobody else writes them.
"""

from collections.abc import Sequence

from findings.arrivals import HeldReason
from findings.columns import column
from findings.models import Examination, Sender
from findings.prepared import Prepared
from findings.services.filing import AccessionHeld
from findings.services.identity import Held

# System and value.
Name = tuple[str, str]
LONGEST = 200

NAMED = Prepared(
    "report_names",
    "SELECT system, value, examination_id FROM findings_reportidentifier"
    " WHERE sender_id = %(sender)s AND value = ANY (%(values)s)",
    sender="bigint",
    values="text[]",
)
NAME = Prepared(
    "name_report",
    """
    INSERT INTO findings_reportidentifier (sender_id, system, value, examination_id)
    SELECT %(sender)s, given.system, given.value, %(examination)s
    FROM unnest(%(systems)s, %(values)s) AS given (system, value)
    ON CONFLICT (sender_id, value, system) DO NOTHING
    RETURNING id
    """,
    sender="bigint",
    systems="text[]",
    values="text[]",
    examination="bigint",
)


def known_names(sender: Sender, names: Sequence[Name]) -> dict[Name, int]:
    """Those of these that are taken, and by which examination (its key)."""
    if not names:
        return {}
    found = NAMED.rows(sender=sender.pk, values=column(value for _, value in names))
    known = {(system, value): examination for system, value, examination in found}
    return {name: known[name] for name in names if name in known}


def check_names(names: Sequence[Name], known: dict[Name, int], examination: Examination) -> None:
    """Raises `Held` where one of them cannot be this examination's."""
    if names and max(len(part) for one in names for part in one) > LONGEST:
        raise Held(
            HeldReason.MISSING_ACCESSION,
            f"An identifier of the report is longer than {LONGEST} characters.",
            "Ask the sender what its identifiers look like.",
        )
    if set(known.values()) - {examination.pk}:
        raise AccessionHeld(
            HeldReason.ACCESSION_CONFLICT,
            "An identifier of this report was used for the report of another examination.",
            "Find out at the sender which of the two it belongs to.",
        )


def keep_names(
    sender: Sender, names: Sequence[Name], known: dict[Name, int], examination: Examination
) -> None:
    """Those that are new."""
    new = [name for name in dict.fromkeys(names) if name not in known]
    if new:
        NAME.rows(
            sender=sender.pk,
            systems=column(system for system, _ in new),
            values=column(value for _, value in new),
            examination=examination.pk,
        )


def name_report(sender: Sender, names: Sequence[Name], examination: Examination) -> None:
    """Check and keep, where the examination is written already."""
    known = known_names(sender, names)
    check_names(names, known, examination)
    keep_names(sender, names, known, examination)
