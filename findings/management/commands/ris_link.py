"""manage.py ris_link: the link that a RIS would make for one report, to try it out."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from findings.services.ris_links import link_to, running_keys
from findings.services.senders import find_sender


class Command(BaseCommand):
    help = (
        "Prints the link that a RIS would make for one of its reports now, with its newest key; it "
        "counts for minutes. docs/ris-link.md says how a RIS makes it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sender", metavar="SENDER", help='as in "RIS|RRV03"')
        parser.add_argument("accession", metavar="ACCESSION", help="of the report, in any format")

    def handle(self, *, sender: str, accession: str, **_options: Any) -> None:
        found = find_sender(sender)
        if found is None:
            raise CommandError(f"No sender is set up as {sender}.")
        keys = running_keys(found)
        if not keys:
            raise CommandError(f"{found} has no key. Make one on the page of its settings.")
        query = link_to(keys[-1], accession)
        self.stdout.write(f"{settings.BASE_URL}{reverse('from-ris')}?{query}")
