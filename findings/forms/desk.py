"""The coordinators' desk: its filters, and what is asked before many rows are dealt with."""

from typing import Any

from django import forms

from findings.form_fields import (
    SelectField,
    TextareaField,
)
from findings.forms.answers import LONGEST
from findings.forms.lists import ListFilter
from findings.forms.receivers import NamesReceiver, receiver_field
from findings.models import Finding, Person, Role, Team
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
        named = owners.only("title", "given_name", "family_name")
        self._offer("owner", ((owner.pk, str(owner)) for owner in named))

    @property
    def only(self) -> dict[str, Any]:
        """Of findings, by their fields; what is no finding is not asked for then."""
        chosen = {"team": "team", "owner": "owner_person"}
        given = self.cleaned_data
        return {field: given[name] for name, field in chosen.items() if given[name]}

    def of_reason(self, rows: list[Row]) -> list[Row]:
        code = self.cleaned_data["reason"]
        return [row for row in rows if not code or code in {one.code for one in row.reasons}]


class NoteTogetherForm(forms.Form):
    """One note in the timeline of each."""

    text = TextareaField(
        label="Note",
        help_text="It stands in each of these timelines, with your name. It cannot be changed"
        " later.",
        rows=3,
        max_length=LONGEST,
        missing="Write the note",
    )

    def __init__(self, data: Any = None, *, by: Person) -> None:
        super().__init__(data)


class HandOverTogetherForm(NamesReceiver):
    """All of them to one person or one team of the trust."""

    because = TextareaField(
        label="Why are you handing them over?", rows=3, max_length=LONGEST, missing="Give a reason"
    )
    receiver = receiver_field(
        "Who should hold them?", "Select whether a person or a team should hold them"
    )
    or_else = ", or choose a team"
    who = "who can hold findings"

    def __init__(self, data: Any = None, *, by: Person) -> None:
        super().__init__(data)
        self.by = by
        here = Team.objects.filter(organisation=by.organisation_id, kind__in=Team.HOLDERS)
        self.find_receivers(here.filter(memberships__person__is_active=True).distinct())

    def _candidates(self) -> list[Person]:
        referrers = Person.objects.active().with_role(Role.REFERRER)
        here = referrers.filter(organisation=self.by.organisation_id).exclude(pk=self.by.pk)
        return list(here.filter(memberships__team__kind__in=Team.CLINICAL).distinct())


class RunAgainTogetherForm(forms.Form):
    """Nothing is asked: they are run with the senders as they are set up now."""

    def __init__(self, data: Any = None, *, by: Person) -> None:
        super().__init__(data)
