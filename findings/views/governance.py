"""What is open, late and with whom; every number opens the rows that it counts."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings import measures
from findings.forms.lists import Narrowing
from findings.measures import reviews, waiting
from findings.models import Person, Role
from findings.presenters.columns import PROMISES, TELLINGS
from findings.views.access import signed_in
from findings.views.listing import Listing, Shown, answer

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
    late, late_count = measures.late_now(clocks, now, LATE_SHOWN)
    context = {
        "breakdowns": measures.breakdowns(clocks, now),
        "counts": measures.COUNTS.values(),
        "late": late,
        "late_count": late_count,
        "learned": reviews.to_learn(person, timezone.localdate(now)),
        "unreported": waiting.counts(waiting.waits_visible_to(person), now),
        "now": now,
    }
    return render(request, "governance.jinja", context)


@require_safe
def rows(request: HttpRequest, measure: str) -> HttpResponseBase:
    """The promises behind one number: ?by=category&key=critical narrows it as the table does."""
    clocks = measures.promises_visible_to(_overseer(request))
    by, key = request.GET.get("by", ""), request.GET.get("key", "")
    if measure not in measures.COUNTS or (by and by not in measures.BY):
        raise Http404
    now = timezone.now()
    try:
        selected = measures.rows_of(measures.COUNTS[measure], clocks, now, by, key)
    except ValueError:
        raise Http404 from None
    chosen, narrowed = measures.COUNTS[measure], measures.label_of(by, key, clocks)
    listing = Listing(
        chosen.name,
        "governance_rows.jinja",
        TELLINGS if chosen.is_of_telling else PROMISES,
        ("due_at", "pk"),
        lambda clock: (clock.its_finding.examination.patient_id,),
    )

    def context(page: Shown) -> dict[str, Any]:
        return {"measure": chosen, "narrowed": narrowed, "now": now}

    query = urlencode({"by": by, "key": key}) if by else ""
    return answer(
        request, listing, selected, Narrowing(query, [narrowed] if narrowed else []), context
    )
