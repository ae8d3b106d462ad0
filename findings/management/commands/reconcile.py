"""A list of the RIS held against what arrived. See EPILOG."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from findings.management.base import EpilogCommand, bytes_of
from findings.models import Sender
from findings.services.reconcile import Reconciliation, reconcile
from findings.services.senders import find_sender
from findings.words import plural

EPILOG = """
The file is CSV in UTF-8. Its first line names the columns: accession, and perhaps reported_at
(2026-11-25 21:00, on the sender's wall clock, or with an offset). Other columns are ignored.

Nothing is changed. Have the RIS send again what is missing, or import it with import_hl7, and deal
with held items on their page; then run this once more.

Exit status: 0, everything listed has arrived; 1, something is missing or a line could not be read;
2, the command line was wrong.
"""
SOMETHING_IS_MISSING = 1


class Command(EpilogCommand):
    help = "Compare a CSV list of a sender's reports with the reports that arrived."
    epilog = EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--sender", metavar="CODE", help='as in "RIS|RRV03"')

    def handle(self, *, file: Path, sender: str | None, **options: Any) -> None:
        raw = bytes_of(file)
        found = reconcile(raw, _sender(sender))
        self._say(found)
        if not found.is_whole:
            sys.exit(SOMETHING_IS_MISSING)

    def _say(self, found: Reconciliation) -> None:
        for mistake in found.mistakes:
            self.stderr.write(str(mistake))
        for missing in found.missing:
            self.stdout.write(f"line {missing.line}: {missing.accession}: {missing.gap}")
        self.stdout.write(
            f"{plural(found.listed, 'report')} listed: {found.received} received,"
            f" {len(found.missing)} missing, {plural(len(found.mistakes), 'line')} not understood."
        )


def _sender(code: str | None) -> Sender:
    if code:
        if sender := find_sender(code):
            return sender
        raise CommandError(f"No sender is set up as {code}.")
    senders = list(Sender.objects.systems())
    if len(senders) == 1:
        return senders[0]
    known = ", ".join(sender.code for sender in senders) or "none is set up"
    raise CommandError(f"Say which sender's list it is with --sender CODE: {known}.")
