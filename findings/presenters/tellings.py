"""Who was told of a finding, as what and when, out of its timeline: for other systems."""

from dataclasses import dataclass
from datetime import datetime

from findings.models import Event
from findings.presenters.moments import moment

TELLINGS = (Event.Kind.STEP_FIRED, Event.Kind.PHONED)
TELEPHONE = "telephone"


@dataclass(frozen=True)
class Telling:
    """Everybody who was told in one go."""

    at: datetime
    # An audience of a ladder (models/policy.py), or that it was a call.
    role: str
    why: str
    people: list[str]


def telling(event: Event) -> Telling | None:
    """None where the step reached nobody."""
    data = event.data
    if event.kind == Event.Kind.PHONED:
        at = moment(data.get("called_at")) or event.at
        return Telling(at, TELEPHONE, f"called by {event.by}", [str(data.get("to", ""))])
    if not data.get("told"):
        return None
    return Telling(event.at, data.get("audience", ""), data.get("words", ""), data["told"])
