"""Filters of the lists of findings. They stand in the address and hold nothing of a patient."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms

from findings.form_fields import CheckboxField, SelectField
from findings.models import Category, Finding, Person, Site, Team
from findings.models.finding import FindingQuerySet
from findings.states import ENDED, OPEN, WORDS


@dataclass(frozen=True)
class Narrowing:
    """What a list is narrowed to: as its address says it, and in words."""

    query: str = ""
    said: Sequence[str] = ()
    # A search for a patient is not.
    can_be_kept: bool = True


class ListFilter(forms.Form):
    """What every filter can do besides filtering."""

    @property
    def query(self) -> str:
        """The filters of this page for the address of the next; nothing but them."""
        given = ((name, self.data.get(name)) for name in self.fields)
        return urlencode([(name, value) for name, value in given if value])

    @property
    def narrowing(self) -> Narrowing:
        return Narrowing(self.query, self._said(), can_be_kept=self.is_valid())

    def _said(self) -> list[str]:
        """State: Awaiting; Late only."""
        given = getattr(self, "cleaned_data", {})
        return [self._said_of(name, value) for name, value in given.items() if value]

    def _offer(self, name: str, choices: Iterable[tuple[Any, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = [(str(value), label) for value, label in choices]

    def _said_of(self, name: str, value: Any) -> str:
        field: Any = self.fields[name]
        if value is True:
            return str(field.label)
        return f"{field.label}: {dict(getattr(field, 'choices', ())).get(value, value)}"


class MineFilter(ListFilter):
    """Of the referrer's list: open ones, those in one state, or those that ended."""

    state = SelectField(
        label="Show",
        required=False,
        empty="Everything open",
        choices=[(state.value, WORDS[state]) for state in OPEN] + [("ended", "Ended")],
    )

    def apply(self, findings: FindingQuerySet) -> FindingQuerySet:
        chosen = self.cleaned_data["state"]
        if chosen == "ended":
            return findings.filter(state__in=ENDED)
        return findings.filter(state=chosen) if chosen else findings.open()


class OpenFilter(ListFilter):
    """Of the organisation's list. Every filter may stand alone in a link: ?late=yes."""

    state = SelectField(
        label="State",
        required=False,
        empty="Every open state",
        choices=[(state.value, words) for state, words in WORDS.items()],
    )
    category = SelectField(label="Category", required=False, empty="Every category")
    site = SelectField(label="Site", required=False, empty="Every site")
    team = SelectField(label="Team", required=False, empty="Every team")
    owner = SelectField(label="Held by", required=False, empty="Everybody")
    late = CheckboxField(label="Late only", required=False)
    forgotten = CheckboxField(label="Acknowledged, time to act has passed", required=False)
    reopened = CheckboxField(label="Opened again by a changed report", required=False)
    owner_left = CheckboxField(label="Owner has left", required=False)
    unroutable = CheckboxField(label="Nobody can be told", required=False)

    def __init__(self, data: Any, *, person: Person) -> None:
        super().__init__(data)
        held = Finding.objects.visible_to(person)
        self._offer("category", Category.objects.values_list("code", "name"))
        sites = Site.objects.filter(organisation=person.organisation_id)
        self._offer("site", sites.values_list("pk", "name"))
        teams = Team.objects.filter(pk__in=held.values("team")).order_by("name")
        self._offer("team", teams.values_list("pk", "name"))
        owners = Person.objects.filter(pk__in=held.open().values("owner_person"))
        self._offer("owner", ((owner.pk, str(owner)) for owner in owners))

    def apply(self, findings: FindingQuerySet, now: datetime) -> FindingQuerySet:
        chosen = self.cleaned_data
        state = chosen["state"]
        findings = findings.filter(state=state) if state else findings.open()
        for name, column in _COLUMNS.items():
            if chosen[name]:
                findings = findings.filter(**{column: chosen[name]})
        for name, narrow in MARKS.items():
            if chosen[name]:
                findings = narrow(findings, now)
        return findings


_COLUMNS = {
    "category": "category",
    "site": "site",
    "team": "team",
    "owner": "owner_person",
}
# What the governance numbers count, by the name of its filter.
MARKS = {
    "late": lambda findings, now: findings.overdue(now),
    "forgotten": lambda findings, now: findings.forgotten(now),
    "reopened": lambda findings, now: findings.reopened(),
    "owner_left": lambda findings, now: findings.owner_left(),
    "unroutable": lambda findings, now: findings.unroutable(),
}
