"""Who works here, in which teams, and what they hold: for administrators and coordinators."""

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from findings.models import Person, Role
from findings.states import OPEN
from findings.views.access import signed_in

PEOPLE_ON_A_PAGE = 50


def people(request: HttpRequest) -> HttpResponse:
    """The directory as a list; leavers who still hold open findings come first."""
    person = signed_in(request)
    if not person.has_role(Role.ADMINISTRATOR, Role.COORDINATOR, Role.GOVERNANCE):
        raise PermissionDenied("This page is for administrators, coordinators and governance.")
    held = Count("owned_findings", filter=Q(owned_findings__state__in=OPEN))
    everybody = (
        Person.objects.select_related("organisation", "site")
        .prefetch_related("memberships__team")
        .annotate(holds=held)
        .order_by("is_active", "-holds", "family_name", "given_name", "pk")
    )
    page = Paginator(everybody, PEOPLE_ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "people.jinja", {"page": page})
