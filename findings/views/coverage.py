"""The coming week: what would reach nobody, why, and where it is mended."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings.models import Examination, Finding, Improvement, Unroutable
from findings.presenters.coverage import duty_lines, later_lines, only_here_lines, queue_lines
from findings.rules import can_keep_rotas, check_can_see_coverage
from findings.services.coverage import coverage_of_everything
from findings.views.access import signed_in


@require_safe
def coverage(request: HttpRequest) -> HttpResponse:
    """The queue of what nobody can be told of; then what the week would bring."""
    person = signed_in(request)
    check_can_see_coverage(person)
    now = timezone.now()
    # No row of a patient is read: references, categories and who holds them.
    here = Finding.objects.visible_to(person).filter(organisation=person.organisation_id)
    in_trust = Examination.objects.filter(site__organisation=person.organisation_id)
    improvements = Improvement.objects.visible_to(person)
    improvements = improvements.filter(organisation=person.organisation_id)
    found = coverage_of_everything(here, in_trust, [person.organisation], now, improvements)
    (duties,) = found.duties
    queued = Unroutable.objects.visible_to(person).standing()
    since = {row.about: row.since_at for row in queued}
    context = {
        "queue": queue_lines(found.every, since, now),
        "at_risk": later_lines(found.every, now),
        "duties": duty_lines(duties.uncovered),
        "stood_in_for": duty_lines(duties.stood_in_for),
        "only_here": only_here_lines(duties.only_here),
        "keeps_rotas": can_keep_rotas(person),
        "organisation": person.organisation,
        "open_count": found.open_count,
        "improvement_count": len(found.improvements),
        "waiting_count": len(found.waits),
    }
    return render(request, "coverage.jinja", context)
