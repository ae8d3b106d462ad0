"""`manage.py catch_up`: after downtime, what should have fired, and then firing it.

The engine does the same by itself as soon as it runs. This is for whoever starts it again and wants
to see first what will be said to whom.
"""

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand

from findings.models import Step
from findings.models.about import About
from findings.services.timeline import database_now
from findings.words import counted, length, plural, when
from notifications import rounds
from notifications.escalation import Fired, height
from notifications.models import Notification


class Command(BaseCommand):
    help = (
        "List every step that is due and has not fired, in the order in which people will be told,"
        " and fire it. Exits 1 where a finding could not be escalated."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="list only; fire nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        listed = self._list(database_now())
        if options["dry_run"]:
            self.stdout.write(f"{listed} to catch up with; nothing was fired.")
            return
        fired = _fire_everything()
        waiting = Notification.objects.on_their_way().count()
        self.stdout.write(
            f"Fired {plural(fired.steps, 'step')}. {plural(waiting, 'message')} waiting to be sent,"
            " which the engine does; one that comes late says by how much."
        )
        if left := Step.objects.due().count():
            self.stderr.write(
                f"{plural(left, 'step')} still due: the log says which finding or examination could"
                " not be escalated and why. Tell its owner, or who sees to its report, yourself."
            )
            sys.exit(1)

    def _list(self, now: datetime) -> str:
        """A line for each finding, examination and improvement; how many, in words."""
        found: Counter[str] = Counter()
        for steps in _by_subject():
            highest = max(steps, key=height)
            found[str(highest.subject._meta.model_name)] += 1
            earlier = f", and {plural(len(steps) - 1, 'earlier step')}" if steps[1:] else ""
            self.stdout.write(
                f"{highest.subject.reference}  {_what(highest)}:"
                f" {highest.words}{earlier}; due {when(steps[0].falls_at)},"
                f" {length(now - steps[0].falls_at)} late"
            )
        return counted({kind: found[kind] for kind in About._fields}) or "Nothing"


def _what(step: Step) -> str:
    if step.finding:
        return step.finding.category.name
    return "improvement" if step.improvement else "waits for its report"


def _by_subject() -> Iterator[list[Step]]:
    """The due steps of each of them, as they will be told: together."""
    due: dict[About, list[Step]] = {}
    steps = Step.objects.due().as_told()
    steps = steps.select_related("finding__category", "examination", "improvement")
    for step in steps:
        due.setdefault(step.about, []).append(step)
    yield from due.values()


def _fire_everything() -> Fired:
    """Round after round until one fires nothing."""
    total = Fired()
    while (fired := rounds.fire()).steps:
        total += fired
    return total
