"""The policy page, for everybody who signs in: what is promised by when, and who says so."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from findings.models import Rule
from findings.presenters.policy import RuleShown, categories, groups, of_reports


@require_safe
def policy(request: HttpRequest) -> HttpResponse:
    """Every rule in force, each category's ladder, and the versions that came before."""
    rules = Rule.objects.prefetch_related("signatures", "rungs")
    in_force = [RuleShown(rule) for rule in rules.in_force()]
    to_come = list(rules.to_come())
    numbers = {shown.rule.pk for shown in in_force} | {rule.pk for rule in to_come}
    context = {
        "categories": categories(in_force),
        "of_reports": of_reports(in_force),
        "of_questions": [shown for shown in in_force if shown.is_of_questions],
        "groups": groups(in_force),
        "to_come": to_come,
        "earlier": [RuleShown(rule) for rule in rules.exclude(pk__in=numbers)],
    }
    return render(request, "policy.jinja", context)
