"""What a paper is asked for: of which time, with which word, of which team."""

from datetime import date
from typing import Any

from django import forms

from findings.form_fields import SelectField, TextField
from findings.forms.lists import ListFilter
from findings.forms.measures import PeriodForm
from findings.models import Organisation, PaperSchedule, Person, Team
from findings.rules import can_make_papers

LONGEST_WORD = 40


class BoardForm(PeriodForm):
    """The time; of all sites."""

    # Three forms stand on one page.
    ids = "board_%s"

    def __init__(self, data: Any, *, trust: Organisation, today: date) -> None:
        super().__init__(data, trust=trust, today=today, auto_id=self.ids)
        del self.fields["site"]


class AuditForm(BoardForm):
    """The time, and the word that draws the sample."""

    ids = "audit_%s"
    seed = TextField(
        label="Word that draws the sample",
        help_text="The same word draws the same findings again",
        required=False,
        max_length=LONGEST_WORD,
        width=20,
    )

    @property
    def word(self) -> str:
        """What was typed; else the first day, so that a paper can always be made again."""
        given = self.cleaned_data.get("seed", "") if self.is_valid() else ""
        return given or f"{self.chosen.first:%d%m%Y}"


class WeeklyForm(ListFilter):
    """Which team, or all of them: a page and a sheet each."""

    ALL = "all"
    team = SelectField(label="Team", missing="Choose a team")

    def __init__(self, data: Any, *, trust: Organisation) -> None:
        super().__init__(data, auto_id="weekly_%s")
        teams = Team.objects.filter(organisation=trust, kind__in=Team.HOLDERS)
        self._offer("team", [(self.ALL, "Every team"), *teams.values_list("pk", "name")])


class WantPaperForm(forms.Form):
    """To be told when a paper is ready."""

    paper = SelectField(label="Paper", missing="Choose a paper")
    every = SelectField(
        label="How often", choices=PaperSchedule.Every.choices, missing="Choose how often"
    )
    team = SelectField(label="Team, for a list", required=False, empty="None")

    def __init__(self, *, by: Person, data: Any = None) -> None:
        super().__init__(data, auto_id="want_%s")
        may = {PaperSchedule.Paper.WEEKLY.value} if not can_make_papers(by) else None
        papers: Any = self.fields["paper"]
        papers.choices = [
            (value, label)
            for value, label in PaperSchedule.Paper.choices
            if may is None or value in may
        ]
        teams: Any = self.fields["team"]
        held = Team.objects.filter(organisation=by.organisation, kind__in=Team.HOLDERS)
        teams.choices = [(str(pk), name) for pk, name in held.values_list("pk", "name")]

    def clean(self) -> None:
        given = self.cleaned_data
        if given.get("paper") == PaperSchedule.Paper.WEEKLY and not given.get("team"):
            self.add_error("team", "Choose the team whose list you want")
