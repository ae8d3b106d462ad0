"""First what a change would do to open findings, then the change: how every page asks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from findings.models import Role
from findings.presenters.foretold import shown
from findings.services.foretell import Concern, Foretold, foretell
from findings.views.access import signed_in


@dataclass(frozen=True)
class Looked:
    """Either it is done, or the page shows what it would do."""

    is_done: bool
    result: Any = None
    context: dict[str, Any] = field(default_factory=dict)
    status: int = 200


NOT_ASKED = Looked(is_done=False)


def look_first(
    request: HttpRequest,
    concern: Concern,
    change: Callable[[], Any],
    as_if: Callable[[], Any] | None = None,
) -> Looked:
    """Make the change where it was sent, and nobody else would hear of anything or that was seen.
    `change` is made twice: once to look, and taken back; or `as_if`, where less of it is enough to
    look. What it refuses (ValueError) is the caller's."""
    found = foretell(concern, as_if or change)
    seen = request.POST.get("foreseen", "")
    if request.method == "POST" and (not found.differences or seen == found.fingerprint):
        return Looked(True, change())
    return Looked(False, None, _context(request, found, again=bool(seen)), 409 if seen else 200)


def look_ahead(request: HttpRequest, concern: Concern, change: Callable[[], Any]) -> dict[str, Any]:
    """The same for a page that shows it as it is opened; nothing is done."""
    return _context(request, foretell(concern, change))


def _context(request: HttpRequest, found: Foretold, *, again: bool = False) -> dict[str, Any]:
    return {
        "foretold": shown(found, timezone.now()),
        "foretold_again": again,
        # Administrators have no business with patients: they cannot open a finding.
        "can_open": signed_in(request).has_role(Role.COORDINATOR),
    }
