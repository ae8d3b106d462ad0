"""What several commands of ours do alike."""

from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError


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
