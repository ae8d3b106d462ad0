"""Reports that are late, and those that will be: numbers that lead to the list of examinations."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings import rules
from findings.measures import waiting
from findings.measures.late_reporting import late_reporting as counted
from findings.presenters.late_reporting import page_of
from findings.views.access import signed_in


@require_safe
def late_reporting(request: HttpRequest) -> HttpResponse:
    """No patient is named here."""
    person, now = signed_in(request), timezone.now()
    rules.check_can_see_waiting(person)
    found = counted(waiting.waits_visible_to(person), waiting.seen_by(person), now)
    context = {
        "page": page_of(found, now),
        "now": now,
        "may_draft": rules.can_draft_policy(person),
    }
    return render(request, "late_reporting.jinja", context)
