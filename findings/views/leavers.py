"""Somebody leaves, now or after a day, and what becomes of what they hold; or they come back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from findings import words
from findings.forms.leave import GoodbyeForm
from findings.models import Person, Role
from findings.presenters.people import duties_left, what_moves
from findings.rules import check_can_let_leave
from findings.services.concerns import by_leaver
from findings.services.leavers import plan_goodbye, say_goodbye, welcome_back
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.look_first import NOT_ASKED, look_ahead, look_first
from findings.views.people import visible_person


def _leaver(request: HttpRequest, pk: int) -> tuple[Person, Person]:
    """Who asks, and about whom."""
    by, person = signed_in(request), visible_person(request, pk)
    check_can_let_leave(by, person)
    return by, person


@require_http_methods(["GET", "HEAD", "POST"])
def let_leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Every open finding of theirs with the team that it goes to, then the reason."""
    by, person = _leaver(request, pk)
    form = GoodbyeForm(request.POST if request.method == "POST" else None)
    moving = what_moves(person)
    concern, looked = by_leaver(person, also=moving.asks), NOT_ASKED
    if form.is_valid():
        try:
            looked = look_first(
                request, concern, lambda: _let_leave(by, person, form), without=person
            )
        except ValueError as refused:
            form.add_error("last_day", str(refused))
        if looked.is_done:
            messages.success(request, looked.result)
            return redirect("person", person.pk)
    if looked is NOT_ASKED:
        looked = look_ahead(request, concern, without=person)
    context = {
        "form": form,
        "leaver": person,
        "moving": moving.told(looked.also),
        "duties": duties_left(person),
        "now": timezone.now(),
        # Administrators have no business with patients: they cannot open a finding.
        "can_open": by.has_role(Role.COORDINATOR),
        **looked.context,
    }
    return form_page(request, "let_leave.jinja", context, looked.status)


def _let_leave(by: Person, person: Person, form: GoodbyeForm) -> str:
    because, last_day = form.cleaned_data["because"], form.cleaned_data["last_day"]
    if form.cleaned_data["when"] == "now":
        moved = say_goodbye(person=person, by=by, because=because)
        return f"{person} has left. {words.plural(len(moved), 'finding')} went to the team."
    plan_goodbye(person=person, by=by, last_day=last_day, because=because)
    return (
        f"{person} works here to the end of {words.day(last_day)}. What they hold then goes to"
        " the team."
    )


@require_POST
def come_back(request: HttpRequest, pk: int) -> HttpResponse:
    by, person = _leaver(request, pk)
    welcome_back(person=person, by=by)
    messages.success(request, f"{person} works here. Findings that went to a team stay with it.")
    return redirect("person", person.pk)
