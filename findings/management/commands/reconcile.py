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
from findings.services.waiting_list import dry_run, keep_waiting
from findings.words import plural, when

EPILOG = """
The file is CSV in UTF-8. Its first line names the columns: accession, and perhaps reported_at
(2026-11-25 21:00, on the sender's wall clock, or with an offset). Other columns are ignored.

Nothing is changed. Have the RIS send again what is missing, or import it with import_hl7, and deal
with held items on their page; then run this once more.

With --waiting, the file is a list of examinations, and those without a reported_at are to wait for
their report here. Besides accession it needs performed_at, and may have modality, examination,
site, setting (inpatient, outpatient, emergency, gp, cancer), nhs_number, hospital_number,
family_name, given_name, birth_date and sex: an examination that is new here needs a number of its
patient. It shows what would be kept; --apply keeps it, all of it or, where a line is wrong, none.

Exit status: 0, everything listed has arrived, or could be kept; 1, something is missing or a line
could not be read; 2, the command line was wrong.
"""
SOMETHING_IS_MISSING = 1


class Command(EpilogCommand):
    help = "Compare a CSV list of a sender's reports with the reports that arrived."
    epilog = EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--sender", metavar="CODE", help='as in "RIS|RRV03"')
        parser.add_argument(
            "--waiting", action="store_true", help="show which examinations would wait for a report"
        )
        parser.add_argument("--apply", action="store_true", help="with --waiting: keep them")

    def handle(
        self, *, file: Path, sender: str | None, waiting: bool, apply: bool, **options: Any
    ) -> None:
        if apply and not waiting:
            raise CommandError("--apply keeps what --waiting shows: give both.")
        raw = bytes_of(file)
        if waiting:
            self._keep(raw, _sender(sender), apply=apply)
            return
        found = reconcile(raw, _sender(sender))
        self._say(found)
        if not found.is_whole:
            sys.exit(SOMETHING_IS_MISSING)

    def _keep(self, raw: bytes, sender: Sender, *, apply: bool) -> None:
        outcome = (keep_waiting if apply else dry_run)(raw, sender=sender)
        for mistake in outcome.mistakes:
            self.stderr.write(str(mistake))
        for change in outcome.changes:
            self.stdout.write(
                f"line {change.line}: {change.accession}: {change.what.lower()} here, report by"
                f" {when(change.due_at)} ({change.rule})"
            )
        self.stdout.write(f"Passed over: {plural(outcome.unchanged, 'line')}.")
        if outcome.mistakes:
            self.stderr.write("Nothing was changed. Correct these lines and run it again.")
            sys.exit(SOMETHING_IS_MISSING)
        self.stdout.write("Done." if apply else "Nothing was changed. Run it with --apply.")

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
