"""What happens for somebody who is new here, or whose address is new or vouched for.

Findings says when; notifications, which knows how people are reached, does it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from findings.models import Person

_greet: "Callable[[Person], None] | None" = None
_vouch: "Callable[[Person, Person], bool] | None" = None
_moved: "Callable[[Person, str], str] | None" = None


def greet_with(function: "Callable[[Person], None]") -> None:
    """Called once, when notifications is ready."""
    global _greet
    _greet = function


def vouch_with(function: "Callable[[Person, Person], bool]") -> None:
    """Called once, when notifications is ready."""
    global _vouch
    _vouch = function


def moved_with(function: "Callable[[Person, str], str]") -> None:
    """Called once, when notifications is ready."""
    global _moved
    _moved = function


def moved(person: "Person", before: str) -> str:
    """The directory has another e-mail address for them than `before`. What that means for their
    messages, in words; empty where they were not told there."""
    return _moved(person, before) if _moved is not None else ""


def vouch(person: "Person", by: "Person") -> bool:
    """`by` says that the address of this person is theirs, so that messages go there without a
    code. False where that changes nothing."""
    return _vouch is not None and _vouch(person, by)


def greet(person: "Person") -> None:
    """Make what they can be told by. Doing it twice changes nothing."""
    if _greet is not None:
        _greet(person)
