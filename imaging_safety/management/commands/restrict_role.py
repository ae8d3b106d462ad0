"""Give the running application's database role what it needs and no more."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError, connection

from imaging_safety import grants


class Command(BaseCommand):
    help = (
        "Run as the owner of the tables, after every migrate: the role may read and add, and"
        " never change or delete a row of the append-only tables."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", help="the PostgreSQL role in the application's DATABASE_URL")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            grants.restrict(connection, options["role"])
        except ProgrammingError as error:
            raise CommandError(f"The grants could not be made: {error}") from error
        self.stdout.write(f"{options['role']} may read and add; history is closed to it.")
