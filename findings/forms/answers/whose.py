"""Whose it is: taking it on, giving it back, giving it to somebody else."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from findings import words
from findings.form_fields import (
    DateField,
    RadiosField,
    TextareaField,
    TextField,
    missing_if_chosen,
    not_in_the_past,
)
from findings.forms.answers.common import LONGEST, AnswerForm
from findings.forms.people import NamesSomebody
from findings.forms.receivers import NamesReceiver, receiver_field
from findings.models import Finding, Person, Rule, Team
from findings.services.deadlines import limit_to_act


class AcknowledgeForm(AnswerForm):
    """Mine, and this is my plan: one of the common ones, or words, or both."""

    PLANS: Mapping[str, str] = {
        "as_recommended": "Do what the radiologist recommends",
        "imaging": "Arrange further imaging",
        "referral": "Refer urgently",
        "see": "See the patient",
        "mdt": "Discuss at the multidisciplinary team meeting (MDT)",
        "other": "Something else",
    }
    choice = RadiosField(
        label="What will you do?", choices=list(PLANS.items()), missing="Select what you will do"
    )
    details = TextareaField(
        label="In your own words",
        help_text="For example where and when. You can leave this empty unless it is something"
        " else.",
        required=False,
        rows=3,
        max_length=LONGEST,
    )

    plan_by = DateField(
        label="By when?",
        required=False,
        legend_size="s",
        validators=[not_in_the_past],
    )

    def __init__(self, *, rule: Rule | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        field: Any = self.fields["choice"]
        field.hints = {"as_recommended": self.finding.recommended_action}
        self.limit = limit_to_act(self.finding, rule)
        self.initial["plan_by"] = self._suggested_on()
        if self.limit:
            self.fields[
                "plan_by"
            ].help_text = (
                f"Action {words.due(self.limit, timezone.now())}. Your day does not move it."
            )

    def _suggested_on(self) -> date | None:
        """The limit, or the day that the radiologist advised where that is earlier; never gone."""
        last_day = words.last_day(self.limit) if self.limit else None
        known = [day for day in (last_day, self.finding.recommended_on) if day]
        return max(timezone.localdate(), min(known)) if known else None

    def clean_plan_by(self) -> date | None:
        """Not after the limit, as long as that can be kept at all."""
        day: date | None = self.cleaned_data["plan_by"]
        if day and self.limit and timezone.localdate() <= words.last_day(self.limit) < day:
            limit = words.until(self.limit, timezone.now())
            late = f"The limit to act is {limit}: enter a day until then"
            raise ValidationError(late, code="all")
        return day

    def clean(self) -> None:
        if self.cleaned_data.get("choice") == "other" and not self.cleaned_data.get("details"):
            self.add_error("details", "Say what you will do")

    @property
    def planned_day(self) -> date | None:
        return self.cleaned_data["plan_by"]

    @property
    def plan(self) -> str:
        """One text: the choice, then the words."""
        choice, details = self.cleaned_data["choice"], self.cleaned_data["details"].strip()
        if choice == "other":
            return details
        common = self.PLANS[choice]
        if choice == "as_recommended":
            common = f"As recommended: {self.finding.recommended_action}"
        return f"{common.rstrip('.')}. {details}".strip() if details else common


class DeclineForm(NamesSomebody, AnswerForm):
    """Not mine, in three ways: it stays mine and somebody else acts; I know whose; nobody knows."""

    whose = RadiosField(
        label="Whose is it?",
        choices=[
            ("acts", "Mine, but somebody else will act"),
            ("named", "Not mine, and I know whose it is"),
            ("unknown", "Not mine, and I do not know whose: send it up the ladder now"),
        ],
        hints={
            "acts": "You hold it and stay responsible. They are not told from here: ask them.",
            "named": "They are told at once and hold it from then on.",
            "unknown": "Your team holds it, and the next people on the ladder are told at once.",
        },
        reveals={"acts": ["who_acts"], "named": ["name", "person"]},
        missing="Select whose it is",
    )
    who_acts = TextField(
        label="Who will act?",
        help_text="A person or a service, for example the two-week-wait clinic.",
        required=False,
        max_length=120,
        missing="Say who will act",
    )
    because = TextareaField(
        label="Why is it not yours, or what will they do?",
        rows=3,
        max_length=LONGEST,
        missing="Say why it is not yours, or what will be done",
    )
    field_order = ("whose", "who_acts", "name", "person", "because")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.find_people()

    def clean(self) -> None:
        whose = self.cleaned_data.get("whose")
        if whose == "named":
            self.clean_person_named()
        elif whose == "acts" and not self.cleaned_data.get("who_acts"):
            missing_if_chosen(self, "whose")

    @property
    def acting(self) -> str:
        return self.cleaned_data["who_acts"].strip()

    @property
    def plan(self) -> str:
        """Of a finding that stays theirs; empty for one that is not."""
        if self.cleaned_data["whose"] != "acts":
            return ""
        return f"{self.acting} will act. {self.cleaned_data['because'].strip()}"

    @property
    def to(self) -> Person | None:
        named = self.cleaned_data["whose"] == "named"
        return self.cleaned_data.get("person") if named else None


class HandOverForm(NamesReceiver, AnswerForm):
    """A coordinator gives the finding to a person or a team, and says why."""

    because = TextareaField(
        label="Why are you handing it over?", rows=3, max_length=LONGEST, missing="Give a reason"
    )
    receiver = receiver_field(
        "Who should hold it?", "Select whether a person or a team should hold it"
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.find_receivers(teams_that_can_hold(self.finding))


def teams_that_can_hold(finding: Finding) -> Any:
    """Teams of the trust and of the asking practice in which somebody works now."""
    examination = finding.examination
    organisations = {finding.organisation_id}
    if examination.requesting_team:
        organisations.add(examination.requesting_team.organisation_id)
    return (
        Team.objects.filter(
            organisation__in=organisations,
            kind__in=Team.HOLDERS,
            memberships__person__is_active=True,
        )
        .exclude(pk=finding.owner_team_id or 0)
        .distinct()
    )
