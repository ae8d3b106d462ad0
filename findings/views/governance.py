"""What is open, late and with whom; every number opens the rows that it counts."""

from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings import measures
from findings.measures import waiting
from findings.models import Person, Role
from findings.views.access import saw, signed_in

ROWS_ON_A_PAGE = 50
LATE_SHOWN = 20


def _overseer(request: HttpRequest) -> Person:
    person = signed_in(request)
    if not person.has_role(Role.GOVERNANCE, Role.COORDINATOR):
        raise PermissionDenied("This page is for governance leads and coordinators.")
    return person


@require_safe
def governance(request: HttpRequest) -> HttpResponse:
    """The tables, and the promises that are late now. No patient is named here."""
    person = _overseer(request)
    clocks = measures.promises_visible_to(person)
    now = timezone.now()
    late = measures.late_now(clocks, now)
    context = {
        "breakdowns": measures.breakdowns(clocks, now),
        "measures": measures.shown(),
        "late": late[:LATE_SHOWN],
        "late_count": late.count(),
        "unreported": waiting.counts(waiting.waits_visible_to(person), now),
        "now": now,
    }
    return render(request, "governance.jinja", context)


@require_safe
def rows(request: HttpRequest, measure: str) -> HttpResponse:
    """The promises behind one number: ?by=category&key=critical narrows it as the table does."""
    clocks = measures.promises_visible_to(_overseer(request))
    by, key = request.GET.get("by", ""), request.GET.get("key", "")
    if measure not in measures.MEASURES or (by and by not in measures.BY):
        raise Http404
    now = timezone.now()
    try:
        selected = measures.rows_of(measures.MEASURES[measure], clocks, now, by, key)
    except ValueError:
        raise Http404 from None
    page = Paginator(selected, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
    saw(request, *(clock.its_finding.examination.patient for clock in page))
    context = {
        "measure": measures.MEASURES[measure],
        "narrowed": measures.label_of(by, key, clocks),
        "page": page,
        "query": urlencode({"by": by, "key": key}) if by else "",
        "now": now,
    }
    return render(request, "governance_rows.jinja", context)
