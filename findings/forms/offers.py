"""Offering a finding to somebody else, and the answers to an offer."""

from typing import Any

from findings.form_fields import TextareaField
from findings.forms.answers import LONGEST, AnswerForm, HandOverForm
from findings.forms.receivers import receiver_field
from findings.models import Role, Team


class OfferForm(HandOverForm):
    """Who is asked, and why."""

    because = TextareaField(
        label="Why do you offer it to somebody else?",
        help_text="Whoever you ask reads this.",
        rows=3,
        max_length=LONGEST,
        missing="Give a reason",
    )
    receiver = receiver_field(
        "Whom do you ask?",
        "Select whether you ask a person or a team",
        "Everybody in the team is told and any of them can accept.",
    )
    or_else = ", or choose a team"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        team: Any = self.fields["team"]
        team.queryset = team.queryset.filter(
            kind__in=Team.CLINICAL,
            memberships__person__roles__contains=[Role.REFERRER],
        ).exclude(pk=self.finding.team_id)


class RefuseForm(AnswerForm):
    because = TextareaField(
        label="Why do you refuse?",
        help_text="Whoever holds the finding is told at once and can read this.",
        rows=3,
        max_length=LONGEST,
        missing="Say why you refuse",
    )
