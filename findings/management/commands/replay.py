"""manage.py replay: stored messages again, which is safe. See EPILOG."""

from argparse import ArgumentParser
from collections import Counter
from datetime import datetime, time
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from findings.intake.importing import replay
from findings.management.base import EpilogCommand, sender_named
from findings.models import IncomingMessage, Person, Receipt
from findings.presenters.integration import changed_words, message_name
from findings.rules import NotAllowed
from findings.words import plural

EPILOG = """
Reads each message as its sender is set up today and files what is not filed: what is held and
waits, or has no receipt at all. What was applied, set aside or refused stays exactly as it is, so
that any message, and all of them, can be run again as often as one likes.

  manage.py replay --sender "RIS|RRV03" --since 2026-11-20 --dry-run
  manage.py replay --sender "RIS|RRV03" --since 2026-11-20 --by c.okafor
"""


class Command(EpilogCommand):
    help = "Run stored messages again: those that are named, or all of a sender or since a moment."
    epilog = EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--id", type=int, nargs="+", default=[], help="numbers of messages")
        parser.add_argument("--sender", metavar="CODE", help="only of this sender")
        parser.add_argument("--since", type=_moment, help="that came then or later: 2026-11-20")
        parser.add_argument("--every", action="store_true", help="those that are filed, too")
        parser.add_argument("--by", metavar="USERNAME", help="the coordinator who decides it")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would become of each, and change none"
        )

    def handle(self, **options: Any) -> None:
        dry = options["dry_run"]
        if not (options["id"] or options["sender"] or options["since"]):
            raise CommandError("Say which: --id, --sender or --since.")
        if not dry and not options["by"]:
            raise CommandError("Say with --by which coordinator decides it, or use --dry-run.")
        by = None if dry else _person(options["by"])
        chosen = _chosen(options)
        counts = Counter[bool]()
        for message in chosen.select_related("sender").order_by("pk").iterator(chunk_size=100):
            counts[self._run(message, by, dry)] += 1
        would = "would change" if dry else "changed"
        self.stdout.write(
            f"{plural(counts.total(), 'message')} run again: {counts[True]} {would},"
            f" {counts[False]} as before."
        )

    def _run(self, message: IncomingMessage, by: Person | None, dry: bool) -> bool:
        try:
            with transaction.atomic():
                changed = replay(message, by)
                transaction.set_rollback(dry)
        except NotAllowed as error:
            raise CommandError(str(error)) from error
        if changed:
            which = f"{message.pk} ({message_name(message)}, {message.origin})"
            self.stdout.write(f"{which}: {changed_words(changed)}")
        return bool(changed)


def _chosen(options: dict[str, Any]) -> "QuerySet[IncomingMessage]":
    rows = IncomingMessage.objects.all()
    if options["id"]:
        rows = rows.filter(pk__in=options["id"])
    if sender := sender_named(options["sender"]):
        rows = rows.filter(sender=sender)
    if options["since"]:
        rows = rows.filter(received_at__gte=options["since"])
    if options["every"] or options["id"]:
        return rows
    receipts = Receipt.objects.filter(message=OuterRef("pk"))
    return rows.filter(Q(Exists(receipts.waiting())) | ~Q(Exists(receipts)))


def _moment(given: str) -> datetime:
    day = parse_date(given) if len(given) == len("2026-11-20") else None
    if day:
        return timezone.make_aware(datetime.combine(day, time.min))
    moment = parse_datetime(given)
    if moment is None:
        raise ValueError(given)
    return moment if moment.tzinfo else timezone.make_aware(moment)


def _person(username: str) -> Person:
    try:
        return Person.objects.get(username=username)
    except Person.DoesNotExist:
        raise CommandError(f"Nobody here has the user name {username}.") from None
