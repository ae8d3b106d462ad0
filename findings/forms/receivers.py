"""Giving findings to somebody else: a person, or a team."""

from typing import Any

from django.db.models import QuerySet

from findings.form_fields import ModelSelectField, RadiosField, missing_if_chosen
from findings.forms.people import NamesSomebody
from findings.models import Team

ANY_CAN_ACKNOWLEDGE = "Everybody in the team is told and any of them can acknowledge."


def receiver_field(label: str, missing: str, of_team: str = ANY_CAN_ACKNOWLEDGE) -> RadiosField:
    """`receiver` of a form, in its own words; `of_team` says what choosing a team means."""
    return RadiosField(
        label=label,
        choices=[("person", "A person"), ("team", "A team")],
        hints={"team": of_team},
        reveals={"person": ["name", "person"], "team": ["team"]},
        missing=missing,
    )


class NamesReceiver(NamesSomebody):
    """A person by name, or a team. The form has `because`, and `receiver` by `receiver_field`."""

    team = ModelSelectField(
        Team.objects.none(),
        label="Team",
        required=False,
        empty="Select a team",
        missing="Select the team",
    )
    field_order = ("because", "receiver", "name", "person", "team")
    or_else = ", or choose a team"

    def find_receivers(self, teams: QuerySet[Team]) -> None:
        """Call at the end of __init__: the teams to choose from, and whom the name may mean."""
        field: Any = self.fields["team"]
        field.queryset = teams
        self.find_people()

    def clean(self) -> None:
        receiver = self.cleaned_data.get("receiver")
        if receiver == "person":
            self.clean_person_named()
        elif receiver == "team":
            missing_if_chosen(self, "receiver")

    @property
    def to(self) -> dict[str, Any]:
        """The argument for the service: a person or a team."""
        if self.cleaned_data["receiver"] == "person":
            return {"to": self.cleaned_data["person"]}
        return {"to_team": self.cleaned_data["team"]}
