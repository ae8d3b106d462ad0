"""What happens for somebody who is new here, or has a new address.

Findings says when; notifications, which knows how people are reached, does it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from findings.models import Person

_greet: "Callable[[Person], None] | None" = None


def greet_with(function: "Callable[[Person], None]") -> None:
    """Called once, when notifications is ready."""
    global _greet
    _greet = function


def greet(person: "Person") -> None:
    """Make what they can be told by. Doing it twice changes nothing."""
    if _greet is not None:
        _greet(person)
