"""`manage.py check_coverage`: exits 1 and says so when something would reach nobody."""

import sys
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from findings.services.coverage import Coverage, check_coverage
from findings.words import counted


class Command(BaseCommand):
    help = "Asks whether every open finding and every duty of the coming week reaches a human."

    def handle(self, *args: Any, **options: Any) -> None:
        found = check_coverage()
        if found.unroutable:
            kinds = Counter(one.subject._meta.model_name for one in found.unroutable)
            said = counted(
                {
                    "open finding": kinds["finding"],
                    "unreported examination": kinds["examination"],
                    "improvement": kinds["improvement"],
                }
            )
            self.stdout.write(f"Nobody can be told of {said}: see the page Coverage.")
        for one in found.at_risk:
            self._say(one)
        for gap in found.duties:
            duty = f"{gap.audience} of {gap.team}" if gap.team else gap.audience
            self.stdout.write(f"{duty}: nobody from {gap.span}. {' '.join(gap.reasons)}")
        for who in found.only_here:
            self.stdout.write(f"{who.person} is told in this application only: {who.because}")
        if not found.is_covered:
            sys.exit(1)
        self.stdout.write("Every open finding and every duty would reach somebody.")

    def _say(self, one: Coverage) -> None:
        for step in one.unreached:
            self.stdout.write(
                f"{one.subject.reference}: a later step would reach nobody."
                f" {' '.join(step.reasons)}"
            )
