"""The coordinators' desk: what needs a person now, the most harmful first, with whom to ring and
the one thing that clears each row (docs/adr/0036)."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings.forms.desk import DeskFilter
from findings.keyset import InOrder
from findings.models import Person, Role
from findings.presenters.desk import DESK, Desk, patients_of
from findings.presenters.reasons import ORDER, Of, Row, counts
from findings.views.access import signed_in
from findings.views.listing import Listing, Shown, answer

THE_DESK = Listing("The desk", "desk.jinja", DESK, ORDER, patients_of)


def coordinator(request: HttpRequest) -> Person:
    person = signed_in(request)
    if not person.has_role(Role.COORDINATOR):
        raise PermissionDenied("The desk is for coordinators.")
    return person


@require_safe
def desk(request: HttpRequest) -> HttpResponseBase:
    person, now = coordinator(request), timezone.now()
    form = DeskFilter(request.GET, person=person)
    sitting = Desk(person, now)
    every = _rows(form, sitting)
    chosen = InOrder(form.of_reason(every) if form.is_valid() else [], sitting.fill)

    def context(page: Shown) -> dict[str, Any]:
        return {
            "form": form,
            "counts": [(one, _address(form, one.code), number) for one, number in counts(every)],
            "total": len(every),
            "pressed": pressed,
            "now": now,
        }

    return answer(request, THE_DESK, chosen, form.narrowing, context)


def _rows(form: DeskFilter, sitting: Desk) -> list[Row]:
    """Of whatever the filters leave, every reason: they are counted one by one."""
    if not form.is_valid():
        return []
    return sitting.standing(form.only, of=Of.FINDING if form.only else None)


def _address(form: DeskFilter, code: str) -> str:
    """With the other filters as they are."""
    kept = {name: form.cleaned_data[name] for name in ("team", "owner") if form.cleaned_data[name]}
    return f"{reverse('desk')}?{urlencode({'reason': code} | kept)}"


def pressed(row: Row) -> str:
    """Which row was pressed, and what it knew: behind the address where it is cleared."""
    return urlencode({"row": row.key, "reason": row.reasons[0].code, "seen": row.shown.seen})
