"""What is pressed on a row of the desk: done, or leading to where it is done; unless somebody else
was first, which is then said, with who and when, and nothing is overwritten."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from findings.models import Finding, Person
from findings.presenters.desk import Desk
from findings.presenters.desk_cleared import cleared_words
from findings.presenters.reasons import REASONS, Of, Reason, Row
from findings.presenters.timeline import Entry, entries
from findings.services.desk import by_others, done_since
from findings.services.phone import record_owner_phoned
from findings.views.access import saw
from findings.views.desk import coordinator
from findings.views.numbers import number_in


@dataclass(frozen=True)
class Pressed:
    """What the row had said when somebody pressed it."""

    of: Of
    pk: int
    reason: Reason
    # The newest line of its timeline that it knew of.
    seen: int
    # Who held it, where they were phoned.
    owner: str

    @classmethod
    def read(cls, request: HttpRequest) -> "Pressed":
        """A press that is none of ours leads nowhere."""
        is_sent = request.method == "POST"
        given = QueryDict(request.POST.get("press", "")) if is_sent else request.GET
        reason = REASONS.get(given.get("reason", ""))
        of, _, number = given.get("row", "").partition("-")
        pk = number_in(number)
        if reason is None or of != reason.of or pk is None:
            raise Http404
        seen = number_in(given.get("seen", "")) or 0
        return cls(reason.of, pk, reason, seen, given.get("owner", ""))


@require_http_methods(["GET", "HEAD", "POST"])
def pressed(request: HttpRequest) -> HttpResponse:
    """GET leads to the page that clears the row. POST says that whoever holds it was phoned."""
    person, press = coordinator(request), Pressed.read(request)
    row = _still(press, Desk(person, timezone.now()))
    finding = _finding(press, person)
    others = by_others(done_since(finding, press.seen), person) if finding else []
    if row is None or others:
        return _said(request, press, row, finding, entries(others), person)
    if request.method != "POST":
        to = reverse(press.reason.does.page, args=[row.shown.page[1]])
        return redirect(f"{to}?from=desk" if press.of == Of.FINDING else to)
    return _phoned(request, press, finding, person)


def _still(press: Pressed, sitting: Desk) -> Row | None:
    """The row as it is now, where that for which it was pressed is still true."""
    rows = sitting.standing({"pk": press.pk}, press.of)
    still = [row for row in rows if row.pk == press.pk and press.reason in row.reasons]
    return next(iter(sitting.fill(still)), None)


def _finding(press: Pressed, person: Person) -> Finding | None:
    if press.of != Of.FINDING:
        return None
    return Finding.objects.visible_to(person).filter(pk=press.pk).first()


def _phoned(
    request: HttpRequest, press: Pressed, finding: Finding | None, person: Person
) -> HttpResponse:
    """As on the page of the finding: one press, about whoever holds it."""
    owner = finding.owner_person if finding else None
    if finding is None or owner is None or str(owner.pk) != press.owner:
        raise Http404
    try:
        record_owner_phoned(finding=finding, by=person, owner=owner)
    except ValueError as refused:
        messages.warning(request, str(refused))
    else:
        said = f"Recorded: you phoned {owner} now about {finding.reference}. That is no"
        messages.success(request, f"{said} acknowledgement: it stays open, at the end of the desk.")
    return redirect("desk")


def _said(
    request: HttpRequest,
    press: Pressed,
    row: Row | None,
    finding: Finding | None,
    since: list[Entry],
    person: Person,
) -> HttpResponse:
    """Who was first, and when; with the way on where the row still stands."""
    if finding:
        saw(request, finding.examination.patient)
    context = {
        "reason": press.reason,
        "row": row,
        "finding": finding,
        "since": since,
        "cleared": cleared_words(press.of, press.pk, person) if row is None else "",
        "was_call": request.method == "POST",
    }
    return render(request, "desk_pressed.jinja", context, status=409)
