"""What a paper is asked for: of which time, with which word, of which team."""

from datetime import date
from typing import Any

from findings.form_fields import SelectField, TextField
from findings.forms.lists import ListFilter
from findings.forms.measures import PeriodForm
from findings.models import Organisation, Team

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
    """Which team: those that hold something open come first."""

    team = SelectField(label="Team", missing="Choose a team")

    def __init__(self, data: Any, *, trust: Organisation) -> None:
        super().__init__(data, auto_id="weekly_%s")
        teams = Team.objects.filter(organisation=trust, kind__in=Team.HOLDERS)
        self._offer("team", teams.values_list("pk", "name"))
