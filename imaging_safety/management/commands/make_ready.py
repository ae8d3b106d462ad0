"""Everything between an empty database and a first page, in one process: it may run every time."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = (
        "Migrate, restrict the application's role, load the policy and, in demonstration mode,"
        " the demonstration hospital. Run it as the owner of the tables."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--role", default="", help="the running application's database role")
        parser.add_argument("--sign-ins", type=Path, help="a file for the demonstration's people")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
        if options["role"]:
            call_command("restrict_role", options["role"], stdout=self.stdout)
        call_command("load_policy", stdout=self.stdout)
        if settings.DEMONSTRATION:
            call_command("load_demonstration", stdout=self.stdout)
        if options["sign_ins"]:
            self._write_sign_ins(options["sign_ins"])

    def _write_sign_ins(self, to: Path) -> None:
        to.unlink(missing_ok=True)
        if settings.DEMONSTRATION:
            with to.open("w") as written:
                call_command("demonstration_sign_ins", stdout=written)
