"""Computes every timeline's chain of hashes again, so that an edited line does not stay hidden."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from findings.models import Finding
from findings.services.chain import check_chain, whole_words


class Command(BaseCommand):
    help = (
        "Check that no line of a timeline was changed, removed or put in between. Exits 1 and names"
        " the finding and the line otherwise. Lines missing at the very end cannot be seen here:"
        " compare the last hash with one that was noted elsewhere."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", nargs="?", default="", help="one finding; else all")

    def handle(self, *args: Any, reference: str, **options: Any) -> None:
        finding = self._finding(reference) if reference else None
        chain = check_chain(finding)
        for one in chain.broken:
            self.stderr.write(f"{one.reference}, line {one.number}: {one.why}.")
        for name in chain.empty:
            self.stderr.write(f"{name}: its timeline has no lines.")
        if not chain.is_whole:
            wrong = len(chain.broken) + len(chain.empty)
            raise CommandError(f"{wrong} timelines are not as they were written.")
        self.stdout.write(whole_words(finding))

    def _finding(self, reference: str) -> Finding:
        finding = Finding.objects.filter(reference__iexact=reference.strip()).first()
        if finding is None:
            raise CommandError(f"There is no finding {reference}.")
        return finding
