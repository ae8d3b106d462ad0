"""Leave, and leaving."""

from typing import Any

from django import forms
from django.db.models import Q

from findings.form_fields import (
    DateField,
    RadiosField,
    SearchField,
    TextareaField,
    missing_if_chosen,
    not_in_the_past,
)
from findings.forms.lists import ListFilter
from findings.forms.people import NamesSomebody, folded
from findings.models import Person
from findings.models.folding import Folded
from findings.models.people import PersonQuerySet
from findings.services.leave import people_who_can_stand_in


class PeopleFilter(ListFilter):
    """Of the directory. A name in the address is a colleague's, never a patient's."""

    name = SearchField(label="Name", max_length=60)

    def apply(self, people: PersonQuerySet) -> PersonQuerySet:
        people = people.alias(given=Folded("given_name"), family=Folded("family_name"))
        for word in folded(self.cleaned_data["name"]).split():
            people = people.filter(Q(given__contains=word) | Q(family__contains=word))
        return people


class LeaveForm(NamesSomebody):
    """The days away, and who answers meanwhile."""

    first_on = DateField(label="First day away", help_text="For example, 21 12 2026.")
    last_on = DateField(
        label="Last day away", help_text="For example, 4 1 2027.", validators=[not_in_the_past]
    )
    field_order = ("first_on", "last_on", "name", "person")
    or_else = ", or leave this empty: then the team is told"
    who = "who can stand in"

    def __init__(self, data: Any, *, person: Person, by: Person) -> None:
        super().__init__(data)
        self._away = person
        name: Any = self.fields["name"]
        name.label = f"Who stands in{' for you' if person.pk == by.pk else ''}?"
        name.help_text = (
            "Type part of the name. They are told instead, and may answer. Leave this empty if"
            " nobody does: then the team is told."
        )
        self.find_people()

    def _candidates(self) -> list[Person]:
        return list(people_who_can_stand_in(self._away).select_related("organisation"))

    def clean(self) -> None:
        first, last = self.cleaned_data.get("first_on"), self.cleaned_data.get("last_on")
        if first and last and last < first:
            self.add_error("last_on", "The last day cannot be before the first day")
        typed = self.cleaned_data.get("name")
        if typed and not self.take_only_match():
            self.clean_person_named()

    @property
    def given(self) -> dict[str, Any]:
        """What the service takes."""
        named = self.cleaned_data.get("person") if self.cleaned_data.get("name") else None
        return {
            "first_on": self.cleaned_data["first_on"],
            "last_on": self.cleaned_data["last_on"],
            "deputy": named,
        }


class GoodbyeForm(forms.Form):
    """Why somebody leaves, and when."""

    because = TextareaField(
        label="Why do they leave?",
        help_text="For example: end of contract, or retired. It stays on the timeline of each"
        " finding, so write nothing private.",
        rows=3,
        max_length=300,
        missing="Say why they leave",
    )
    when = RadiosField(
        label="When?",
        choices=[("now", "Now"), ("later", "After their last day here")],
        hints={"now": "Their open findings go to the teams at once."},
        reveals={"later": ["last_day"]},
        missing="Select when they leave",
    )
    last_day = DateField(
        label="Last day here",
        help_text="For example, 31 12 2026.",
        required=False,
        validators=[not_in_the_past],
        missing="Enter the last day",
    )

    def clean(self) -> None:
        missing_if_chosen(self, "when")
