"""What a rule of policy says: its numbers and its ladder, as values.

A draft keeps them as JSON, and a signed version as rows; both are compared and replayed as this.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

LIMITS = ("communicate_within", "acknowledge_within", "act_within", "snooze_within")


@dataclass(frozen=True)
class RungContent:
    """One rung of a ladder; its level is its place among those of its clock."""

    clock: str
    level: int
    # ISO 8601 from the anchor; a minus sign in front means before it.
    offset: str
    anchor: str
    audience: str
    words: str


@dataclass(frozen=True)
class RuleContent:
    """One version, saved or about to be. Durations are ISO 8601; empty: no number."""

    calendar: str
    communicate_within: str
    acknowledge_within: str
    act_within: str
    snooze_within: str
    source: str
    notes: str
    rungs: tuple[RungContent, ...]

    def of_clock(self, kind: str) -> tuple[RungContent, ...]:
        return tuple(rung for rung in self.rungs if rung.clock == kind)

    @property
    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "RuleContent":
        rungs = tuple(RungContent(**rung) for rung in kept["rungs"])
        return cls(**{**kept, "rungs": rungs})


class RuleLike(Protocol):
    """A row of the table of rules."""

    calendar: str
    communicate_within: str
    acknowledge_within: str
    act_within: str
    snooze_within: str
    source: str
    notes: str


def content_of(rule: RuleLike, rungs: Iterable[Any]) -> RuleContent:
    """What a version in the database says."""
    said = [
        RungContent(**{field.name: getattr(rung, field.name) for field in fields(RungContent)})
        for rung in rungs
    ]
    own = {
        field.name: getattr(rule, field.name)
        for field in fields(RuleContent)
        if field.name != "rungs"
    }
    return RuleContent(**own, rungs=tuple(said))
