"""Brings the policy rows up to the CSV files and says what changed."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from findings.models import Rule
from findings.services.national import FILE as RECOMMENDATIONS
from findings.services.national import FileError, load_recommendations
from findings.services.policy import FOLDER, PolicyError, load_policy


class Command(BaseCommand):
    help = (
        "Load policy.csv, ladders.csv and categories.csv. A changed rule becomes a new version;"
        " running promises keep theirs. See findings/policy/README.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "folder", nargs="?", type=Path, default=FOLDER, help="where the files are, if not ours"
        )
        parser.add_argument(
            "--replace",
            action="append",
            default=[],
            metavar="POLICY_ID",
            help="take this rule from the files though a version of it was signed on the page",
        )

    def handle(self, *args: Any, folder: Path, replace: list[str], **options: Any) -> None:
        before = set(Rule.objects.values_list("pk", flat=True))
        try:
            with transaction.atomic():
                loaded = load_policy(folder, replace)
                # A folder of a trust's own may have none: then those that are shipped hold.
                own = folder / RECOMMENDATIONS.name
                load_recommendations(own if own.exists() else RECOMMENDATIONS)
        except (PolicyError, FileError, OSError) as problem:
            raise CommandError(f"Nothing was loaded. {problem}") from problem
        for rule in Rule.objects.exclude(pk__in=before):
            self.stdout.write(f"{'New' if rule.version == 1 else 'Changed'}: {rule}")
        self.stdout.write(f"Policy: {loaded.new} new versions, {loaded.unchanged} unchanged.")
        for policy_id in loaded.kept:
            self.stdout.write(
                f"Kept: {policy_id} was signed on the page, and what the files say of it was not"
                f" loaded. To take it from the files: load_policy --replace {policy_id}"
            )
        for policy_id in _unsigned():
            self.stdout.write(
                f"Not signed, so no clock starts under it: {policy_id}. Run: manage.py"
                f' sign_policy {policy_id} --name "NAME" --role "ROLE"'
            )


def _unsigned() -> list[str]:
    rules = Rule.objects.in_force().filter(basis=Rule.Basis.LOCAL, signatures=None)
    return [rule.policy_id for rule in rules if rule.is_to_be_signed]
