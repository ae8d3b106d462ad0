"""Filters of the coordinators' desk."""

from typing import Any

from findings.form_fields import SelectField
from findings.forms.lists import ListFilter
from findings.models import Finding, Person, Team
from findings.models.finding import FindingQuerySet
from findings.presenters.reasons import REASONS, Row


class DeskFilter(ListFilter):
    """One reason; and of findings those of one team, or that one person holds."""

    reason = SelectField(
        label="Why",
        required=False,
        empty="Every reason",
        choices=[(one.code, one.title) for one in REASONS.values()],
    )
    team = SelectField(label="Team", required=False, empty="Every team")
    owner = SelectField(label="Held by", required=False, empty="Everybody")

    def __init__(self, data: Any, *, person: Person) -> None:
        super().__init__(data)
        held = Finding.objects.visible_to(person).open()
        teams = Team.objects.filter(pk__in=held.values("team")).order_by("name")
        self._offer("team", teams.values_list("pk", "name"))
        owners = Person.objects.filter(pk__in=held.values("owner_person"))
        self._offer("owner", ((owner.pk, str(owner)) for owner in owners))

    @property
    def is_of_findings(self) -> bool:
        """Whether what is no finding is not asked for."""
        return bool(self.cleaned_data["team"] or self.cleaned_data["owner"])

    def apply(self, findings: FindingQuerySet) -> FindingQuerySet:
        if team := self.cleaned_data["team"]:
            findings = findings.filter(team=team)
        if owner := self.cleaned_data["owner"]:
            findings = findings.filter(owner_person=owner)
        return findings

    def of_reason(self, rows: list[Row]) -> list[Row]:
        code = self.cleaned_data["reason"]
        return [row for row in rows if not code or code in {one.code for one in row.reasons}]
