"""What all answers for a finding have."""

from typing import Any, ClassVar

from django import forms

from findings.models import Finding, Person

LONGEST = 2000


class AnswerForm(forms.Form):
    """What all answers have: the finding, whoever answers, and what their page had seen."""

    # Fields that a link to the page may choose ahead.
    from_link: ClassVar[tuple[str, ...]] = ()
    # The number of the newest decision in the timeline when the page was drawn.
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *, finding: Finding, by: Person, seen: int, data: Any = None) -> None:
        self.finding, self.by = finding, by
        super().__init__(data, initial={"seen": seen})

    @property
    def has_seen(self) -> int:
        """0 when the page did not say, so that nothing passes by leaving it out."""
        return self.cleaned_data.get("seen") or 0

    def typed(self) -> list[tuple[str, str]]:
        """What was written, by its label: to copy from when the answer could not be taken."""
        written = ((field, field.value()) for field in self.visible_fields())
        return [
            (str(field.label), value)
            for field, value in written
            if isinstance(value, str) and value.strip() and isinstance(field.field, forms.CharField)
        ]
