"""Was the flag useful? It may be left out when closing; afterwards it has a page of its own."""

from typing import Any

from django import forms

from findings.form_fields import RadiosField, TextareaField
from findings.models import Rating

LONGEST = 1000


class RatesFlag(forms.Form):
    """The question beside another answer: empty says nothing."""

    useful = RadiosField(
        label="Was this flag useful? (optional)",
        help_text="Whoever flagged it sees your answer beside the flag. It is about the flag, not"
        " about a person.",
        choices=Rating.Useful.choices,
        required=False,
        missing="Select whether the flag was useful",
    )
    useful_note = TextareaField(
        label="What would have made it more useful? (optional)",
        required=False,
        rows=2,
        max_length=LONGEST,
    )

    @property
    def rating(self) -> dict[str, Any] | None:
        """The arguments for the service; None where nothing was said."""
        useful = self.cleaned_data.get("useful")
        if not useful:
            return None
        return {"useful": Rating.Useful(useful), "note": self.cleaned_data["useful_note"]}

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        if given.get("useful_note") and not given.get("useful") and "useful" not in self.errors:
            self.add_error("useful", self.fields["useful"].error_messages["required"])
