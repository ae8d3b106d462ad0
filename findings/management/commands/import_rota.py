"""Rotas from a CSV file: shows every change, and makes them with --apply."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from findings.management.base import bytes_of
from findings.models import Person
from findings.services.rota_import import COLUMNS, Outcome, dry_run, import_rota


class Command(BaseCommand):
    help = (
        f"Import rotas from a CSV file with the columns {', '.join(COLUMNS)}. Shows every change;"
        " --apply makes them. For each post in it, the file replaces the rota between its first"
        " start and its last end. Nothing is changed where a line is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--by", required=True, help="sign-in name of the coordinator who answers for it"
        )
        parser.add_argument("--apply", action="store_true", help="make the changes")

    def handle(self, *, file: Path, by: str, apply: bool, **options: Any) -> None:
        person = Person.objects.active().filter(username=by).first()
        if person is None:
            raise CommandError(f"Nobody who works here has the sign-in name {by}.")
        raw = bytes_of(file)
        if apply:
            outcome = import_rota(raw, by=person, source=file.name[:120])
        else:
            outcome = dry_run(raw, by=person)
        self._say(outcome)
        if outcome.mistakes:
            raise CommandError("Nothing was changed. Correct these lines and run it again.")
        self.stdout.write("Done." if apply else "Nothing was changed. Run it with --apply.")

    def _say(self, outcome: Outcome) -> None:
        for mistake in outcome.mistakes:
            self.stderr.write(str(mistake))
        for change in outcome.changes:
            where = f"line {change.line}" if change.line else "not in the file"
            said = " becomes ".join(words for words in (change.before, change.after) if words)
            self.stdout.write(f"{change.post}: {change.what.lower()} {said} ({where})")
            for note in change.notes:
                self.stdout.write(f"    {note}")
        self.stdout.write(f"Unchanged: {outcome.unchanged}.")
