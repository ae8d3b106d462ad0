"""What became of a recommended examination."""

from typing import Any

from django.utils import timezone

from findings import words
from findings.form_fields import RadiosField, TextareaField
from findings.forms.answers import LONGEST, AnswerForm
from findings.models import ProposedMatch, Recommendation
from findings.services.clocks import open_recommendation

NONE_OF_THESE = "none"


class FollowUpForm(AnswerForm):
    """One of the proposed examinations, none of them, done elsewhere, or not needed any more."""

    choice = RadiosField(
        label="What became of it?", choices=[], missing="Select what became of the examination"
    )
    because = TextareaField(
        label="Where and when it was done, or why it is not needed",
        help_text="Needed only if it was done elsewhere or is not needed any more. If it is none of"
        " these, you can say why.",
        required=False,
        rows=3,
        max_length=LONGEST,
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        recommendation = open_recommendation(self.finding)
        self.matches = {
            f"match-{match.pk}": match
            for match in ProposedMatch.objects.filter(
                recommendation=recommendation, refused_at__isnull=True
            ).select_related("examination")
        }
        choice: Any = self.fields["choice"]
        if recommendation is not None:
            due_on = words.near_day(recommendation.due_on, timezone.now())
            choice.label = f"What became of it: {recommendation.title}, due by {due_on}?"
        choice.choices = [
            *((key, _named(match)) for key, match in self.matches.items()),
            *([(NONE_OF_THESE, "None of these: it is still awaited")] if self.matches else []),
            (Recommendation.Outcome.ELSEWHERE.value, "It was done elsewhere"),
            (Recommendation.Outcome.NOT_NEEDED.value, "It is not needed any more"),
        ]

    def clean(self) -> None:
        chosen = self.cleaned_data.get("choice")
        if chosen in Recommendation.Outcome.values and not self.cleaned_data.get("because"):
            elsewhere = chosen == Recommendation.Outcome.ELSEWHERE
            self.add_error(
                "because",
                "Say where and when it was done" if elsewhere else "Say why it is not needed",
            )

    @property
    def match(self) -> ProposedMatch | None:
        """The examination that was selected, if one was."""
        return self.matches.get(self.cleaned_data["choice"])


def _named(match: ProposedMatch) -> str:
    examination = match.examination
    return f"{examination.title}, {words.when(examination.performed_at)}, {examination.accession}"
