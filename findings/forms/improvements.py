"""Improvements: narrow the list, ask for one, and say what became of it."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from findings.form_fields import (
    CheckboxField,
    DateField,
    ModelSelectField,
    RadiosField,
    SelectField,
    TextareaField,
    not_in_the_future,
    not_in_the_past,
)
from findings.forms.answers import LONGEST
from findings.forms.lists import ListFilter
from findings.measures import MEASURES
from findings.models import Improvement, Person
from findings.models.improvement import ImprovementQuerySet


class ImprovementFilter(ListFilter):
    """?late=on is where a number of governance leads."""

    status = SelectField(
        label="Status",
        required=False,
        empty="Every status",
        choices=[
            ("open", "Open"),
            ("to_check", "Done, not checked yet"),
            *Improvement.Worked.choices,
            ("given_up", "Given up"),
        ],
    )
    late = CheckboxField(label="Overdue only", required=False)
    mine = CheckboxField(label="Mine only", required=False)

    def apply(self, rows: ImprovementQuerySet, person: Person) -> ImprovementQuerySet:
        chosen = self.cleaned_data
        status = chosen["status"]
        if status == "open":
            rows = rows.open()
        elif status == "to_check":
            rows = rows.to_check()
        elif status == "given_up":
            rows = rows.filter(outcome=status)
        elif status:
            rows = rows.filter(worked=status)
        if chosen["late"]:
            rows = rows.open().filter(due_on__lt=timezone.localdate())
        return rows.filter(owner=person) if chosen["mine"] else rows


def _people_of(person: Person) -> QuerySet[Person]:
    return Person.objects.active().filter(organisation=person.organisation_id)


class AskForm(forms.Form):
    what = TextareaField(
        label="What is to change?",
        help_text="Something that can be seen when it is done: a system, a rota, a form. “Remind"
        " staff” seldom changes a number.",
        missing="Say what is to change",
        max_length=LONGEST,
    )
    owner = ModelSelectField(Person.objects.none(), label="Who owns it?", missing="Select somebody")
    due_on = DateField(label="Until which day?", validators=[not_in_the_past])
    measure = SelectField(
        label="Which number is to get better?",
        help_text="It is watched before and after: everybody sees whether anything changed.",
        choices=[(code, str(measure)) for code, measure in MEASURES.items()],
        missing="Select a measure",
    )

    def __init__(self, data: Any = None, *, by: Person) -> None:
        super().__init__(data)
        owner: Any = self.fields["owner"]
        owner.queryset = _people_of(by)


class DoneForm(forms.Form):
    evidence = TextareaField(
        label="Where can it be seen that it is done?",
        missing="Say where it can be seen",
        max_length=LONGEST,
    )
    in_force_on = DateField(
        label="From which day on was it in force?",
        help_text="The numbers before that day are compared with those after it.",
        validators=[not_in_the_future],
    )


class GiveUpForm(forms.Form):
    because = TextareaField(
        label="Why is it given up?", missing="Say why it is given up", max_length=LONGEST
    )


class GiveToForm(forms.Form):
    to = ModelSelectField(Person.objects.none(), label="To whom?", missing="Select somebody")
    because = TextareaField(label="Why?", missing="Say why", rows=3, max_length=LONGEST)

    def __init__(self, improvement: Improvement, data: Any = None, *, by: Person) -> None:
        super().__init__(data)
        to: Any = self.fields["to"]
        to.queryset = _people_of(by).exclude(pk=improvement.owner_id)


class CheckForm(forms.Form):
    worked = RadiosField(
        label="Did it work?",
        choices=Improvement.Worked.choices,
        missing="Select whether it worked",
    )
    note = TextareaField(label="In your words", required=False, rows=3, max_length=LONGEST)
