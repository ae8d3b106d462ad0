"""Deciles of deprivation by postcode from a CSV file: shows what it changes, and keeps it with
--apply."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from findings import words
from findings.management.base import bytes_of
from findings.models import Nation
from findings.presenters.deprivation import said_of
from findings.services.deprivation_file import COLUMNS, Loaded, dry_run, load

MOST_SAID = 50


class Command(BaseCommand):
    help = (
        f"Load how deprived the place of each postcode is, from a CSV file with the columns"
        f" {', '.join(COLUMNS)}: 1 is the most deprived tenth, nation is one of"
        f" {', '.join(Nation.values)}, index the name and edition of the index. Shows what would"
        " change; --apply keeps it. A file of the same index adds to what is there; one of another"
        " index takes the place of all of that nation. Load it again after a change of SECRET_KEY,"
        " with the old one in SECRET_KEY_FALLBACKS."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--apply", action="store_true", help="keep it")

    def handle(self, *, file: Path, apply: bool, **options: Any) -> None:
        loaded = (load if apply else dry_run)(bytes_of(file), source=file.name)
        if loaded.mistakes:
            self._say_mistakes(loaded)
            raise CommandError("Nothing was changed. Correct these lines and run it again.")
        if not loaded.lines:
            raise CommandError("There are no lines in it. Nothing was changed.")
        for said in said_of(loaded):
            self.stdout.write(said)
        self.stdout.write("Done." if apply else "Nothing was changed. Run it with --apply.")

    def _say_mistakes(self, loaded: Loaded) -> None:
        for mistake in loaded.mistakes[:MOST_SAID]:
            self.stderr.write(str(mistake))
        more = len(loaded.mistakes) - MOST_SAID
        if more > 0:
            self.stderr.write(f"And {words.plural(more, 'more mistake')}.")
