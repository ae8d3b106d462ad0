"""Start the clock of every examination that waits for its report and has none."""

from typing import Any

from django.core.management.base import BaseCommand

from findings.services.report_by import expect_forgotten
from findings.services.timeline import database_now
from findings.words import plural


class Command(BaseCommand):
    help = (
        "Start the clock of each examination without a verified report that has none: once after"
        " an upgrade from a release that had no such clock, or after a policy without a limit for"
        " reports was loaded. Doing it again changes nothing. What is late is told of at once."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        now = database_now()
        late = [clock.due_at <= now for clock in expect_forgotten()]
        self.stdout.write(
            f"{plural(len(late), 'examination')} began to wait for a report; {sum(late)} late."
        )
