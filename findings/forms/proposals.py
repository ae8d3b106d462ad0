"""Why what an alert code proposes is no finding."""

from django import forms

from findings.form_fields import TextareaField


class NotAFindingForm(forms.Form):
    """A reason in words: somebody may ask later why nothing was flagged."""

    because = TextareaField(
        label="Why it is not a finding",
        help_text="For example: it quotes an earlier report, or it is flagged as something else.",
        missing="Say why it is not a finding",
        max_length=280,
    )
