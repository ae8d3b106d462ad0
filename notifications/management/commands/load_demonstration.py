"""Loads the invented hospital into an empty database, in demonstration mode only."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from notifications.demonstration import RealRowsPresent, is_loaded, load


class Command(BaseCommand):
    help = (
        "Load the demonstration hospital: 60 people, about 3,000 reports and 250 findings of the"
        " last 120 days. Run a second time it changes nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMONSTRATION:
            raise CommandError(
                "Invented patients never stand beside real ones: set DEMONSTRATION=on in an"
                " installation of its own to load them."
            )
        if is_loaded():
            self.stdout.write("The demonstration hospital is loaded already.")
            return
        try:
            loaded = load()
        except RealRowsPresent as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(
            f"Demonstration hospital: {loaded.people} people, {loaded.reports} reports,"
            f" {loaded.findings} findings, {loaded.notifications} messages."
        )
