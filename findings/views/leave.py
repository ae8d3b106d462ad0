"""Leave: entered by whoever is away or by a coordinator, and cancelled."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from findings import words
from findings.forms.leave import LeaveForm
from findings.models import Leave, Person
from findings.rules import check_can_set_leave
from findings.services.concerns import by_person, span_of
from findings.services.leave import cancel_leave, set_leave
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.gone import Gone, said
from findings.views.look_first import NOT_ASKED, look_first
from findings.views.people import visible_person


@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """The days, and who stands in."""
    by, person = signed_in(request), visible_person(request, pk)
    check_can_set_leave(by, person)
    form = LeaveForm(request.POST if request.method == "POST" else None, person=person, by=by)
    looked = NOT_ASKED
    if form.is_valid():
        days = form.given
        try:
            looked = look_first(
                request,
                by_person(person, *span_of(days["first_on"], days["last_on"])),
                lambda: set_leave(person=person, by=by, **days),
            )
        except ValueError as refused:
            form.add_error("first_on", str(refused))
        if looked.is_done:
            messages.success(request, _entered(looked.result))
            return onwards(by, person)
    context = {"form": form, "away": person, "is_own": by.pk == person.pk, **looked.context}
    return form_page(request, "leave.jinja", context, looked.status)


def _entered(leave: Leave) -> str:
    days = f"{words.day(leave.first_on)} to {words.day(leave.last_on)}"
    return f"Leave of {leave.person} from {days} is entered. {leave.deputy or 'The team'} is told."


def onwards(by: Person, person: Person) -> HttpResponse:
    """To the page of the person, or one's own."""
    return redirect("me") if by.pk == person.pk else redirect("person", person.pk)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    by = signed_in(request)
    people = Person.objects.visible_to(by)
    leave = get_object_or_404(Leave.objects.filter(person__in=people), pk=pk)
    person = leave.person
    check_can_set_leave(by, person)
    if leave.cancelled_at:
        to = ("me",) if by.pk == person.pk else ("person", person.pk)
        raise Gone(said(f"The leave of {person}", "was cancelled"), *to)
    cancel_leave(leave=leave, by=by)
    messages.success(request, f"The leave is cancelled. {person} is told again from now on.")
    return onwards(by, person)
