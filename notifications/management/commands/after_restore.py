"""`manage.py after_restore`: once, when the database came back from a copy."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from findings.management.base import EpilogCommand
from findings.words import plural, when
from notifications.restored import say_restored

EPILOG = """
Then start the application, and:
  let every sender send again what it sent since then: the same twice changes nothing;
  hold the list of the RIS against what is here: manage.py reconcile;
  have flags, answers and calls of that time entered again: every page asks for it for a week.
"""


class Command(EpilogCommand):
    help = (
        "Say that the database was restored from a copy: in the timeline of every open finding, on"
        " the page of every examination without a report, on every page, and in the messages of"
        " what was due before, which may have gone already."
    )
    epilog = EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--copy-of",
            metavar="WHEN",
            help='of when the copy is, by local clocks: "2026-11-25 14:02" (else: when the engine'
            " last ran in it)",
        )

    def handle(self, *, copy_of: str | None, **options: Any) -> None:
        try:
            done = say_restored(_moment(copy_of) if copy_of else None)
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"The copy is of {when(done.copy_of)}; nothing is here from then until now,"
            f" {when(done.at)}.\n"
            f"{plural(done.findings, 'open finding')} now say so in their timelines,"
            f" {plural(done.waits, 'examination')} without a report on their pages.\n"
            f"{plural(done.steps, 'step')} will fire and {plural(done.messages, 'message')} will be"
            f" sent that may have gone already; each says so.\n{EPILOG}"
        )


def _moment(words: str) -> datetime:
    given = datetime.fromisoformat(words)
    return given if timezone.is_aware(given) else timezone.make_aware(given)
