"""People from a CSV file: shows every change, and makes them with --apply."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from findings.management.base import EpilogCommand, bytes_of
from findings.models import Person, Role
from findings.services.staff_file import COLUMNS
from findings.services.staff_import import Outcome, dry_run, import_people

EPILOG = f"""
Columns, by name in the first line: {", ".join(COLUMNS)}.
The first of each: organisation and site are ODS codes; roles "referrer; coordinator"; teams
"Respiratory medicine=responsible; Ward 7"; leaves "now" or the last day, "31/12/2026". A column
that is not there changes nothing. Passwords are not imported.

Nothing is changed where a line is wrong. Without --apply nothing is changed at all.

Exit status: 0, done or shown; 1, a line is wrong.
"""


class Command(EpilogCommand):
    help = "Import people and their places in teams from a CSV file. Shows; --apply changes."
    epilog = EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--apply", action="store_true", help="make the changes")
        parser.add_argument(
            "--complete",
            action="store_true",
            help="the file lists everybody of its organisations: whoever is not in it leaves",
        )

        parser.add_argument(
            "--addresses-verified-by",
            metavar="USERNAME",
            help="this administrator says that the trust has verified the addresses in the file:"
            " messages go there without a code",
        )

    def handle(
        self,
        *,
        file: Path,
        apply: bool,
        complete: bool,
        addresses_verified_by: str | None,
        **options: Any,
    ) -> None:
        raw = bytes_of(file)
        take = import_people if apply else dry_run
        by = _administrator(addresses_verified_by) if addresses_verified_by else None
        outcome = take(raw, by=by, complete=complete, addresses_verified=by is not None)
        self._say(outcome)
        if outcome.mistakes:
            raise CommandError("Nothing was changed. Correct these lines and run it again.")
        self.stdout.write("Done." if apply else "Nothing was changed. Run it with --apply.")

    def _say(self, outcome: Outcome) -> None:
        for mistake in outcome.mistakes:
            self.stderr.write(str(mistake))
        for change in outcome.changes:
            where = f"line {change.line}" if change.line else "not in the file"
            self.stdout.write(f"{change.kind}: {change.who} ({where})")
            for detail in change.details:
                self.stdout.write(f"    {detail}")
        self.stdout.write(f"Unchanged: {outcome.unchanged}.")


def _administrator(username: str) -> Person:
    """Whose name stands beside each address that is taken as verified."""
    person = Person.objects.active().with_role(Role.ADMINISTRATOR).filter(username=username).first()
    if person is None:
        raise CommandError(f"{username} is no administrator who works here.")
    return person
