"""A routing rule: for what, and which team."""

from typing import Any

from django import forms

from findings.form_fields import ModelSelectField, SelectField, TextField
from findings.models import Category, Organisation, RoutingRule, Site, Team


class LastRuleForm(forms.Form):
    """Of the last rule only the team can change."""

    team = ModelSelectField(
        Team.objects.none(),
        label="Which team holds it?",
        empty="Select a team",
        missing="Select a team",
    )

    def __init__(
        self, *args: Any, organisation: Organisation, rule: RoutingRule | None = None, **kwargs: Any
    ) -> None:
        self.rule = rule
        if rule:
            names = ("team", "category", "specialty", "site", "position")
            values = {name: getattr(rule, name) for name in names}
            kwargs["initial"] = {
                name: getattr(value, "pk", value) for name, value in values.items()
            }
        super().__init__(*args, **kwargs)
        teams = Team.objects.filter(organisation=organisation, kind__in=Team.HOLDERS)
        self._offer("team", teams)

    def _offer(self, name: str, rows: Any) -> None:
        field: Any = self.fields[name]
        field.queryset = rows


class RuleForm(LastRuleForm):
    """Each part that is left empty stands for any."""

    category = ModelSelectField(
        Category.objects.all(), label="Category", required=False, empty="Any category"
    )
    specialty = TextField(
        label="Specialty",
        help_text="Part of the requester's job or of the requesting location as the order writes"
        " them, for example resp. Empty: any",
        required=False,
        max_length=60,
        width=20,
    )
    site = ModelSelectField(Site.objects.none(), label="Site", required=False, empty="Any site")
    position = SelectField(label="When is it asked?", required=False, empty="After the others")
    field_order = ("category", "specialty", "site", "team", "position")

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, organisation=organisation, **kwargs)
        self._offer("site", Site.objects.filter(organisation=organisation))
        others = RoutingRule.objects.filter(organisation=organisation, is_last=False).in_order()
        without = [one for one in others if one != self.rule]
        field: Any = self.fields["position"]
        field.choices = [("0", "After the others")] + [
            (str(number), f"Before “{one.condition}”") for number, one in enumerate(without, 1)
        ]
        field.empty = ""

    def clean_position(self) -> int:
        return int(self.cleaned_data["position"] or 0)
