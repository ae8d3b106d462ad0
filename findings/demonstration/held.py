"""A few messages that wait for a person, each for another reason."""

from datetime import datetime

from findings.demonstration.people import Hospital


def make_held_items(hospital: Hospital, now: datetime) -> None:
    """To be written with the parser."""
