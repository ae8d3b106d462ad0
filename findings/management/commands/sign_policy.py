"""Records who approved a local rule for this trust; without it the rule starts no clock."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from django.utils import timezone

from findings.models import Rule
from findings.services.policy import PolicyError, rule_in_force, sign_rule


class Command(BaseCommand):
    help = "Record that a named person approved the newest version of a local rule."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("policy_id", help="for example DEF-URG")
        parser.add_argument("--name", required=True, help="who approved it")
        parser.add_argument("--role", required=True, help="as what, for example Medical director")
        parser.add_argument(
            "--on", type=date.fromisoformat, default=None, help="when, as 2026-11-25; else today"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        rule = self._rule(options["policy_id"])
        name, role = options["name"].strip(), options["role"].strip()
        if not name or not role:
            raise CommandError("A signature needs a name and a role: --name NAME --role ROLE.")
        on = options["on"] or timezone.localdate()
        if on > timezone.localdate():
            raise CommandError(f"{on} has not come yet: give the day on which it was approved.")
        try:
            with transaction.atomic():
                signature = sign_rule(policy_id=rule.policy_id, name=name, role=role, on=on)
        except IntegrityError as error:
            raise CommandError(f"{name} has signed {rule} already.") from error
        self.stdout.write(f"{rule} is signed by {signature} on {signature.signed_on:%d %B %Y}.")

    def _rule(self, policy_id: str) -> Rule:
        try:
            rule = rule_in_force(policy_id)
        except PolicyError as problem:
            raise CommandError(str(problem)) from problem
        if rule.basis != Rule.Basis.LOCAL:
            raise CommandError(
                f"{rule} is not a local rule, so there is nothing for this trust to sign."
            )
        return rule
