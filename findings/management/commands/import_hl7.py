"""HL7 files, folders and batches in. See EPILOG for what it does about trouble."""

import sys
from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from tqdm import tqdm

from findings.intake.batch import FileWarning, RawMessage, walk
from findings.intake.importing import Importer, NotStored, Summary
from findings.management.base import EpilogCommand, sender_named
from findings.models import Organisation, Receipt, Sender, Site
from findings.models.report import OF_REPORTS
from findings.presenters.held import reason_words
from findings.services.messages import Received
from findings.services.senders import make_sender
from findings.words import plural

EPILOG = """
Every message is kept exactly as it came. Each examination in it becomes an examination with a
report version or with an order, and news of a patient changes what is known of them; or it becomes
a held item with a reason on which a coordinator can act, and so does whatever stands between the
messages of a file. What asks for nothing here is kept, and nobody has to look. Each message stands
alone: a run that is stopped, or the same files again, repeats nothing.

Who sent a message is looked up by MSH-3|MSH-4, as in "RIS|RRV03". Messages of a sender that is not
set up are held; --make-sender sets it up, at the site of --site or at the only one. A demonstration
does so unless --no-make-sender is given, at the first site of its trust.

  manage.py import_hl7 reports/ night-batch.hl7
  manage.py import_hl7 --make-sender --site RRV03 reports/

Exit status: 0, everything is filed or had been received before; 1, something waits for a person
(see Held items) or a batch's count does not agree; 2, the command line was wrong; 3, something
could not be read or stored.
"""
# Lines of the summary that are there though nothing came of it; others only where something did.
ALWAYS_SHOWN = (*OF_REPORTS, Receipt.Outcome.HELD)
SHOWN = 40  # held items that are printed one by one
A_PERSON_MUST_LOOK = 1
NOT_ALL_WAS_READ = 3


class Command(EpilogCommand):
    help = (
        "Import HL7 v2 messages: reports (ORU^R01), orders (ORM, OMI, OMG) and news of patients"
        " (ADT), from files, folders and batch files."
    )
    epilog = EPILOG

    loud = 1
    held = 0

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="a file or a folder")
        parser.add_argument(
            "--sender", metavar="CODE", help="read all as this sender's, whatever MSH-3 says"
        )
        parser.add_argument(
            "--make-sender",
            action=BooleanOptionalAction,
            default=settings.DEMONSTRATION,
            help="set up senders that are not known",
        )
        parser.add_argument(
            "--site", metavar="ODS", help="where the images of new senders are made"
        )

        parser.add_argument(
            "--archive",
            action="store_true",
            help="these are reports of the past, as before the first day: no alert code in them"
            " proposes a finding",
        )

    def handle(self, *, paths: list[str], **options: Any) -> None:
        found = walk(paths)
        importer = Importer(
            sender=sender_named(options["sender"]),
            archive=options["archive"],
            heard=self._heard,
            warned=self._warned,
        )
        if options["make_sender"]:
            site = _site(options["site"])
            importer.newcomer = lambda code: self._make_sender(code, site)
        self.loud = options["verbosity"]
        shows_bar = sys.stderr.isatty() and self.loud > 0
        with tqdm(total=found.total_bytes, unit="B", unit_scale=True, disable=not shows_bar) as bar:
            try:
                importer.take(found, lambda: bar.update(found.done_bytes - bar.n) and None)
            except NotStored as error:
                raise CommandError(
                    f"Stopped at {error}: the database did not answer. Run the same command again; "
                    "what was stored before is not repeated.",
                    returncode=NOT_ALL_WAS_READ,
                ) from error
            bar.update(found.total_bytes - bar.n)
        importer.summary.files = len(found.files)
        self.stdout.write("\n".join(summary_lines(importer.summary)))
        _finish(importer.summary)

    def _say(self, line: str) -> None:
        """Above the bar, where there is one."""
        with tqdm.external_write_mode(file=sys.stderr):
            self.stdout.write(line)

    def _make_sender(self, code: str, site: Site) -> Sender:
        name = "" if code.strip("|") else "Sender without a name"
        sender = make_sender(code=code, site=site, name=name)
        self._say(f"Set up sender {code} at {site}.")
        return sender

    def _heard(self, raw: RawMessage, received: Received) -> None:
        if received.known:
            if self.loud > 1:
                self._say(f"{raw.origin}: already received.")
            return
        for receipt in received.receipts:
            if receipt.outcome == Receipt.Outcome.HELD:
                self._say_held(f"{raw.origin}: held. {_where(receipt)}{receipt.detail}")
            elif self.loud > 1:
                self._say(f"{raw.origin}: {receipt.get_outcome_display().lower()}.")

    def _say_held(self, line: str) -> None:
        """The first ones, so that the summary stays in sight; -v 2 says all."""
        self.held += 1
        if self.loud > 1 or (self.loud == 1 and self.held <= SHOWN):
            self._say(line)
        elif self.loud == 1 and self.held == SHOWN + 1:
            self._say("More are held; the page Held items lists them all, and so does -v 2.")

    def _warned(self, warning: FileWarning) -> None:
        place = f"{warning.file}:{warning.line}" if warning.line else warning.file
        self._say(f"{place}: {warning.text}")


