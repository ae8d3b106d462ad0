"""Who works here, in which teams, and what they hold; one person's page; and one's own."""

from typing import Any

from django.db.models import Case, Count, Q, When
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings import rules
from findings.forms.leave import PeopleFilter
from findings.forms.lists import Narrowing
from findings.models import DirectoryChange, Leave, Person
from findings.models.directory_change import DirectoryChangeQuerySet
from findings.presenters.columns import DIRECTORY_CHANGES, PEOPLE
from findings.presenters.trail import of_directory
from findings.services.leavers import findings_held_by
from findings.states import OPEN
from findings.views.access import signed_in
from findings.views.listing import OF_STAFF, Listing, Shown, answer

# Leavers come last, but for those who still hold open findings.
PEOPLE_LIST = Listing(
    "People",
    "people.jinja",
    PEOPLE,
    ("place", "-holds", "family_name", "given_name", "pk"),
    care=OF_STAFF,
)
CHANGES_SHOWN = 50
CHANGES_LIST = Listing(
    "Changes of people and teams",
    "directory_changes.jinja",
    DIRECTORY_CHANGES,
    ("-at", "-pk"),
    care=OF_STAFF,
)
_LEFT_SOMETHING = When(is_active=False, holds__gt=0, then=1)


def visible_person(request: HttpRequest, pk: int) -> Person:
    """Somebody in the directory, or 404 when they are not there for whoever asks."""
    people = Person.objects.visible_to(signed_in(request)).select_related("organisation", "site")
    return get_object_or_404(people, pk=pk)


@require_safe
def people(request: HttpRequest) -> HttpResponseBase:
    """The directory as a list."""
    person = signed_in(request)
    rules.check_can_see_people(person)
    form = PeopleFilter(request.GET)
    held = Count("owned_findings", filter=Q(owned_findings__state__in=OPEN))
    everybody = Person.objects.visible_to(person)
    found = form.apply(everybody) if form.is_valid() else everybody.none()
    rows = (
        found.select_related("organisation", "site")
        .prefetch_related("memberships__team")
        .annotate(holds=held)
        .annotate(place=Case(_LEFT_SOMETHING, When(is_active=True, then=2), default=3))
    )

    def context(page: Shown) -> dict[str, Any]:
        return {"form": form, "can_import": rules.can_import_people(person)}

    return answer(request, PEOPLE_LIST, rows, form.narrowing, context)


@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """One's own page: leave, and how one is told."""
    return _page(request, visible_person(request, signed_in(request).pk))


@require_safe
def person(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, visible_person(request, pk))


def _page(request: HttpRequest, shown: Person) -> HttpResponse:
    by = signed_in(request)
    today = timezone.localdate()
    stands_in = Leave.objects.not_over(today).filter(deputy=shown).select_related("person")
    context = {
        "shown": shown,
        "is_own": by.pk == shown.pk,
        "places": shown.memberships.select_related("team"),
        "leave": shown.leave.not_over(today).select_related("deputy", "entered_by"),
        "stands_in": stands_in,
        "holds": findings_held_by(shown).count(),
        "routes": shown.routes.kept().order_by("position"),  # type: ignore[attr-defined]
        "can_keep_routes": shown.is_active and rules.can_keep_routes(by, shown),
        "can_set_leave": shown.is_active and rules.can_set_leave(by, shown),
        "can_let_leave": rules.can_let_leave(by, shown),
        # Whoever is no keeper of the directory reads none, of themselves either.
        "changes": of_directory(_changes(by).filter(person=shown)[:CHANGES_SHOWN])
        if rules.can_see_people(by)
        else None,
    }
    return render(request, "person.jinja", context)


def _changes(person: Person) -> DirectoryChangeQuerySet:
    return DirectoryChange.objects.visible_to(person).select_related("by", "person", "team")


@require_safe
def changes(request: HttpRequest) -> HttpResponseBase:
    """Who changed what about anybody of the trust, a team or a place in it."""
    person = signed_in(request)
    rules.check_can_see_people(person)

    def context(page: Shown) -> dict[str, Any]:
        return {"lines": of_directory(page, named=True)}

    return answer(request, CHANGES_LIST, _changes(person), Narrowing(), context)
