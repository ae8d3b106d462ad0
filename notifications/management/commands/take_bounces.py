"""Mail that came back: from a mail server's pipe, or from a mailbox."""

import mailbox
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from findings.management.base import EpilogCommand
from notifications.channels.bounces import read
from notifications.models import DeliveryReceipt
from notifications.receipts import NotYet, Told, take_receipt

# What a mail server understands as: try again later (sysexits.h, EX_TEMPFAIL).
LATER = 75
EPILOG = """
Bounces come to the address in FROM_EMAIL. Let the mail server pipe that address into this command,
or run it every few minutes on the Maildir into which they are delivered. Other mail is left alone.

  |/opt/imaging-safety/.venv/bin/python manage.py take_bounces      (an alias of Postfix)
  manage.py take_bounces --maildir /var/mail/imaging-safety

Exit status: 0, read; 75, the message in question is being sent just now, try again.
"""


class Command(EpilogCommand):
    help = "Read delivery status notifications (RFC 3464) from standard input or a Maildir."
    epilog = EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--maildir", type=Path, help="read every new message in this Maildir")

    def handle(self, *, maildir: Path | None, **options: Any) -> None:
        if maildir is None:
            self._take_one()
            return
        if not (maildir / "new").is_dir():
            raise CommandError(f"{maildir} is no Maildir: it has no folder new.")
        self._take_all(mailbox.Maildir(maildir, create=False))

    def _take_one(self) -> None:
        try:
            said = take(sys.stdin.buffer.read())
        except NotYet:
            raise CommandError("The message is being sent now.", returncode=LATER) from None
        self.stdout.write(said)

    def _take_all(self, box: mailbox.Maildir) -> None:
        counted: dict[str, int] = {}
        for key in list(box.iterkeys()):
            message = box.get_message(key)
            if message.get_subdir() != "new":
                continue
            try:
                said = take(box.get_bytes(key))
            except NotYet:
                said = "left for the next time"
            else:
                message.set_subdir("cur")
                message.add_flag("S")
                box[key] = message
            counted[said] = counted.get(said, 0) + 1
        for said, number in sorted(counted.items()):
            self.stdout.write(f"{number} {said}")


def take(raw: bytes) -> str:
    """What it was, in words. Raises `NotYet`."""
    bounce = read(raw)
    if bounce is None:
        return "not about a message of ours"
    failed = bounce.outcome == DeliveryReceipt.Outcome.FAILED
    told = Told(bounce.public_id, bounce.outcome, bounce.detail, address_is_bad=failed)
    return f"taken: {bounce.outcome}" if take_receipt(told) else "known already, or not ours"
