"""What several commands of ours do alike."""

from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from findings.models import Sender
from findings.services.senders import find_sender


class EpilogCommand(BaseCommand):
    """A command whose --help ends with more than Django's own lines, as it is written."""

    epilog = ""

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        parser = super().create_parser(*args, **kwargs)
        parser.epilog = self.epilog
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser


def bytes_of(file: Path) -> bytes:
    """The whole file, or one sentence why it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error


def sender_named(code: str | None) -> Sender | None:
    """The sender with this code, or one sentence that lists those that are set up."""
    if not code:
        return None
    sender = find_sender(code)
    if sender is None:
        known = ", ".join(Sender.objects.order_by("code").values_list("code", flat=True))
        raise CommandError(f'No sender "{code}" is set up. Set up are: {known or "none"}.')
    return sender
