"""Routing rules: in order, with what each change would send elsewhere before it is made."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from findings.forms.routing import LastRuleForm, RuleForm
from findings.models import Person, RoutingChange, RoutingRule
from findings.presenters.trail import of_routing
from findings.rules import check_can_route
from findings.services.routing import (
    Effect,
    Routing,
    add_rule,
    change_rule,
    combinations,
    effects,
    fingerprint,
    remove_rule,
)
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.gone import Gone

CHANGES_SHOWN = 50


def _keeper(request: HttpRequest) -> Person:
    person = signed_in(request)
    check_can_route(person, person.organisation)
    return person


def _rule(person: Person, pk: int) -> RoutingRule:
    rules = RoutingRule.objects.visible_to(person).select_related("organisation", "team")
    if not RoutingRule.objects.filter(pk=pk).exists():  # of nobody's: it was deleted
        sentence = "That rule was removed already. Below stands by whom. Nothing more was done."
        raise Gone(sentence, "routing")
    return get_object_or_404(rules, pk=pk)


@require_safe
def routing(request: HttpRequest) -> HttpResponse:
    """The rules as they are asked, and where every combination leads."""
    person = _keeper(request)
    found = Routing(person.organisation)
    changes = RoutingChange.objects.filter(organisation=person.organisation_id)
    context = {
        "rules": found.rules,
        "reachable": found.reachable,
        "combinations": combinations(person.organisation),
        "changes": of_routing(changes.select_related("by")[:CHANGES_SHOWN]),
    }
    return render(request, "routing.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    by = _keeper(request)
    form = RuleForm(
        request.POST if request.method == "POST" else None, organisation=by.organisation
    )
    return _look_then_save(
        request,
        by,
        form,
        "Add a routing rule",
        lambda: add_rule(organisation=by.organisation, by=by, **form.cleaned_data),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    by = _keeper(request)
    rule = _rule(by, pk)
    kind = LastRuleForm if rule.is_last else RuleForm
    form = kind(
        request.POST if request.method == "POST" else None,
        organisation=by.organisation,
        rule=rule,
    )
    return _look_then_save(
        request,
        by,
        form,
        "Change a routing rule",
        # A row of its own: looking ahead must leave no trace in this one.
        lambda: change_rule(rule=_rule(by, pk), by=by, **form.cleaned_data),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    by = _keeper(request)
    rule = _rule(by, pk)
    if rule.is_last:
        raise Http404

    def do() -> None:
        remove_rule(rule=_rule(by, pk), by=by)

    found = effects(by.organisation, do)
    seen = request.POST.get("seen")
    if request.method == "POST" and seen == fingerprint(found):
        do()
        return _done(request, "Removed.", found)
    context = {"rule": rule, **_shown(found, again=bool(seen))}
    status = 409 if request.method == "POST" else 200
    return render(request, "remove_routing_rule.jinja", context, status=status)


def _look_then_save(
    request: HttpRequest,
    by: Person,
    form: LastRuleForm,
    title: str,
    save: Callable[[], object],
) -> HttpResponse:
    """First what would go elsewhere; saved when that was seen."""
    seen, shown, status = request.POST.get("seen"), {}, 200
    if form.is_valid():
        try:
            found = effects(by.organisation, save)
        except ValueError as refused:
            form.add_error(None, str(refused))
        else:
            if seen == fingerprint(found):
                save()
                return _done(request, "Saved.", found)
            shown, status = _shown(found, again=bool(seen)), 409 if seen else 200
    context = {"form": form, "title": title, **shown}
    return form_page(request, "routing_rule.jinja", context, status)


def _shown(found: list[Effect], *, again: bool) -> dict[str, object]:
    return {"effects": found, "looked": True, "seen": fingerprint(found), "again": again}


def _done(request: HttpRequest, said: str, found: list[Effect]) -> HttpResponse:
    number = len(found)
    words = f"{number} combination{'' if number == 1 else 's'}"
    messages.success(request, f"{said} {words} now go elsewhere. Findings already flagged stay.")
    return redirect("routing")
