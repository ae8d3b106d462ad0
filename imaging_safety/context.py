"""What every page needs around its content.

One key, `layout`, and the nonce: Django's Jinja2 backend lets these override what a view gave,
so a key here must never be a word that a view would choose.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.functional import SimpleLazyObject

from findings.models import LearningPoint, Person, Role
from notifications import watchdog
from notifications.models import Notification

SENTENCES_SHOWN = 3


@dataclass(frozen=True)
class Entry:
    """One place in the navigation, by the name of its URL."""

    name: str
    words: str
    # Empty: for everybody who has signed in.
    roles: tuple[Role, ...] = ()
    # For imaging managers, too, whatever their roles: the members of reporting teams.
    also_for_reporting: bool = False
    in_demonstration_only: bool = False

    def is_for(self, person: Person) -> bool:
        if self.in_demonstration_only and not settings.DEMONSTRATION:
            return False
        if not self.roles or person.has_role(*self.roles):
            return True
        return self.also_for_reporting and person.is_imaging_manager


NAVIGATION = (
    Entry("desk", "Desk", (Role.COORDINATOR,)),
    Entry("reports", "Reports", (Role.RADIOLOGIST,)),
    Entry("to-confirm", "To confirm", (Role.RADIOLOGIST, Role.COORDINATOR)),
    Entry("my-flags", "My flags", (Role.RADIOLOGIST,)),
    Entry("my-findings", "My findings", (Role.REFERRER,)),
    Entry("inbox", "Inbox"),
    Entry("open-findings", "Open findings", (Role.COORDINATOR, Role.GOVERNANCE)),
    Entry(
        "waiting",
        "Waiting for a report",
        (Role.COORDINATOR, Role.GOVERNANCE),
        also_for_reporting=True,
    ),
    Entry("held-items", "Held items", (Role.COORDINATOR,)),
    Entry("governance", "Governance", (Role.GOVERNANCE, Role.COORDINATOR)),
    Entry("coverage", "Coverage", (Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR)),
    Entry("people", "People", (Role.ADMINISTRATOR, Role.COORDINATOR)),
    Entry("rotas", "Rotas", (Role.COORDINATOR, Role.ADMINISTRATOR)),
    Entry("routing", "Routing", (Role.ADMINISTRATOR,)),
    Entry("senders", "Senders", (Role.ADMINISTRATOR,)),
    Entry("integration", "Integration", (Role.ADMINISTRATOR, Role.COORDINATOR)),
    Entry("bank-holidays", "Bank holidays", (Role.ADMINISTRATOR,)),
    Entry("wordings", "Wordings", (Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR)),
    Entry("learning", "Learning"),
    Entry("policy", "Policy"),
    Entry("messages", "Messages", in_demonstration_only=True),
    Entry("help", "Help"),
)

# The pages of the room of governance, which its navigation leads to. A template that stands there
# says `{% set room = "governance" %}`.
GOVERNANCE_PLACES = (
    Entry("governance", "Open and late", (Role.GOVERNANCE, Role.COORDINATOR)),
    Entry("measures", "Measures", (Role.GOVERNANCE, Role.COORDINATOR)),
    Entry("papers", "Papers", (Role.GOVERNANCE, Role.COORDINATOR)),
    Entry(
        "late-reporting",
        "Late reporting",
        (Role.GOVERNANCE, Role.COORDINATOR),
        also_for_reporting=True,
    ),
    Entry("reviews", "Reviews", (Role.GOVERNANCE, Role.COORDINATOR)),
    Entry(
        "recommendations",
        "National recommendations",
        (Role.GOVERNANCE, Role.COORDINATOR, Role.ADMINISTRATOR),
    ),
    Entry("policy-lab", "Policy lab", (Role.GOVERNANCE, Role.COORDINATOR, Role.ADMINISTRATOR)),
    Entry("improvements", "Improvements", (Role.GOVERNANCE, Role.COORDINATOR)),
    Entry("meetings", "Meetings", (Role.GOVERNANCE, Role.COORDINATOR)),
)


def every_page(request: HttpRequest) -> dict[str, Any]:
    """Django's context processor. Nothing is asked of the database until a page shows it."""
    nonce = getattr(request, "csp_nonce", None)
    return {
        "layout": {
            "person": SimpleLazyObject(lambda: signed_in(request)),
            "navigation": SimpleLazyObject(lambda: navigation(request)),
            "watchdog": SimpleLazyObject(lambda: watchdog_sentences(request)),
            "places": SimpleLazyObject(lambda: places(request)),
            "to_read": SimpleLazyObject(lambda: to_read(request)),
            "governance": SimpleLazyObject(lambda: governance_places(request)),
            "demonstration": settings.DEMONSTRATION,
            "release": settings.RELEASE,
        },
        # str() settles it: the header holds only a nonce that was asked for.
        "cspNonce": "" if nonce is None else str(nonce),
    }


def signed_in(request: HttpRequest) -> Person | None:
    """The person who has signed in, if anybody has."""
    user = getattr(request, "user", None)
    return user if isinstance(user, Person) else None


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The places that this person's roles lead to, as the header's macro wants them."""
    person = signed_in(request)
    if person is None:
        return []
    return [_item(request, entry, person) for entry in NAVIGATION if _is_shown(entry, person)]


def governance_places(request: HttpRequest) -> list[dict[str, Any]]:
    """The pages of governance that are this person's; `current` is the ARIA word for where they
    are: the page itself, or one below it."""
    person = signed_in(request)
    shown = [one for one in GOVERNANCE_PLACES if person is not None and _is_shown(one, person)]
    found = [{"href": str(address(one.name)), "text": one.words, "current": ""} for one in shown]
    # The longest address is meant: /policy/ stands before /policy/lab/ too.
    here = [one for one in found if request.path.startswith(one["href"])]
    if here:
        nearest = max(here, key=lambda one: len(one["href"]))
        nearest["current"] = "page" if request.path == nearest["href"] else "true"
    return found


def to_read(request: HttpRequest) -> int:
    """How many learning points are shared with them that they have not said they read."""
    person = signed_in(request)
    return LearningPoint.objects.unread_by(person).count() if person else 0


def places(request: HttpRequest) -> dict[str, dict[str, str | None]]:
    """The same by name, for whoever is sent to one: a warning leads nobody to a page that is not
    theirs."""
    person = signed_in(request)
    return {
        entry.name: {"href": address(entry.name), "text": entry.words}
        for entry in NAVIGATION
        if person is not None and _is_shown(entry, person)
    }


def _is_shown(entry: Entry, person: Person) -> bool:
    return entry.is_for(person) and address(entry.name) is not None


def _item(request: HttpRequest, entry: Entry, person: Person) -> dict[str, Any]:
    match = getattr(request, "resolver_match", None)
    words = inbox_words(person) if entry.name == "inbox" else entry.words
    current = match is not None and match.url_name == entry.name
    return {"href": address(entry.name), "text": words, "current": current}


def inbox_words(person: Person) -> str:
    """Inbox (3 unread)."""
    unread = Notification.objects.visible_to(person).unread().count()
    return f"Inbox ({unread} unread)" if unread else "Inbox"


def address(name: str) -> str | None:
    """Where a named page is, or None in an installation that has no such page."""
    return _address(name, get_script_prefix())


@cache
def _address(name: str, prefix: str) -> str | None:
    """Each page asks forty times."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def watchdog_sentences(request: HttpRequest) -> list[watchdog.Sentence]:
    """What the engine should have done and did not: everybody who has signed in sees it."""
    if signed_in(request) is None:
        return []
    return watchdog.sentences()[:SENTENCES_SHOWN]
