"""`manage.py rebuild_measures`: count again what measures said of every day that is over."""

from typing import Any

from django.core.management.base import BaseCommand

from findings.measures import MEASURES
from findings.models import MeasuredDay
from findings.services.measured_days import rebuild


class Command(BaseCommand):
    help = (
        "Forgets what is kept of the measures' days and counts it again from the rows, which the"
        " worker also does by itself, a part each round. Numbers are right all the while."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        rebuild()
        days = MeasuredDay.objects.filter(dimension="").count()
        self.stdout.write(f"{days} days of {len(MEASURES)} measures are kept.")
