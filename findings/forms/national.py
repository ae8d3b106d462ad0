"""Where a trust stands with a national recommendation."""

from typing import Any

from django import forms

from findings.form_fields import (
    DateField,
    ModelSelectField,
    RadiosField,
    TextareaField,
    missing_if_chosen,
)
from findings.forms.answers import LONGEST
from findings.models import Person, RecommendationStanding


class StandingForm(forms.Form):
    """Its status, what shows it, who sees to it, and when it is looked at again."""

    status = RadiosField(
        label="Where do you stand?",
        choices=RecommendationStanding.Status.choices,
        reveals={"not_applicable": ["because"]},
        missing="Select where you stand",
    )
    because = TextareaField(
        label="Why does it not apply?",
        rows=3,
        max_length=LONGEST,
        required=False,
        missing="Enter why it does not apply",
    )
    evidence = TextareaField(
        label="What shows it?",
        help_text="For example, a policy and where it is, minutes, an audit. No data of patients.",
        rows=4,
        max_length=LONGEST,
        required=False,
    )
    owner = ModelSelectField(
        Person.objects.none(), label="Who sees to it?", empty="Nobody yet", required=False
    )
    review_on = DateField(label="When is it looked at again?", required=False)

    def __init__(
        self, data: Any = None, *, by: Person, standing: RecommendationStanding | None
    ) -> None:
        names = ("status", "because", "evidence", "owner", "review_on")
        initial = {name: getattr(standing, name) for name in names} if standing else {}
        super().__init__(data, initial=initial)
        field: Any = self.fields["owner"]
        field.queryset = Person.objects.active().filter(organisation=by.organisation_id)

    def clean(self) -> None:
        missing_if_chosen(self, "status")
