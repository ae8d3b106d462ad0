"""manage.py set_up_sender: a system that sends reports, and how its messages are read."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from findings.models import Sender, Site
from findings.services.sender_settings import change_sender
from findings.services.senders import find_sender, make_sender


class Command(BaseCommand):
    help = (
        "Sets up a sender, or changes how its messages are read. Only what is given changes. "
        "Messages that are held already can then be run again on the page Held items."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", help='MSH-3|MSH-4 in quotes, as in "RIS|RRV03"')
        parser.add_argument("--site", metavar="ODS", help="where its images are made")
        parser.add_argument("--name", help="as pages show it")
        parser.add_argument("--zone", help="of time stamps without one, as in Europe/London")
        parser.add_argument("--charset", help="where MSH-18 names none, as in windows-1252")
        parser.add_argument(
            "--number-authority",
            metavar="CODE",
            help="whose hospital numbers these are where PID-3 does not say, as in RRV",
        )
        parser.add_argument(
            "--status-word",
            action="append",
            default=[],
            metavar="WORD=STATUS",
            help='its own word for a status, as in "wet read=preliminary"; repeat for more',
        )
        parser.add_argument(
            "--trigger-word",
            action="append",
            default=[],
            metavar="WORDS=CATEGORY",
            help='its own alert code, as in "*** ALERT ***=critical"; repeat for more',
        )
        parser.add_argument(
            "--flags-at-once",
            choices=("yes", "no"),
            help="whether its alert codes are flagged without a radiologist who confirms them",
        )

    def handle(self, *, code: str, **options: Any) -> None:
        if code.count("|") != 1:
            raise CommandError('A sender is named by MSH-3|MSH-4, as in "RIS|RRV03".')
        sender = find_sender(code) or self._new(code, options["site"])
        if options["site"]:
            sender.site = _site(options["site"])
            sender.organisation = sender.site.organisation
            sender.save(update_fields=["site", "organisation"])
        given = {
            "name": options["name"],
            "zone": options["zone"],
            "fallback_charset": options["charset"],
            "number_authority": options["number_authority"],
            "status_words": sender.status_words | dict(map(_word, options["status_word"])),
            "trigger_words": sender.trigger_words | dict(map(_trigger, options["trigger_word"])),
        }
        given = {name: value for name, value in given.items() if value}
        if options["flags_at_once"]:
            given["flags_at_once"] = options["flags_at_once"] == "yes"
        try:
            change_sender(sender=sender, by=None, **given)
        except ValueError as wrong:
            raise CommandError(str(wrong)) from wrong
        sender.refresh_from_db()
        self.stdout.write(f"{sender.code}: {sender.name}, {sender.site}, {sender.zone}.")

    def _new(self, code: str, site: str | None) -> Sender:
        if not site:
            raise CommandError("A new sender needs --site.")
        return make_sender(code=code, site=_site(site))


def _site(ods_code: str) -> Site:
    site = Site.objects.filter(ods_code__iexact=ods_code).first()
    if site is None:
        known = ", ".join(Site.objects.order_by("ods_code").values_list("ods_code", flat=True))
        raise CommandError(f"No site has the ODS code {ods_code}. Set up are: {known or 'none'}.")
    return site


def _word(given: str) -> tuple[str, str]:
    word, _, status = given.partition("=")
    return word, status.strip()


def _trigger(given: str) -> tuple[str, str]:
    code, _, category = given.rpartition("=")
    return code, category.strip()
