"""`manage.py open_reviews --since 2026-04-01`: reviews of what was broken before reviews began."""

from argparse import ArgumentParser
from datetime import date, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from findings.models import Organisation
from findings.services.open_reviews import not_reviewed, open_for
from findings.services.timeline import database_now


class Command(BaseCommand):
    help = (
        "Opens a review for each promise of a trust that was not kept since a day, which by itself"
        " happens only for what falls due after the first round. Doing it twice changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", required=True, type=date.fromisoformat, help="a day")
        parser.add_argument("--organisation", required=True, metavar="ODS", help="ODS code")
        parser.add_argument("--dry-run", action="store_true", help="only say how many")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(ods_code=options["organisation"]).first()
        if organisation is None:
            raise CommandError(f"No organisation has the ODS code {options['organisation']}.")
        since = timezone.make_aware(datetime.combine(options["since"], time.min))
        until = database_now()
        if options["dry_run"]:
            rows = not_reviewed(organisation.pk, since=since, until=until)
            cases = {(one.finding_id, one.examination_id) for one in rows}
            self.stdout.write(f"{len(rows)} broken promises in {len(cases)} cases; none opened.")
            return
        opened = open_for(organisation.pk, since=since, until=until)
        self.stdout.write(f"{opened.reviews} reviews opened, of {opened.breaches} promises.")
