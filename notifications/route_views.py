"""The pages on which somebody, or an administrator, keeps how they are told."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from findings.models import Person
from findings.presenters.trail import NOBODY, TrailLine
from findings.rules import check_can_keep_routes
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.gone import Gone, said
from findings.views.people import visible_person
from notifications.models import Channel, Route, RouteChange
from notifications.route_forms import CodeForm, RouteForm
from notifications.routes import (
    Refused,
    add_route,
    confirm_code,
    move_up,
    remove_route,
    send_code,
    send_test,
)

CHANGES_SHOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
def routes(request: HttpRequest, pk: int) -> HttpResponse:
    """Theirs in order, and a form for one more."""
    by, person = signed_in(request), visible_person(request, pk)
    check_can_keep_routes(by, person)
    form = RouteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        channel, address = Channel(form.cleaned_data["channel"]), form.cleaned_data["address"]
        try:
            added = add_route(person=person, channel=channel, address=address, by=by)
        except Refused as refused:
            form.add_error("address", str(refused))
        else:
            return _with_code(request, added, by)
    context = {
        "form": form,
        "told": person,
        "is_own": by.pk == person.pk,
        "routes": Route.objects.kept()
        .filter(person=person)
        .with_proof()
        .select_related("gives_way_to")
        .order_by("position", "pk"),
        "changes": _trail(person),
    }
    return form_page(request, "routes.jinja", context)


def _trail(person: Person) -> list[TrailLine]:
    """Who added, verified or removed what, and which address refused a message."""
    changes = RouteChange.objects.filter(route__person=person).select_related("route", "by")
    return [_line(one) for one in changes[:CHANGES_SHOWN]]


def _line(change: RouteChange) -> TrailLine:
    way = change.route.address or change.route.get_channel_display()
    gone = change.what in (RouteChange.What.REMOVED, RouteChange.What.BOUNCED)
    by = str(change.by or NOBODY)
    before, after = (way, "") if gone else ("", way)
    return TrailLine(change.get_what_display(), before, after, by, change.at)


def _with_code(request: HttpRequest, route: Route, by: Person) -> HttpResponse:
    """The code goes at once; whether it went or not, its page is next."""
    try:
        send_code(route=route, by=by)
        messages.success(request, "A code was sent there.")
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("verify-route", route.pk)


def _route(request: HttpRequest, pk: int) -> tuple[Person, Route]:
    by = signed_in(request)
    found = Route.objects.visible_to(by).select_related("person__organisation")
    route: Route = get_object_or_404(found, pk=pk)
    check_can_keep_routes(by, route.person)
    if route.removed_at:
        removed = route.changes.filter(what=RouteChange.What.REMOVED).select_related("by")
        last = removed.latest("at", "pk")
        raise Gone(said(route.address, "was removed", last.by), "routes", route.person_id)
    return by, route


@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    """Type the code that came. A GET changes nothing: a mail scanner follows the link, too."""
    by, route = _route(request, pk)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            confirm_code(route=route, code=form.cleaned_data["code"], by=by)
        except Refused as refused:
            form.add_error("code", str(refused))
        else:
            messages.success(request, "It is verified: messages go there from now on.")
            return redirect("routes", route.person_id)
    context = {"form": form, "route": route, "is_own": by.pk == route.person_id}
    return form_page(request, "verify_route.jinja", context)


@require_POST
def code(request: HttpRequest, pk: int) -> HttpResponse:
    by, route = _route(request, pk)
    return _with_code(request, route, by)


def _deed(do: Callable[..., None], said: str) -> Callable[[HttpRequest, int], HttpResponse]:
    """One button: do it, say so, and back to the list."""

    @require_POST
    def press(request: HttpRequest, pk: int) -> HttpResponse:
        by, route = _route(request, pk)
        try:
            do(route=route, by=by)
            messages.success(request, said)
        except Refused as refused:
            messages.error(request, str(refused))
        return redirect("routes", route.person_id)

    return press


up = _deed(move_up, "The order is changed.")
remove = _deed(remove_route, "Nothing is sent there any more.")
test = _deed(send_test, "A test message was sent.")
