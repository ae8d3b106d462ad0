"""A few messages that wait for a person, each for another reason: read like any other."""

import tomllib
from datetime import datetime, timedelta
from pathlib import Path

from findings.intake.importing import take_in

FILE = Path(__file__).resolve().parent / "held.toml"


def make_held_items(now: datetime) -> None:
    """The parser and the services decide why each is held."""
    for row in tomllib.loads(FILE.read_text(encoding="utf-8"))["message"]:
        lines = [line.format(sent=_hl7(now), done=_hl7(now - ONE_DAY)) for line in row["lines"]]
        take_in("\r".join(lines).encode(), row["origin"])


ONE_DAY = timedelta(days=1)


def _hl7(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S}+0000"
