"""First what a change would do to open findings, then the change: how every page asks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from findings.models import Role
from findings.presenters.foretold import shown
from findings.reach import StepPreview
from findings.services.concerns import Concern
from findings.services.foretell import Before, Foretold, Without, foretell
from findings.views.access import signed_in


@dataclass(frozen=True)
class Looked:
    """Either it is done, or the page shows what it would do."""

    is_done: bool
    result: Any = None
    context: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    # The answers to what else was asked.
    also: list[list[StepPreview]] = field(default_factory=list)


NOT_ASKED = Looked(is_done=False)


def look_first(
    request: HttpRequest,
    concern: Concern,
    change: Callable[[], Any],
    without: Without | None = None,
) -> Looked:
    """Make the change where it was sent, and nobody else would hear of anything or that was seen.
    `change` is made twice: once to look, and taken back; where it only takes a row away, it is
    looked at `without` that. What it refuses (ValueError) is the caller's."""
    found = foretell(concern, change, without)
    seen = request.POST.get("foreseen", "")
    if request.method == "POST" and (not found.differences or seen == found.fingerprint):
        return Looked(True, change())
    context = _context(request, found, again=bool(seen))
    return Looked(False, None, context, 409 if seen else 200, found.also)


def look_ahead(request: HttpRequest, concern: Concern, without: Without) -> Looked:
    """The same for a page that shows it as it is opened; nothing is done."""
    found = Before(concern).without(without)
    return Looked(False, None, _context(request, found), also=found.also)


def _context(request: HttpRequest, found: Foretold, *, again: bool = False) -> dict[str, Any]:
    return {
        "foretold": shown(found, timezone.now()),
        "foretold_again": again,
        # Administrators have no business with patients: they cannot open a finding.
        "can_open": signed_in(request).has_role(Role.COORDINATOR),
    }
