"""The page on which a finding gets another category: it says first which deadline will hold."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from findings import rules
from findings.forms.change_category import ChangeCategoryForm
from findings.models import Category, Finding, Person
from findings.presenters.answering import next_limit
from findings.presenters.change_category import limits_under
from findings.services import change_category as service
from findings.services.policy import PolicyError
from findings.views.answering import Answer, answer_page


def change_category(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, CHANGE)


def _form(*, finding: Finding, by: Person, **given: Any) -> ChangeCategoryForm:
    may_choose = rules.can_let_be_later(by, finding)
    limits, refused, now = {}, {}, timezone.now()
    others = Category.objects.filter(is_offered=True).exclude(pk=finding.category_id)
    stands = service.Standing(finding)
    for category in others if finding.is_open else []:
        try:
            foreseen = service.foresee_change(finding, category, stands)
        except PolicyError as error:
            refused[category.pk] = str(error)
        else:
            limits[category.pk] = limits_under(foreseen, now, may_choose=may_choose)
    return ChangeCategoryForm(
        finding=finding, by=by, limits=limits, refused=refused, may_choose=may_choose, **given
    )


def _change(finding: Finding, by: Person, form: ChangeCategoryForm) -> str:
    changed = service.change_category(
        finding=finding,
        by=by,
        category=form.cleaned_data["category"],
        because=form.cleaned_data["because"],
        later_because=form.why_later,
        primary_site=form.cleaned_data["primary_site"],
    )
    name = changed.category.name
    return f"The category is {name} now, and {changed.owner} is told. {next_limit(changed)}."


CHANGE = Answer(
    title="Change the category",
    button="Change the category",
    form=_form,
    check=rules.check_can_change_category,
    take=_change,
    lead="Limits count from when they began to, not from now, and the nearer one holds. Below each"
    " category stands by when that would be. What people were told already is not told again; what"
    " they should have been told by now they are told at once.",
)
