"""manage.py set_up_trust: the first rows of a new installation."""

import secrets
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from findings.services.directory import NewTrust, set_up_trust


class Command(BaseCommand):
    help = (
        "Makes a trust, its first site, its coordination team and its first administrator, and "
        "prints a password to be changed at the first sign-in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--ods-code", required=True, help="of the trust, for example RXX")
        parser.add_argument("--name", required=True, help="of the trust")
        parser.add_argument("--site-ods-code", required=True, help="for example RXX01")
        parser.add_argument("--site-name", required=True)
        parser.add_argument("--administrator", required=True, help="their sign-in name")
        parser.add_argument("--given-name", required=True)
        parser.add_argument("--family-name", required=True)

    def handle(self, *args: object, **options: str) -> None:
        password = secrets.token_urlsafe(15)
        names = NewTrust.__dataclass_fields__
        try:
            person = set_up_trust(NewTrust(**{name: options[name] for name in names}), password)
        except IntegrityError:
            raise CommandError(
                f"The sign-in name {options['administrator']} is taken. Choose another."
            ) from None
        self.stdout.write(f"{person.username} can sign in with {password} and should change it.")
