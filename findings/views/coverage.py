"""The coming week: what would reach nobody, why, and where it is mended."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings.models import Finding, Unroutable
from findings.presenters.coverage import duty_lines, finding_lines, queue_lines
from findings.rules import can_keep_rotas, check_can_see_coverage
from findings.services.coverage import coverage_of, duties_of
from findings.views.access import signed_in


@require_safe
def coverage(request: HttpRequest) -> HttpResponse:
    """The queue of findings of which nobody can be told; then what the week would bring."""
    person = signed_in(request)
    check_can_see_coverage(person)
    now = timezone.now()
    # No row of a patient is read: references, categories and who holds them.
    here = Finding.objects.visible_to(person).filter(organisation=person.organisation_id)
    every = list(coverage_of(here, now))
    since = dict(
        Unroutable.objects.visible_to(person).standing().values_list("finding", "since_at")
    )
    duties = duties_of(person.organisation, now)
    context = {
        "queue": queue_lines(every, since, now),
        "at_risk": finding_lines(every, now),
        "duties": duty_lines(duties.uncovered),
        "stood_in_for": duty_lines(duties.stood_in_for),
        "keeps_rotas": can_keep_rotas(person),
        "organisation": person.organisation,
        "open_count": len(every),
    }
    return render(request, "coverage.jinja", context)
