"""`manage.py check_clock`: exits 1 and says so when something that was due has not happened."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from notifications import watchdog


class Command(BaseCommand):
    help = "Lists what the engine should have done and did not; exits 1 when there is anything."

    def handle(self, *args: Any, **options: Any) -> None:
        late = watchdog.look()
        for sentence in late:
            self.stdout.write(str(sentence))
        if late:
            sys.exit(1)
        self.stdout.write("Nothing is late.")
