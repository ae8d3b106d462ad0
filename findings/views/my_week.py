"""My week: what this person has promised, and when it falls due."""

from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings.models import Clock, Finding, Pause, Person, Recommendation, Role
from findings.models.cover import covered_by
from findings.models.finding import FindingQuerySet
from findings.presenters.my_week import OF_A_CLOCK, Promise, week
from findings.views.access import saw, signed_in


@require_safe
def my_week(request: HttpRequest) -> HttpResponse:
    """Theirs and those of whomever they stand in for; what only a team holds nobody promised."""
    person, now = signed_in(request), timezone.now()
    if not person.has_role(Role.REFERRER):
        raise PermissionDenied("This list is for people with another role.")
    promised = Clock.objects.owed_by_holder().filter(finding__in=_theirs(person))
    found = week(map(Promise._make, promised.values_list(*OF_A_CLOCK)), now)
    days = found.filled(
        promised.select_related(*SHOWN).prefetch_related(*_SAID).in_bulk(found.clocks)
    )
    if request.method == "GET":
        saw(request, *(one.finding.examination.patient for day in days for one in day.due))
    context = {"days": days, "more": found.more, "later": found.later, "now": now, "person": person}
    return render(request, "my_week.jinja", context)


def _theirs(person: Person) -> FindingQuerySet:
    owners = [person.pk, *covered_by(person, timezone.localdate())]
    return Finding.objects.visible_to(person).open().filter(owner_person__in=owners)


# With what a row shows.
SHOWN = ("finding__category", "finding__examination__patient", "finding__owner_person")
_SAID = (
    Prefetch("finding__pauses", Pause.objects.deaths()),
    Prefetch("finding__recommendations", Recommendation.objects.filter(ended_at__isnull=True)),
)