def _where(receipt: Receipt) -> str:
    return f"{receipt.location}: " if receipt.location else ""


def _site(ods_code: str | None) -> Site:
    """The site of new senders: the one named, else the only one, else a demonstration's first."""
    sites = Site.objects.filter(organisation__kind=Organisation.Kind.TRUST).order_by("pk")
    known = ", ".join(f"{site.ods_code} ({site.name})" for site in sites)
    if ods_code:
        site = sites.filter(ods_code__iexact=ods_code).first()
        if site is None:
            raise CommandError(f"No site of a trust has the ODS code {ods_code}. {_known(known)}")
        return site
    if sites and (settings.DEMONSTRATION or len(sites) == 1):
        return sites[0]
    raise CommandError(f"Say with --site where the images of new senders are made. {_known(known)}")


def _known(sites: str) -> str:
    if not sites:
        return "Run manage.py set_up_trust first: no trust is set up."
    return f"Set up are: {sites}."


def summary_lines(summary: Summary) -> list[str]:
    """A table of counts; each is the sum of those indented beneath it."""
    new = summary.messages - summary.known
    rows = [
        (0, "Files", summary.files),
        (0, "Messages", summary.messages),
        (1, "Already received, nothing changed", summary.known),
        (1, "New", new),
        (0, "Examinations and other parts of the new messages", summary.parts),
    ]
    rows += [
        (1, outcome.label, summary.outcomes[outcome])
        for outcome in Receipt.Outcome
        if outcome in ALWAYS_SHOWN or summary.outcomes[outcome]
    ]
    rows += [(2, reason_words(code), count) for code, count in summary.reasons.most_common()]
    also = [
        (0, "Still held from before", summary.still_waiting),
        (0, "Message numbers (MSH-10) used again for another message", summary.control_ids_reused),
        (0, "Counts of batches that do not agree", summary.warnings),
        (0, "Files or folders that gave nothing", summary.not_read),
    ]
    rows += [row for row in also if row[2]]
    return [f"{'  ' * depth}{words:<{60 - 2 * depth}}{count:>8,}" for depth, words, count in rows]


def _finish(summary: Summary) -> None:
    if summary.not_read:
        raise CommandError("Not everything could be read; see above.", returncode=NOT_ALL_WAS_READ)
    to_look_at = []
    if summary.waiting:
        to_look_at.append(f"{plural(summary.waiting, 'part')} held for a person: see Held items.")
    if summary.warnings:
        to_look_at.append("Counts of batches do not agree; see above.")
    if to_look_at:
        raise CommandError(" ".join(to_look_at), returncode=A_PERSON_MUST_LOOK)
